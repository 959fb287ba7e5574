"""Forwarders written in clear text that are to be had encrypted: found, proven, and kept up.

Of each `[[forward]]` with `discover = true` every address in clear text is asked what it designates
(`upstream.designated`), again when that has run out, and soon where what was found does not answer.
A session is opened with each, so that its certificate has been seen before a question goes there;
those that prove nothing are not asked. Clear text stays beside them, for that is what was written:
it is asked where nobody encrypted answers, and each change of that is told.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple, Protocol

import trio

from resolver.budget import Share
from resolver.daemon.encryption import found_terms, unproven_terms
from resolver.daemon.zones import server_of
from resolver.errors import ConfigError, ResolverError
from resolver.limits import DESIGNATED_NOBODY_SECONDS, DESIGNATION_LOOK_SECONDS, QUERY_SECONDS
from resolver.model import Delegation
from resolver.protocol import names
from resolver.protocol.transport import Transport
from resolver.upstream import designated
from resolver.upstream.designated import QUESTION, RESOLVER_ARPA
from resolver.upstream.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from resolver.config.forwarders import Forwarder
    from resolver.config.schema import Config, Forward
    from resolver.model import Name, Server
    from resolver.upstream.designated import Designated
    from resolver.upstream.dispatcher import Dispatcher
    from resolver.upstream.encrypted import Encryption
    from resolver.upstream.infra import Infra
    from resolver.upstream.tls_terms import Terms


class Forwarding(Protocol):
    """What has forwarders (`wiring.Parts`)."""

    config: Config
    fixed: dict[Name, Delegation]
    infra: Infra
    dispatcher: Dispatcher
    encryption: Encryption


class Proven(NamedTuple):
    """One that may be asked, and what proves it, in words."""

    server: Server
    by: str


class Discovery:
    """Of one configuration. *known*: what an earlier one has found goes on meanwhile.

    *say*: one line, at a level: encrypted or in clear text, that is for the operator to know.
    """

    def __init__(
        self,
        parts: Forwarding,
        known: Mapping[Server, tuple[Proven, ...]],
        say: Callable[[str, int], None],
    ) -> None:
        self._parts = parts
        self._say = say
        self._told: dict[Server, str] = {}
        zones = {names.from_text(one.zone): one for one in parts.config.forward if one.discover}
        self.entries: dict[Server, tuple[Delegation, Forward]] = {
            server: (parts.fixed[zone], entry)
            for zone, entry in zones.items()
            for server in parts.fixed[zone].given()
            if server.transport is Transport.UDP
        }
        self.known = {server: found for server, found in known.items() if server in self.entries}
        self._forget(*(one for each in known.keys() - self.entries.keys() for one in known[each]))

    @property
    def count(self) -> int:
        """Encrypted resolvers that are in use."""
        return sum(map(len, self.known.values()))

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            for server in self.entries:
                nursery.start_soon(self._keep, server)

    async def _keep(self, server: Server) -> None:
        if self.known.get(server):
            self._put_beside(server)
        while True:
            said = await self._ask(server)
            if said is None:
                await trio.sleep(DESIGNATION_LOOK_SECONDS)
                continue
            proven, why = await self._prove(server, said)
            self._use(server, proven, why)
            wait_s = said.ttl if proven else DESIGNATED_NOBODY_SECONDS
            await self._while_they_answer(proven, trio.current_time() + wait_s)

    async def _while_they_answer(self, proven: Iterable[Proven], until: float) -> None:
        """Until then, or until one of them is of no use."""
        states = [self._parts.infra.state(one.server) for one in proven]
        while (left_s := until - trio.current_time()) > 0:
            await trio.sleep(min(left_s, DESIGNATION_LOOK_SECONDS))
            if any(state.fails or state.is_unreachable for state in states):
                return

    async def _ask(self, server: Server) -> Designated | None:
        """What *server* designates; None where it does not say."""
        entry = self.entries[server][0]
        asked = Delegation(
            RESOLVER_ARPA, (server.nameserver,), {server.nameserver: (server,)},
            is_forward=True, is_last_word=True, way=entry.way,
        )  # fmt: skip
        budget = Share.for_client(trio.current_time() + QUERY_SECONDS)
        request = Request(QUESTION, asked, designated.classify, _nobody_else, budget)
        try:
            reply = await self._parts.dispatcher.ask(request)
        except ResolverError as error:
            self._tell(server, f"does not say what it designates ({error})", logging.WARNING)
            return None
        return designated.read_untrusted(reply.message, server)

    async def _prove(self, server: Server, said: Designated) -> tuple[tuple[Proven, ...], str]:
        """Those that are who they should be, over one transport; where there is none, why."""
        proven: list[Proven] = []
        why = "it designates nobody that can be asked encrypted"
        for one in said.candidates():
            if proven and one.transport is not proven[0].server.transport:
                break
            found, wrong = await self._proven(server, one)
            if found is None:
                why = wrong
            else:
                proven.append(found)
        return tuple(proven), why

    async def _proven(self, server: Server, one: Forwarder) -> tuple[Proven | None, str]:
        delegation, entry = self.entries[server]
        candidate = server_of(one, server.nameserver)
        if candidate in delegation.given():
            return None, f"{one} is asked already"
        try:
            read = self._parts.encryption.authorities.get(entry.ca_file)
            terms = found_terms(entry, one, candidate, authorities=read)
        except ConfigError as error:
            return None, str(error)
        wrong = await self._try(candidate, terms)
        if not wrong:
            return Proven(candidate, "its certificate proves it"), ""
        if designated.is_same_private(one, server) and not entry.pins:
            still_wrong = await self._try(candidate, unproven_terms(one, candidate))
            if not still_wrong:
                return Proven(candidate, "not proven: a private address"), ""
        self.known[server] = tuple(
            each for each in self.known.get(server, ()) if each.server != candidate
        )
        self._forget(Proven(candidate, ""))
        return None, f"{one} was not proven: {wrong}"

    async def _try(self, candidate: Server, terms: Terms) -> str:
        encrypted = self._parts.dispatcher.encrypted
        encrypted.learn(candidate.key, terms)
        return await encrypted.prove(candidate)

    def _use(self, server: Server, proven: tuple[Proven, ...], why: str) -> None:
        """Have questions go there, and say so."""
        before, self.known[server] = self.known.get(server, ()), proven
        self._forget(*before)
        self._put_beside(server)
        now = trio.current_time()
        for one in proven:
            self._parts.infra.state(one.server).note_alive(now)
        if proven:
            said = ", ".join(f"{_url(one.server)} ({one.by})" for one in proven)
            self._tell(server, f"is asked over {said}", logging.INFO)
        else:
            self._tell(server, f"is asked in clear text: {why}", logging.WARNING)

    def _put_beside(self, server: Server) -> None:
        """All that was found for the zone of *server* is asked first."""
        delegation = self.entries[server][0]
        beside = {
            one.server: None
            for each, found in self.known.items()
            if self.entries[each][0] is delegation
            for one in found
        }
        delegation.book.designate(server.nameserver, tuple(beside))

    def _forget(self, *found: Proven) -> None:
        """Those that nobody designates any more."""
        used = {one.server.key for each in self.known.values() for one in each}
        for one in found:
            if one.server.key not in used:
                self._parts.dispatcher.encrypted.learn(one.server.key, None)

    def _tell(self, server: Server, what: str, level: int) -> None:
        """Once, until it is something else."""
        if self._told.get(server) != what:
            self._told[server] = what
            zone = names.to_text(self.entries[server][0].zone)
            self._say(f"forward {zone}: {server.host} {what}", level)


def _url(server: Server) -> str:
    host = f"[{server.host}]" if server.is_ipv6 else server.host
    return f"{server.transport.value}://{host}:{server.port}"


async def _nobody_else() -> bool:
    return False
