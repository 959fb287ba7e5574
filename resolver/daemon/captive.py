"""Behind a portal for a while: the network's own name servers answer, unvalidated, and no one else.

A portal wants a login before it lets anybody out, and shows its page by lying about names: what is
signed fails here, as it should, and the page is never seen. So an operator may have the whole
public tree asked of the name servers that the network offers (`runtime.network_resolvers`), without
validation, for some minutes. Zones that the configuration sends elsewhere go on as they are.

It is another configuration, by the way of a reload, so that nothing learnt meanwhile outlives it:
caches begin empty and are dropped at the end, and what went to disk came by a way that is not
there any more (`cache.basis`), so it is forgotten when it is read. What was known before is on
disk still. Who reloads the configuration meanwhile has ended it, and so has who carries the
machine to another network, which the kernel tells.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio
from msgspec.structs import replace

from resolver.config.schema import Forward
from resolver.daemon.reload import reload
from resolver.errors import ConfigError, ResolverError
from resolver.limits import CAPTIVE_SECONDS, CAPTIVE_SECONDS_RANGE, LINK_LOOK_SECONDS, TICK_SECONDS
from resolver.runtime import network_resolvers
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.config.schema import Config
    from resolver.daemon.run import Daemon

_log = logging.getLogger(__name__)


class NotCaptive(ResolverError):
    """It cannot be done as it was asked: one sentence, why."""


def captive_config(config: Config, hosts: Sequence[str]) -> Config:
    """*config*, with all that is resolved from the root, or sent away as a whole, sent to *hosts*,
    and believed as it comes."""
    kept = tuple(entry for entry in config.forward if entry.zone != ".")
    stubs = tuple(entry for entry in config.stub if entry.zone != ".")
    everything = Forward(zone=".", addresses=tuple(hosts))
    dnssec = replace(config.dnssec, validate=False)
    root = replace(config.root, local=False)
    return replace(config, forward=(everything, *kept), stub=stubs, dnssec=dnssec, root=root)


class Captive:
    """Whether *daemon* goes by the network's own name servers now, and until when.

    *offered* finds them.
    """

    def __init__(
        self,
        daemon: Daemon,
        offered: Callable[[], Sequence[str]] = network_resolvers.offered,
    ) -> None:
        self._daemon = daemon
        self._offered = offered
        self._usual: Config | None = None
        self._captive: Config | None = None
        self._timer = trio.CancelScope()
        self.until = 0.0
        self.hosts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Captive {'until ' + str(self.until) if self.is_on else 'off'}>"

    @property
    def is_on(self) -> bool:
        """False too once somebody has reloaded the configuration meanwhile."""
        return self._captive is not None and self._daemon.config == self._captive

    async def begin(self, seconds: float = CAPTIVE_SECONDS) -> tuple[str, ...]:
        """From now on, for so many *seconds*; whom it asks. Once more while it lasts: anew.

        Raises NotCaptive where the network offers nobody, or for a time that is not allowed.
        """
        low, high = CAPTIVE_SECONDS_RANGE
        if not low <= seconds <= high:
            raise NotCaptive(f"for {low} to {high} seconds at a time")
        hosts = await trio.to_thread.run_sync(self._offered)
        if not hosts:
            raise NotCaptive("no name server of the network's is noted on this machine")
        usual = self._usual if self.is_on and self._usual is not None else self._daemon.config
        captive = captive_config(usual, hosts)
        try:
            await reload(self._daemon, captive)
        except ConfigError as error:
            raise NotCaptive(str(error)) from None
        self._usual, self._captive = usual, self._daemon.config
        self._timer.cancel()
        self._timer = trio.CancelScope()
        self.until = trio.current_time() + seconds
        self.hosts = tuple(hosts)
        self._daemon.nursery.start_soon(self._end_in_time, self._timer, tuple(hosts))
        said = ", ".join(hosts), duration(seconds)
        _log.warning("captive: asking the network's own %s, unvalidated, for %s", *said)
        return tuple(hosts)

    async def end(self) -> bool:
        """Now. False if it was over already. Raises ConfigError where a file has gone meanwhile."""
        self._timer.cancel()
        was_on, usual = self.is_on, self._usual
        self._captive = self._usual = None
        if not was_on or usual is None:
            return False
        await reload(self._daemon, usual)
        _log.warning("captive: over; what was learnt meanwhile is forgotten")
        return True

    async def _until_elsewhere(self, hosts: tuple[str, ...]) -> None:
        """Until a link changes, and the network offers others: this one's portal is behind us."""
        try:
            links = self._daemon.parts.dispatcher.network.hear_links()
        except OSError as error:
            _log.debug("changes of links are not told: %s", error)
            await trio.sleep_forever()
        try:
            while tuple(await trio.to_thread.run_sync(self._offered)) == hosts:
                with trio.move_on_after(TICK_SECONDS):  # what DHCP says comes after the carrier
                    await links.changed()
                    await trio.sleep(LINK_LOOK_SECONDS)
        finally:
            links.close()

    async def _end_in_time(self, timer: trio.CancelScope, hosts: tuple[str, ...]) -> None:
        with timer, trio.move_on_at(self.until):
            await self._until_elsewhere(hosts)
        if timer.cancelled_caught:
            return
        try:
            await self.end()
        except ConfigError as error:
            _log.error("captive: not ended, the configuration cannot be had: %s", error)
