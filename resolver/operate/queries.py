"""queries: what is on its way just now, for how long, and whom it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import trio

from resolver.limits import SHOWN_ROWS
from resolver.operate.verb import Nothing, Right, Verb, summed
from resolver.protocol import names
from resolver.telemetry.presentation import type_text
from resolver.upstream.transmission import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Question
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running
    from resolver.recurse.jobs import Job
    from resolver.upstream.transmission import Transmission


async def queries(daemon: Running, _: Nothing) -> Reply:
    """The oldest first; SHOWN_ROWS of each at most. Times are in milliseconds."""
    parts, now = daemon.parts, trio.current_time()
    jobs = sorted(parts.resolver.jobs, key=lambda job: job.begun_at)
    packets = sorted(parts.dispatcher.outstanding, key=lambda packet: packet.sent_at)
    packets = [packet for packet in packets if packet.waiters or packet.purpose is _WITNESS]
    return {
        "clients_waiting": daemon.in_flight,
        "by_view": {view: count for view, count in parts.pipeline.waiting.items() if count},
        "resolving": len(jobs),
        "asked": len(packets),
        "questions": [_of_job(job, now) for job in jobs[:SHOWN_ROWS]],
        "servers": [_of_packet(packet, now) for packet in packets[:SHOWN_ROWS]],
    }


_WITNESS: Final = Purpose.WITNESS


def _of_job(job: Job, now: float) -> dict[str, Any]:
    return _asked(job.question) | {
        "age_ms": round(1000 * (now - job.begun_at), 1),
        "joined": job.joined,
        "waits_for": _names(need.question for need in job.needs),
    }


def _of_packet(packet: Transmission, now: float) -> dict[str, Any]:
    (key, question), zones = packet.slot, {one.query.zone for one in packet.waiters}
    return _asked(question) | {
        "zone": ", ".join(map(names.to_text, sorted(zones))),
        "address": key[0],
        "transport": key[2].value,
        "purpose": packet.purpose.value,
        "age_ms": round(1000 * (now - packet.sent_at), 1),
        "state": "overdue" if packet.is_overdue(now) else "on its way",
    }


def _asked(question: Question) -> dict[str, Any]:
    return {"name": names.to_text(question.qname), "type": type_text(question.qtype)}


def _names(questions: Iterable[Question]) -> list[str]:
    return [f"{names.to_text(one.qname)} {type_text(one.qtype)}" for one in questions]


QUERIES: Final = Verb(
    "queries", Right.ACT, "what is on its way, and whom it waits for", Nothing, queries,
    merge=summed,
)  # fmt: skip
