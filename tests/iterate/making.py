"""A walker whose servers are a script: what each zone's servers say to each question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.budget import QueryBudget, Share
from resolver.cache.delegation import DelegationCache
from resolver.cache.negative import NegativeCache
from resolver.cache.rrset import RRsetCache
from resolver.errors import ExchangeFailed, ResolutionFailed
from resolver.iterate.priming import hints_delegation
from resolver.iterate.walk import Walker, WalkSettings
from resolver.lab.virtual_time import VirtualClock
from resolver.protocol.codes import RRType
from resolver.protocol.names import to_text
from resolver.protocol.transport import Transport
from resolver.upstream.request import Reply
from tests.making import name, question, reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.model import Delegation, Link, Question, Server
    from resolver.protocol.message import Message
    from resolver.upstream.request import Request


def allowance(*, ns_lookups: int = 20) -> Share:
    """A client query's budget whose time never runs out."""
    return Share(
        QueryBudget(
            queries=100, ns_lookups=ns_lookups, signature_checks=0, hashes=0, deadline=float("inf")
        )
    )


class Land:
    """Servers by zone: *script* has the reply to "zone qname qtype", else to "zone *".

    A host may stand in the zone's place. Servers are asked one by one, and addresses looked up when
    all failed; *addresses* has what look-ups find, by "qname qtype".
    """

    def __init__(
        self,
        script: dict[str, Message],
        *,
        fixed: dict[bytes, Delegation] | None = None,
        **settings: object,
    ) -> None:
        self.script = script
        self.addresses: dict[str, Sequence[bytes]] = {}
        self.looked_up: list[str] = []
        self.asked: list[str] = []
        self.clock = VirtualClock()
        self.delegations = DelegationCache()
        self.hints = hints_delegation([(name("k.root-servers.net."), "198.51.100.1")])
        self.fixed = fixed or {}
        options = {"minimise": False, "width": 1, "rtypes": (RRType.A,)} | settings
        self.walker = Walker(
            ask=self.ask,
            rrsets=RRsetCache(1 << 20),
            negatives=NegativeCache(1 << 20),
            delegations=self.delegations,
            fixed=self.fixed,
            hints=self.hints,
            clock=self.clock,
            lookup=self.look_up,
            spawn=lambda *_: None,
            settings=WalkSettings(**options),  # type: ignore[arg-type]
            on_referral=lambda *_: None,
        )

    async def ask(self, request: Request) -> Reply:
        asked: set[str] = set()
        while True:
            for server in request.delegation.servers():
                if server.host not in asked | request.excluded:
                    asked.add(server.host)
                    classified = request.classify(message := self._reply(request, server), server)
                    if classified.verdict.is_usable:
                        return Reply(server, message, classified, 0.01, Transport.UDP)
            if not await request.more_addresses():
                raise ExchangeFailed("of no use", asked=frozenset(asked))

    def _reply(self, request: Request, server: Server) -> Message:
        zone, asked = to_text(request.delegation.zone), request.question
        line = f"{to_text(asked.qname)} {asked.qtype}"
        self.asked.append(f"{zone} {line}")
        for place in (server.host, zone):
            found = self.script.get(f"{place} {line}") or self.script.get(f"{place} *")
            if found is not None:
                return found
        raise AssertionError(self.asked[-1])

    async def look_up(self, question: Question, budget: Share) -> Sequence[bytes]:  # noqa: ARG002
        self.looked_up.append(f"{to_text(question.qname)} {question.qtype}")
        if self.looked_up[-1] not in self.addresses:
            raise ResolutionFailed("nobody knows")
        return self.addresses[self.looked_up[-1]]

    async def walk(self, text: str) -> Link:
        """The first link of the answer to "qname qtype"."""
        return (await self.walker.walk(question(text), allowance()))[0]

    def left_s(self, zone: str) -> float | None:
        """How long the cache will still have *zone*'s delegation; None if it has none."""
        now = self.clock.now()
        found = self.delegations.get(name(zone), now)
        return None if found is None else found.expires_at - now


def referral(zone: str, ttl: int, host: str = "192.0.2.1") -> Message:
    """A referral to *zone*, with one nameserver inside it and its glue."""
    return reply(
        f"www.{zone} A",
        authority=[f"{zone} {ttl} NS ns.{zone}"],
        additional=[f"ns.{zone} {ttl} A {host}"],
    )
