"""The nearest servers of the public tree that answer: witnesses for what is on our side of a cut.

Where all international links are cut, the root's servers are silent and a country's own servers
answer: that is no outage, and names that are served there must not wait for its end. Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from resolver.limits import (
    EXPIRY_FLOOR_SECONDS,
    OUTAGE_NEIGHBOURS,
    OUTAGE_VERDICT_RTTS,
    OUTAGE_VERDICT_SECONDS,
)
from resolver.model import Question, Server
from resolver.protocol import names
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.model import Name
    from resolver.upstream.infra import Infra
    from resolver.upstream.server_state import ServerState


class Witness(NamedTuple):
    """Who is asked what to find out whether anybody answers; *owner_domain*: whose zone it is."""

    server: Server
    state: ServerState
    question: Question
    owner_domain: Name


class KeptWitness(NamedTuple):
    """One in a snapshot: plain values, ready for JSON; names as text."""

    host: str
    port: int
    transport: str
    auth_name: str
    nameserver: str
    qname: str
    qtype: int
    owner_domain: str


class Neighbours:
    """One server a prefix, with the question that it answered last. *far_s* below 0: none is.

    Most answers cost one comparison: with *far_s*, from which on a server is no neighbour.
    """

    __slots__ = ("_by_prefix", "far_s")

    def __init__(self, *, far_s: float = math.inf) -> None:
        self._by_prefix: dict[str, Witness] = {}
        self.far_s = far_s

    def __repr__(self) -> str:
        return f"<Neighbours {len(self._by_prefix)} nearer than {self.far_s:.3f} s>"

    def __bool__(self) -> bool:
        return bool(self._by_prefix)

    def __iter__(self) -> Iterator[Witness]:
        return iter(sorted(self._by_prefix.values(), key=_srtt))

    def note(self, witness: Witness) -> None:
        """A server nearer than *far_s* has answered. One asked over TLS is no witness: it costs."""
        if witness.state.is_encrypted:
            return
        prefix = witness.state.prefix
        kept = self._by_prefix.get(prefix)
        self._by_prefix[prefix] = witness
        if kept is not None and kept.state is witness.state:
            return
        if len(self._by_prefix) > OUTAGE_NEIGHBOURS:
            del self._by_prefix[max(self._by_prefix.values(), key=_srtt).state.prefix]
        self._settle()

    def snapshot(self) -> list[KeptWitness]:
        """What is worth keeping over a restart: else a start into a cut knows nobody at home."""
        return [
            KeptWitness(
                *server.key[:2],
                server.transport.value,
                server.auth_name,
                names.to_text(server.nameserver),
                names.to_text(question.qname),
                question.qtype,
                names.to_text(owner_domain),
            )
            for server, _, question, owner_domain in self
        ]

    def restore(self, kept: Iterable[KeptWitness], infra: Infra) -> None:
        """Take a snapshot. Raises ValueError where it holds what is no name or transport."""
        for host, port, transport, auth_name, nameserver, qname, qtype, owner_domain in kept:
            name = names.from_text(nameserver)
            server = Server(host, port, name, Transport(transport), auth_name)
            question = Question(names.from_text(qname), qtype)
            self.note(Witness(server, infra.state(server), question, names.from_text(owner_domain)))

    def forget_silent(self) -> None:
        """Somebody answers, but not they."""
        kept = self._by_prefix.items()
        if not any(one.state.fails for _, one in kept):
            return
        self._by_prefix = {prefix: one for prefix, one in kept if not one.state.fails}
        self._settle()

    def _settle(self) -> None:
        is_full = len(self._by_prefix) >= OUTAGE_NEIGHBOURS
        self.far_s = max(map(_srtt, self._by_prefix.values())) if is_full else math.inf


def patience_s(witnesses: Iterable[Witness]) -> float:
    """Seconds until *witnesses* that were asked now have had their chance to answer.

    OUTAGE_VERDICT_SECONDS at most, unless the nearest of them is further away than that.
    """
    states = [witness.state for witness in witnesses]
    slowest = max((state.overdue_s for state in states), default=0.0)
    nearest = min((state.expected_rtt_s for state in states), default=0.0)
    usual = min(OUTAGE_VERDICT_SECONDS, max(EXPIRY_FLOOR_SECONDS, slowest))
    return max(usual, OUTAGE_VERDICT_RTTS * nearest)


def _srtt(witness: Witness) -> float:
    return witness.state.expected_rtt_s
