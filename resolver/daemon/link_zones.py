"""Zones that a network link brings with it, as forwards for as long as it is up (`[network]`).

What `link_reading` reads is put into the configuration as if the operator had written it,
behind what the operator did write, and by the way of a reload: so caches forget what a zone made
wrong, and nothing learnt from a link outlives it. Such a zone is believed as it comes, for hardly
any is signed: a negative trust anchor says so.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Protocol

import trio
from msgspec.structs import replace

from resolver.config.schema import Forward
from resolver.daemon.link_reading import LinkZone, Unreadable, default_links, networkd, zones_of
from resolver.errors import ConfigError
from resolver.limits import LINK_LOOK_SECONDS, LINK_ZONES, LINK_ZONES_LOOK_SECONDS
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from resolver.config.schema import Config
    from resolver.daemon.link_reading import Said
    from resolver.daemon.wiring import Parts
    from resolver.upstream.network import LinkChanges

_log = logging.getLogger(__name__)
_REMEMBERED = 4 * LINK_ZONES  # forwards and anchors of two configurations


def read(whose: str) -> tuple[LinkZone, ...]:
    """Those that *whose* word, of `network.forward_zones`, tells of now. Raises Unreadable."""
    return zones_of(SOURCES[whose](), default_links())


def _resolved() -> list[Said]:
    from resolver.daemon import link_bus  # noqa: PLC0415 - where it is wanted

    return link_bus.resolved()


def _network_manager() -> list[Said]:
    from resolver.daemon import link_bus  # noqa: PLC0415 - where it is wanted

    return link_bus.network_manager()


# As `network.forward_zones` calls them; each raises Unreadable.
SOURCES: Final = {"networkd": networkd, "resolved": _resolved, "networkmanager": _network_manager}


class Linked(Protocol):
    """The process, as far as links bring it zones (`run.Daemon`)."""

    parts: Parts
    nursery: trio.Nursery

    @property
    def config(self) -> Config: ...


class LinkZones:
    """Which of them *daemon* goes by now. *reader*: as `read`."""

    def __init__(self, daemon: Linked, reader: Callable[[str], Sequence[LinkZone]] = read) -> None:
        self._daemon = daemon
        self._reload: Callable[[], Awaitable[object]] | None = None
        self.reader = reader
        self._trouble = ""
        self._scope: trio.CancelScope | None = None
        self._made: list[object] = []  # what we have put into configurations, by identity
        self.found: tuple[LinkZone, ...] = ()

    def __repr__(self) -> str:
        return f"<LinkZones {', '.join(each.zone for each in self.found) or 'none'}>"

    def added_to(self, config: Config) -> Config:
        """*config* with those that there are now, in the place of those that there were."""
        config = self._without(config)
        if config.network.forward_zones == "off":
            self.found = ()
        taken = {names.from_text(entry.zone) for entry in (*config.forward, *config.stub)}
        fresh = [
            Forward(zone=each.zone, addresses=each.hosts)
            for each in self.found
            if names.from_text(each.zone) not in taken
        ]
        if not fresh:
            return config
        waived = [each.zone for each in fresh]
        self._made = [*self._made, *fresh, *waived][-_REMEMBERED:]
        anchors = (*config.dnssec.negative_trust_anchors, *waived)
        dnssec = replace(config.dnssec, negative_trust_anchors=anchors)
        return replace(config, forward=(*config.forward, *fresh), dnssec=dnssec)

    def _without(self, config: Config) -> Config:
        """*config* as it was before `added_to`, if that has been at it; what an operator has
        written in the same words is another object."""
        forward = tuple(each for each in config.forward if not self._is_made(each))
        if len(forward) == len(config.forward):
            return config
        anchors = config.dnssec.negative_trust_anchors
        kept = tuple(each for each in anchors if not self._is_made(each))
        dnssec = replace(config.dnssec, negative_trust_anchors=kept)
        return replace(config, forward=forward, dnssec=dnssec)

    def _is_made(self, entry: object) -> bool:
        return any(entry is one for one in self._made)

    # --- what changes meanwhile ----------------------------------------------------------------

    def begin(self, reload: Callable[[], Awaitable[object]]) -> None:
        """Follow them from now on; *reload* has the process go by its configuration once more, with
        what `added_to` makes of it then."""
        self._reload = reload
        self.go_by()

    def go_by(self) -> None:
        """Follow the links as the configuration wants it by now."""
        if self._reload is None:
            return
        is_wanted = self._daemon.config.network.forward_zones != "off"
        if is_wanted and self._scope is None:
            self._scope = trio.CancelScope()
            self._daemon.nursery.start_soon(self._run, self._scope)
        elif not is_wanted and self._scope is not None:
            self._scope.cancel()
            self._scope = None

    async def _run(self, scope: trio.CancelScope) -> None:
        with scope:
            await self._follow()

    async def _follow(self) -> None:
        """Until cancelled."""
        links: LinkChanges | None = None
        try:
            while True:
                links = links or self._hear()
                await self.look()
                with trio.move_on_after(LINK_ZONES_LOOK_SECONDS):
                    await _changed(links)
                    await trio.sleep(LINK_LOOK_SECONDS)  # servers and domains come after the link
        finally:
            if links is not None:
                links.close()

    def _hear(self) -> LinkChanges | None:
        try:
            return self._daemon.parts.dispatcher.network.hear_links(losses=True)
        except OSError as error:
            _log.debug("changes of links are not told: %s", error)
            return None

    async def look(self) -> None:
        """Go by what there is now."""
        whose = self._daemon.config.network.forward_zones
        if whose == "off" or self._reload is None:
            return
        try:
            found = tuple(await trio.to_thread.run_sync(self.reader, whose))
        except Unreadable as error:
            self._tell(str(error))
            found = ()
        else:
            self._tell("")
        if found == self.found:
            return
        before, self.found = self.found, found
        try:
            await self._reload()
        except ConfigError as error:
            self.found = before
            self._tell(f"zones of links are left as they are: {error}")
            return
        _log.warning("network.forward_zones: %s", in_words(found))

    def _tell(self, trouble: str) -> None:
        """One line for each trouble."""
        if trouble and trouble != self._trouble:
            _log.warning("network.forward_zones: %s", trouble)
        self._trouble = trouble


async def _changed(links: LinkChanges | None) -> None:
    if links is None:
        await trio.sleep_forever()
    else:
        await links.changed()


def in_words(found: Iterable[LinkZone]) -> str:
    """For a log, or `resolver check`."""
    said = [f"{one.zone} to {', '.join(one.hosts)} ({one.link})" for one in found]
    return "; ".join(said) or "no link brings a zone"
