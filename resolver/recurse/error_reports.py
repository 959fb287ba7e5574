"""Tells the owners of zones of errors that we meet there, if they want to know (RFC 9567).

A server's reply may name the agent of its zone (EDNS option Report-Channel). What fails in that
zone by the zone's own fault is then told by a question for a name below the agent's: the question
is the report, and how long the answer is cached says how soon it is told again (§6.1). Off by
default, as in Unbound: the agent, who may be anybody, learns which names are asked for here.

A failure of the report itself is reported to nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import trio

from resolver.budget import Share
from resolver.errors import ResolutionFailed, WireError, drop_frames
from resolver.limits import REPORT_AGENT_SECONDS, REPORT_AGENTS, REPORTS_AT_ONCE
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import SAY_BOGUS, EdeCode, RRClass, RRType
from resolver.protocol.edns import OPT_REPORT_CHANNEL, agent_untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.errors import Ede
    from resolver.model import Name
    from resolver.recurse.resolver import Resolver
    from resolver.runtime.clock import Clock
    from resolver.upstream.request import Ask, Reply, Request

# What a zone can be at fault for; not our link, our policy, or what was said a moment ago.
REPORTED: Final = SAY_BOGUS | {
    EdeCode.DNSSEC_INDETERMINATE,
    EdeCode.NO_REACHABLE_AUTHORITY,
    EdeCode.INVALID_DATA,
}
_ER: Final = b"\x03_er"


class ErrorReports:
    """Whom to tell about which zone, and the telling. *query_seconds*: for one report."""

    COUNTS: ClassVar = {
        "sent": "Errors that agents of zones were told of (RFC 9567), or had been lately.",
        "withheld": "Errors not told to agents: too many on their way, or the name too long.",
    }

    def __init__(
        self,
        resolver: Resolver,
        clock: Clock,
        spawn: Callable[..., None],
        *,
        query_seconds: float,
    ) -> None:
        self.sent = 0
        self.withheld = 0
        self._resolver = resolver
        self._clock = clock
        self._spawn = spawn
        self._query_seconds = query_seconds
        self._agents: dict[Name, tuple[Name, float]] = {}
        self._on_their_way = 0

    def __repr__(self) -> str:
        return f"<ErrorReports {len(self._agents)} agents, {self.sent} sent>"

    def asking(self, ask: Ask) -> Ask:
        """*ask*, whose replies may name an agent."""

        async def heard(request: Request) -> Reply:
            reply = await ask(request)
            edns = reply.message.edns
            if edns is not None and edns.options:
                agent = edns.option(OPT_REPORT_CHANNEL)
                if agent is not None:
                    self._note(request.delegation.zone, agent)
            return reply

        return heard

    def _note(self, zone: Name, option_untrusted: bytes) -> None:
        try:
            agent = agent_untrusted(option_untrusted)
        except WireError:
            return
        self._agents.pop(zone, None)
        if len(self._agents) >= REPORT_AGENTS:
            del self._agents[next(iter(self._agents))]
        self._agents[zone] = agent, self._clock.now() + REPORT_AGENT_SECONDS

    def failed(self, question: Question, ede: Iterable[Ede]) -> None:
        """*question* could not be answered, for the reasons *ede*."""
        code = next((code for code, _ in ede if code in REPORTED), None)
        if code is None or question.qclass != RRClass.IN or question.qname.startswith(_ER):
            return
        agent = self._agent(question.qname)
        if agent is None or names.is_subdomain(question.qname, agent):
            return
        name = report_name(question, code, agent)
        if name is None or self._on_their_way >= REPORTS_AT_ONCE:
            self.withheld += 1
            return
        self.sent += 1
        self._on_their_way += 1
        self._spawn(self._tell, Question(name, RRType.TXT))

    def _agent(self, name: Name) -> Name | None:
        """That of the closest zone that has named one lately."""
        now = self._clock.now()
        for zone in names.ancestors(name):
            known = self._agents.get(zone)
            if known is not None:
                return known[0] if now < known[1] else None
            if zone == names.ROOT:
                break
        return None

    async def _tell(self, question: Question) -> None:
        budget = Share.for_client(trio.current_time() + self._query_seconds)
        try:
            await self._resolver.resolve(question, budget)
        except ResolutionFailed as error:
            drop_frames(error)
        finally:
            self._on_their_way -= 1


def report_name(question: Question, code: int, agent: Name) -> Name | None:
    """The name that tells *agent* of error *code* (§6.1.1); None if it would be too long."""
    kind, what = str(question.qtype).encode(), str(code).encode()
    name = b"".join((
        _ER, bytes((len(kind),)), kind, question.qname[:-1], bytes((len(what),)), what, _ER, agent,
    ))  # fmt: skip
    return name if len(name) <= names.MAX_NAME_OCTETS else None
