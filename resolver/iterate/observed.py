"""One step of a walk, told on the bus: which cut was asked, what it said, what was learnt.

`observed` stands between the walker and `upstream`, where a step begins and ends: it wraps the
function that asks, so that neither side knows of it. `telemetry.trace` puts the steps into words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from resolver.errors import ExchangeFailed, Withheld
from resolver.limits import OTEL_STEPS
from resolver.protocol import names
from resolver.protocol.codes import RRType, type_text
from resolver.telemetry.events import Asked, Step, Unanswered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from resolver.model import Referral, RRset, Server
    from resolver.telemetry.events import Bus
    from resolver.upstream.request import Ask, Classified, Reply, Request


_OUTERMOST: Final = 1  # what the client asks for, and what that is an alias of
_KEYS: Final = frozenset({RRType.DS, RRType.DNSKEY})  # asked for beside, to validate


def observed(
    ask: Ask, bus: Bus, instance_of: Callable[[Server], str | None] = lambda _: None
) -> Ask:
    """*ask*, told about on *bus*. *instance_of* tells which instance of a server answers."""

    async def watched(request: Request) -> Reply:
        began = trio.current_time()
        zone = request.delegation.zone
        try:
            reply = await ask(request)
        except (ExchangeFailed, Withheld) as error:
            _note(request, getattr(error, "asked", ()))
            steps = request.budget.whole.steps
            if steps is not None or Unanswered in bus.heard:
                elapsed_s = trio.current_time() - began
                unanswered = Unanswered(request.question, zone, elapsed_s, error.ede)
                bus.emit(unanswered)
                _step(steps, began, unanswered)
            raise
        _note(request, (reply.server.host,))
        if request.budget.depth == _OUTERMOST and request.question.qtype not in _KEYS:
            whole = request.budget.whole
            whole.answered_by, whole.instance = reply.server.host, instance_of(reply.server)
        steps = request.budget.whole.steps
        if steps is not None or Asked in bus.heard:
            asked = _asked(request, reply)
            bus.emit(asked)
            _step(steps, began, asked)
        return reply

    def watch(request: Request) -> Awaitable[Reply]:
        return watched(request) if bus.heard else ask(request)

    return watch


def _asked(request: Request, reply: Reply) -> Asked:
    classified = reply.classified
    return Asked(
        request.question,
        request.delegation.zone,
        reply.server,
        reply.transport,
        reply.rtt_s,
        classified.verdict.value,
        learnt(classified),
    )


def _step(steps: list[object] | None, began: float, outcome: Asked | Unanswered) -> None:
    if steps is not None and len(steps) < OTEL_STEPS:
        steps.append(Step(began, trio.current_time() - began, outcome))


def _note(request: Request, hosts: Iterable[str]) -> None:
    """*hosts* were asked, for whoever wants to know of the client's query."""
    asked = request.budget.whole.asked
    if asked is not None:
        asked += sorted(hosts)


def learnt(classified: Classified) -> str:
    """What a reply teaches, in a few words."""
    if classified.referral is not None:
        return _referral(classified.referral)
    return ", ".join(_rrset(rrset) for link in classified.links for rrset in link.answer)


def _referral(referral: Referral) -> str:
    addresses = sum(len(found) for found in referral.glue.values())
    signed = "signed" if any(rrset.rtype == RRType.DS for rrset in referral.proof) else "no DS"
    zone, count = names.to_text(referral.zone), len(referral.nameservers)
    return f"{zone} has {count} nameservers, {addresses} addresses here, {signed}"


def _rrset(rrset: RRset) -> str:
    count = f" ({len(rrset.rdatas)})" if len(rrset.rdatas) > 1 else ""
    return f"{names.to_text(rrset.owner)} {type_text(rrset.rtype)}{count}"
