"""Behind a portal for a while: the network's own name servers answer, unvalidated, and no one else.

A portal wants a login before it lets anybody out, and shows its page by lying about names: what is
signed fails here, as it should, and the page is never seen. So an operator may have the whole
public tree asked of the name servers that the network offers (`runtime.network_resolvers`), without
validation, for some minutes. Zones that the configuration sends elsewhere go on as they are.

It is another configuration, by the way of a reload, so that nothing learnt meanwhile outlives it:
caches begin empty and are dropped at the end, and what went to disk came by a way that is not
there any more (`cache.basis`), so it is forgotten when it is read. What was known before is on
disk still. Who reloads the configuration from its file meanwhile has ended it, and so has who
carries the machine to another network, which the kernel tells: the name servers are not offered
any more, or the rest of the world is reached by another link. Zones that a link brings come and go
beside it: a VPN begins behind the portal, and offers name servers, too.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeAlias

import trio
from msgspec.structs import replace

from resolver.config.schema import Forward
from resolver.daemon.link_reading import default_links
from resolver.daemon.reload import reload
from resolver.errors import ConfigError, ResolverError
from resolver.limits import CAPTIVE_SECONDS, CAPTIVE_SECONDS_RANGE, LINK_LOOK_SECONDS, TICK_SECONDS
from resolver.runtime import network_resolvers
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.config.schema import Config
    from resolver.daemon.run import Daemon

    _Ways: TypeAlias = frozenset[str] | None

_log = logging.getLogger(__name__)


class NotCaptive(ResolverError):
    """It cannot be done as it was asked: one sentence, why."""


def captive_config(config: Config, everything: Forward) -> Config:
    """*config*, with all that is resolved from the root, or sent away as a whole, sent where
    *everything* goes, and believed as it comes."""
    kept = tuple(entry for entry in config.forward if entry.zone != ".")
    stubs = tuple(entry for entry in config.stub if entry.zone != ".")
    dnssec = replace(config.dnssec, validate=False)
    root = replace(config.root, local=False)
    return replace(config, forward=(everything, *kept), stub=stubs, dnssec=dnssec, root=root)


class Captive:
    """Whether *daemon* goes by the network's own name servers now, and until when.

    *offered* finds them, *ways* the links by which the rest of the world is reached.
    """

    def __init__(
        self,
        daemon: Daemon,
        offered: Callable[[], Sequence[str]] = network_resolvers.offered,
        ways: Callable[[], _Ways] = default_links,
    ) -> None:
        self._daemon = daemon
        self._offered = offered
        self._ways = ways
        self._usual: Config | None = None  # to go back to
        self._everything: Forward | None = None  # what we have put into the configuration
        self._timer = trio.CancelScope()
        self.until = 0.0
        self.hosts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Captive {'until ' + str(self.until) if self.is_on else 'off'}>"

    @property
    def is_on(self) -> bool:
        """False too once somebody has reloaded the configuration meanwhile."""
        return _has(self._daemon.config, self._everything)

    async def begin(self, seconds: float = CAPTIVE_SECONDS) -> tuple[str, ...]:
        """From now on, for so many *seconds*; whom it asks. Once more while it lasts: anew.

        Raises NotCaptive where the network offers nobody, or for a time that is not allowed.
        """
        low, high = CAPTIVE_SECONDS_RANGE
        if not low <= seconds <= high:
            raise NotCaptive(f"for {low} to {high} seconds at a time")
        hosts = await trio.to_thread.run_sync(self._offered)
        ways = await trio.to_thread.run_sync(self._ways)
        if not hosts:
            raise NotCaptive("no name server of the network's is noted on this machine")
        everything = Forward(zone=".", addresses=tuple(hosts))
        usual = self._daemon.config

        def captive(now: Config) -> Config:
            nonlocal usual
            was_on = _has(now, self._everything)
            usual = self._usual if was_on and self._usual is not None else now
            return captive_config(usual, everything)

        try:
            await reload(self._daemon, captive)
        except ConfigError as error:
            raise NotCaptive(str(error)) from None
        self._usual, self._everything = usual, everything
        self._timer.cancel()
        self._timer = trio.CancelScope()
        self.until = trio.current_time() + seconds
        self.hosts = tuple(hosts)
        self._daemon.nursery.start_soon(self._end_in_time, self._timer, everything, ways)
        said = ", ".join(hosts), duration(seconds)
        _log.warning("captive: asking the network's own %s, unvalidated, for %s", *said)
        return tuple(hosts)

    async def end(self) -> bool:
        """Now. False if it was over already. Raises ConfigError where a file has gone meanwhile."""
        was_on = self.is_on
        if was_on and self._everything is not None:
            await self._go_back(self._everything)
        self._timer.cancel()
        return was_on

    async def _go_back(self, everything: Forward) -> None:
        """To what was before *everything* went elsewhere, if it does still. Raises ConfigError."""
        usual = self._usual
        if usual is None or not _has(self._daemon.config, everything):
            return
        await reload(self._daemon, lambda now: usual if _has(now, everything) else now)
        _log.warning("captive: over; what was learnt meanwhile is forgotten")

    async def _until_elsewhere(self, hosts: tuple[str, ...], ways: _Ways) -> None:
        """Until a link changes, and with it the network: this one's portal is behind us."""
        try:
            links = self._daemon.parts.dispatcher.network.hear_links(losses=True)
        except OSError as error:
            _log.debug("changes of links are not told: %s", error)
            await trio.sleep_forever()
        try:
            while await trio.to_thread.run_sync(self._is_here, hosts, ways):
                with trio.move_on_after(TICK_SECONDS):  # what DHCP says comes after the carrier
                    await links.changed()
                    await trio.sleep(LINK_LOOK_SECONDS)
        finally:
            links.close()

    def _is_here(self, hosts: tuple[str, ...], ways: _Ways) -> bool:
        """Is it the same network still? A VPN within it brings name servers of its own, beside."""
        return set(hosts) <= set(self._offered()) and self._ways() == ways

    async def _end_in_time(self, timer: trio.CancelScope, everything: Forward, ways: _Ways) -> None:
        """What cannot be had again now is tried later: nobody stays unvalidated unasked."""
        with timer:
            with trio.move_on_at(self.until):
                await self._until_elsewhere(everything.addresses, ways)
            is_told = False
            while _has(self._daemon.config, everything):
                try:
                    with trio.CancelScope(shield=True):  # a reload is done as a whole
                        await self._go_back(everything)
                except ConfigError as error:
                    if not is_told:
                        _log.error("captive: not ended, tried again: %s", error)
                    is_told = True
                    await trio.sleep(TICK_SECONDS)


def _has(config: Config, made: Forward | None) -> bool:
    """Is what we *made* in it? What an operator has written in the same words is not."""
    return any(entry is made for entry in config.forward)
