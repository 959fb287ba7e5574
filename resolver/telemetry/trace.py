"""One resolution, step by step: which cut was asked, which server said what, and what was learnt.

`observed` stands between the walker and `upstream`, which is where one step begins and ends: it
wraps the function that asks, so that neither side knows of it. `Trail` keeps the steps of one run;
`line` puts one into words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.errors import ExchangeFailed, Withheld
from resolver.protocol import names
from resolver.protocol.codes import RRType, type_text
from resolver.telemetry.events import Asked, Unanswered

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from resolver.model import RRset
    from resolver.telemetry.events import Bus
    from resolver.upstream.inquiry import Ask, Inquiry, Reply


def observed(ask: Ask, bus: Bus) -> Ask:
    """*ask*, told about on *bus*."""

    async def watched(inquiry: Inquiry) -> Reply:
        began = trio.current_time()
        zone = inquiry.delegation.zone
        try:
            reply = await ask(inquiry)
        except (ExchangeFailed, Withheld) as error:
            bus.emit(Unanswered(inquiry.question, zone, trio.current_time() - began, error.ede))
            raise
        bus.emit(
            Asked(
                inquiry.question,
                zone,
                reply.server,
                reply.transport,
                reply.rtt_s,
                reply.judged.verdict.value,
                learnt(reply.judged.reading),
            )
        )
        return reply

    def watch(inquiry: Inquiry) -> Awaitable[Reply]:
        return watched(inquiry) if bus.listeners else ask(inquiry)

    return watch


def learnt(reading: object) -> str:
    """What a reply teaches, in a few words: *reading* is the walker's judgement of it."""
    nameservers = getattr(reading, "nameservers", None)
    if nameservers is not None:
        return _referral(reading)
    segments = reading if isinstance(reading, tuple) else ()
    rrsets = [rrset for segment in segments for rrset in getattr(segment, "answer", ())]
    return ", ".join(_rrset(rrset) for rrset in rrsets)


def _referral(reading: object) -> str:
    zone = names.to_text(getattr(reading, "zone", names.ROOT))
    nameservers = getattr(reading, "nameservers", ())
    addresses = sum(len(found) for found in dict(getattr(reading, "glue", ())).values())
    proof = getattr(reading, "proof", ())
    signed = "signed" if any(rrset.rtype == RRType.DS for rrset in proof) else "no DS"
    return f"{zone} has {len(nameservers)} nameservers, {addresses} addresses here, {signed}"


def _rrset(rrset: RRset) -> str:
    count = f" ({len(rrset.rdatas)})" if len(rrset.rdatas) > 1 else ""
    return f"{names.to_text(rrset.owner)} {type_text(rrset.rtype)}{count}"


class Trail:
    """The steps of one run, in order; subscribe it to a bus."""

    def __init__(self) -> None:
        self.steps: list[Asked | Unanswered] = []

    def __call__(self, event: object) -> None:
        if isinstance(event, Asked | Unanswered):
            self.steps.append(event)


def line(step: Asked | Unanswered) -> str:
    """One step as a line of text."""
    zone = names.to_text(step.zone)
    asked = f"{names.to_text(step.question.qname)} {type_text(step.question.qtype)}"
    if isinstance(step, Unanswered):
        why = "; ".join(ede.text for ede in step.ede if ede.text) or "no usable reply"
        return f"{zone:<20} {asked}: {why} after {1000 * step.elapsed_s:.0f} ms"
    server = f"{names.to_text(step.server.nameserver)} {step.server.host}"
    took = f"{step.transport} {1000 * step.rtt_s:.1f} ms"
    said = f"{step.verdict}: {step.learnt}" if step.learnt else step.verdict
    return f"{zone:<20} {asked} @ {server}, {took} → {said}"
