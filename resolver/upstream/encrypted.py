"""Brings encrypted sessions in where a configuration names such servers; else none is loaded.

`sessions` takes the place of the network for all that is sent to a server, and what comes back goes
where datagrams go (`udp_queries`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver.protocol.names import ROOT
from resolver.upstream.opportunity import OpportunisticCounters
from resolver.upstream.session_counters import SessionCounters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from resolver.delegation import Key
    from resolver.model import Server
    from resolver.upstream.network import Network
    from resolver.upstream.opportunistic import Opportunist
    from resolver.upstream.outstanding import Outstanding
    from resolver.upstream.session import SessionPort
    from resolver.upstream.sessions import Sessions
    from resolver.upstream.shared_knowledge import SharedKnowledge
    from resolver.upstream.tls_terms import Terms
    from resolver.upstream.udp_queries import UdpQueries


class Encryption(NamedTuple):
    """What the configuration says of encrypted servers: on which *terms* each may be asked.

    *keeps_warm*: may sessions be opened ahead of need? *believes_clock*: is the machine's time good
    enough for the dates of certificates? *is_opportunistic*: are zones' servers asked encrypted
    where they can be? *authorities*: what files of them hold (PEM), for servers that are found
    later, when nobody may read them any more.
    """

    terms: Mapping[Key, Terms] = {}
    keeps_warm: bool = True
    believes_clock: Callable[[], bool] = lambda: True
    is_opportunistic: bool = False
    authorities: Mapping[str, str] = {}


NOTHING = Encryption()


class Encrypted:
    """The sessions of one dispatcher, once there are any."""

    def __init__(
        self,
        queries: UdpQueries,
        outstanding: Outstanding,
        shared: SharedKnowledge,
        *,
        network: Network,
        rng: Random,
    ) -> None:
        self.counters = SessionCounters()
        self.opportunistic = OpportunisticCounters()
        self._queries = queries
        self._outstanding = outstanding
        self._shared = shared
        self._network = network
        self._rng = rng
        self._sessions: Sessions | None = None
        self._nursery: trio.Nursery | None = None
        self._encryption = NOTHING
        self.opportunist: Opportunist | None = None

    def __repr__(self) -> str:
        return f"<Encrypted {self._sessions!r}>"

    def start(self, nursery: trio.Nursery) -> None:
        """Sessions live in *nursery* from now on."""
        self._nursery = nursery
        if self._sessions is not None:
            self._sessions.nursery = nursery

    def go_by(self, encryption: Encryption) -> None:
        """Another configuration, from the next query on."""
        self._encryption = encryption
        if self._sessions is None and encryption.terms:
            self._sessions = self._begin()
        if self._sessions is not None:
            self._sessions.go_by(encryption.terms)
        if encryption.is_opportunistic:
            self.opportunist = self.opportunist or self._seek()
            self.opportunist.take_effect()
        elif self.opportunist is not None:
            self.opportunist.end()
            self.opportunist = None

    def forget(self) -> None:
        """Which servers speak TLS though nobody said so is to be found out anew."""
        if self.opportunist is not None:
            self.opportunist.forget()

    def learn(self, key: Key, terms: Terms | None, *, stays_warm: bool = True) -> None:
        """As `Sessions.learn`: a server that was found, not configured."""
        if self._sessions is None and terms is not None:
            self._sessions = self._begin()
        if self._sessions is not None:
            self._sessions.learn(key, terms, stays_warm=stays_warm)

    def warm_up(self) -> None:
        """Have sessions with the servers of the configuration before the first question.

        It waits for one round trip then, not for three.
        """
        if self._sessions is not None and self._nursery is not None:
            allows = self._shared.filters.allows
            self._sessions.warm_up(lambda server: allows(server, ROOT, is_forward=True))

    async def prove(self, server: Server, within_s: float | None = None) -> str:
        """Open a session with a server of known terms: "" once there is one, else why not."""
        if self._sessions is None:
            return "no terms on which it may be asked"
        return await self._sessions.prove(server, within_s)

    def try_out(self, server: Server, within_s: float, then: Callable[[str], None]) -> None:
        """`prove` it in the background, and *then* say what came of it."""
        if self._nursery is None:
            then("nothing runs yet")
        else:
            self._nursery.start_soon(self._try_out, server, within_s, then)

    async def _try_out(self, server: Server, within_s: float, then: Callable[[str], None]) -> None:
        try:
            wrong = await self.prove(server, within_s)
        except OSError as error:
            wrong = str(error)
        then(wrong)

    def _seek(self) -> Opportunist:
        from resolver.upstream.opportunistic import Opportunist  # noqa: PLC0415 - as Sessions

        return Opportunist(
            self._shared,
            self.opportunistic,
            learn=lambda server, terms: self.learn(server.key, terms, stays_warm=False),
            try_out=self.try_out,
        )

    def _begin(self) -> Sessions:
        from resolver.upstream.sessions import Sessions  # noqa: PLC0415 - only where it is wanted

        sessions = Sessions(
            network=self._network,
            carriers=self._queries.carriers,
            rng=self._rng,
            counters=self.counters,
            hear=self._hear,
            departed=self._departed,
            keeps_warm=lambda: self._encryption.keeps_warm,
            believes_clock=self._believes_clock,
            link=self._shared.link,
        )
        sessions.nursery = self._nursery
        self._outstanding.ports = sessions
        return sessions

    def _hear(self, port: SessionPort, data: bytes | OSError) -> None:
        self._queries.on_datagram(port, data, trio.current_time())

    def _departed(self, port: SessionPort) -> None:
        self._queries.departed(port, trio.current_time())

    def _believes_clock(self) -> bool:
        return self._encryption.believes_clock()
