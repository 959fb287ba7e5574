"""The prefix of the network's translator: what routers advertise (RFC 8781), else by asking for
`ipv4only.arpa` (RFC 7050).

What a router says counts first, for as long as it says, or until a link has changed: then only what
was heard about that time, for it may be another network. The name has two well-known IPv4 addresses
and no others, so an AAAA record of it was made by a DNS64, and shows the prefix. Who is asked: the
forwarders of `.`, if there are any, else the name servers that the network itself offers
(`runtime.network_resolvers`), since a resolver that walks from the root never meets the network's
DNS64. Asked again when the records have run out, soon where nobody said anything, and when a link
has changed. What is found says where packets go, and is believed of whom the network's addresses
are believed of too: no validation could prove it (RFC 7050 §3.1).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

from resolver.budget import Share
from resolver.delegation import Delegation, Server
from resolver.errors import ResolutionFailed, ResolverError, WireError
from resolver.limits import (
    LINK_LOOK_SECONDS,
    NAT64_LEAST_SECONDS,
    NAT64_LOOK_SECONDS,
    NAT64_MOST_SECONDS,
    NAT64_MOVED_SECONDS,
    NAT64_PREFIXES,
    QUERY_SECONDS,
)
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.nat64 import advertised_untrusted, prefixes_untrusted
from resolver.runtime import network_resolvers
from resolver.upstream.designated import classify
from resolver.upstream.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.daemon.wiring import Parts
    from resolver.protocol.nat64 import Prefix

QUESTION: Final = Question(names.from_text("ipv4only.arpa."), RRType.AAAA)
_NAMESERVER: Final = names.from_text("network.invalid.")
_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """What was said, and for how many seconds it counts. No prefixes: there is no translator."""

    prefixes: tuple[Prefix, ...]
    seconds: float


class PrefixFinder:
    """Keeps `Translating.found` true. *parts*: those in use now; *offered* finds name servers,
    those of the network itself unless given."""

    def __init__(
        self,
        parts: Callable[[], Parts],
        say: Callable[[str, int], None],
        offered: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self._parts = parts
        self._say = say
        self._offered = offered or network_resolvers.offered
        self._has_said = False
        self.has_looked = trio.Event()  # once at least
        self._advertised: dict[Prefix, tuple[float, float]] = {}  # when heard, until when it counts

    async def run(self) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            changed = trio.Event()
            nursery.start_soon(self._hear, lambda: changed)
            nursery.start_soon(self._hear_routers, lambda: changed)
            while True:
                found = await self.look()
                if found is not None:
                    self._use(found.prefixes)
                self.has_looked.set()
                with trio.move_on_after(NAT64_LOOK_SECONDS if found is None else found.seconds):
                    await changed.wait()
                changed = trio.Event()

    async def look(self) -> Found | None:
        """What is said of the prefix now; None: nobody said anything."""
        now, parts = trio.current_time(), self._parts()
        lasting = {one: end for one, (_, end) in self._advertised.items() if end > now}
        if lasting:
            seconds = min(min(lasting.values()) - now, NAT64_MOST_SECONDS)
            return Found(tuple(sorted(lasting)), seconds)
        if any(entry.zone == "." for entry in parts.config.forward):
            return await self._by_forwarders(parts)
        for host in await trio.to_thread.run_sync(self._offered):
            found = await self._by(host, parts)
            if found is not None:
                return found
        return None

    async def _by_forwarders(self, parts: Parts) -> Found | None:
        budget = Share.for_client(trio.current_time() + QUERY_SECONDS)
        try:
            answer = await parts.resolver.resolve(QUESTION, budget, checking=False, renews=True)
        except ResolutionFailed:
            return None
        records = [rrset for rrset in answer.answer if rrset.rtype == RRType.AAAA]
        rdatas = [rdata for rrset in records for rdata in rrset.rdatas]
        return _found(rdatas, [rrset.ttl for rrset in (*records, *answer.authority)])

    async def _by(self, host: str, parts: Parts) -> Found | None:
        server = Server(host, 53, _NAMESERVER)
        asked = Delegation(
            names.ROOT, (_NAMESERVER,), {_NAMESERVER: (server,)},
            is_forward=True, is_last_word=True,
        )  # fmt: skip
        budget = Share.for_client(trio.current_time() + QUERY_SECONDS)
        request = Request(QUESTION, asked, classify, _nobody_else, budget)
        try:
            message = (await parts.dispatcher.ask(request)).message
        except ResolverError as error:
            _log.debug("NAT64: %s says nothing of ipv4only.arpa: %s", host, error)
            return None
        records = [one for one in message.answer if one.rtype == RRType.AAAA]
        ttls = [one.ttl for one in (*records, *message.authority)]
        return _found([one.rdata for one in records], ttls)

    def _use(self, prefixes: tuple[Prefix, ...]) -> None:
        parts = self._parts()
        found = parts.base.translating.found
        if found.now == prefixes and self._has_said:
            return
        if found.now != prefixes:
            found.now = prefixes
            parts.packets.flush()
            parts.dispatcher.ways.hasten(trio.current_time())  # there is a way now, or another
        self._has_said = True
        said = ", ".join(map(str, prefixes)) or "none in this network"
        self._say(f"NAT64: prefix {said}", logging.INFO)

    async def _hear(self, changed: Callable[[], trio.Event]) -> None:
        """Have it looked for again when a link has changed."""
        try:
            links = self._parts().dispatcher.network.hear_links()
        except OSError as error:
            _log.debug("changes of links are not told: %s", error)
            return
        try:
            while True:
                await links.changed()
                await trio.sleep(LINK_LOOK_SECONDS)
                self._forget(before=trio.current_time() - NAT64_MOVED_SECONDS)
                changed().set()
        finally:
            links.close()

    def _forget(self, before: float) -> None:
        """What routers said *before* that."""
        for one in [one for one, (heard, _) in self._advertised.items() if heard < before]:
            del self._advertised[one]

    async def _hear_routers(self, changed: Callable[[], trio.Event]) -> None:
        try:
            routers = self._parts().dispatcher.network.hear_routers()
        except OSError as error:
            _log.debug("advertisements of routers are not told: %s", error)
            return
        try:
            while True:
                for option in await routers.advertised():
                    self._note(option)
                changed().set()
        finally:
            routers.close()

    def _note(self, option: bytes) -> None:
        try:
            prefix, seconds = advertised_untrusted(option)
        except WireError as error:
            _log.debug("a router advertises %s", error)
            return
        now = trio.current_time()
        if not seconds:
            self._advertised.pop(prefix, None)
        elif prefix in self._advertised or len(self._advertised) < NAT64_PREFIXES:
            self._advertised[prefix] = now, now + seconds


def _found(rdatas: Sequence[bytes], ttls: Sequence[int]) -> Found:
    seconds = min(max(min(ttls, default=0), NAT64_LEAST_SECONDS), NAT64_MOST_SECONDS)
    return Found(prefixes_untrusted(rdatas)[:NAT64_PREFIXES], seconds)


async def _nobody_else() -> bool:
    return False
