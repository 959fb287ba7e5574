"""What asking tells those who watch: one event per try, and plain counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from resolver.model import Name, Question, Server


class Tried(NamedTuple):
    """One packet and what became of it. *outcome* is a verdict's value, or what went wrong."""

    question: Question
    zone: Name
    server: Server
    transport: str
    rtt_s: float | None
    outcome: str


@dataclass(slots=True)
class UpstreamCounters:
    """Since the start; read by telemetry."""

    asked: int = 0
    answered: int = 0
    failed: int = 0
    sent_udp: int = 0
    sent_tcp: int = 0
    races: int = 0
    probes: int = 0
    hedges: int = 0
    retries: int = 0
    shared: int = 0
    late: int = 0
    expired: int = 0
    unreachable: int = 0
    mismatched: int = 0
    case_mismatched: int = 0
    out_of_memory: int = 0
    truncated: int = 0
    edns_fallbacks: int = 0
    bad_cookies: int = 0
    last_resorts: int = 0
    useless: int = 0
    outages: int = 0
    soundings: int = 0
    turned_away: int = 0
    no_descriptors: int = 0
