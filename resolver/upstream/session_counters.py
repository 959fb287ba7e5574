"""Counters of encrypted sessions with servers, read by telemetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True)
class SessionCounters:
    """Since the start."""

    COUNTS: ClassVar = {
        "connects": "Encrypted sessions with servers that were opened.",
        "resumed": "Of those, the ones that went on from an earlier one.",
        "failures": "Encrypted sessions that could not be opened.",
        "unproven": "Of those, the ones whose server did not prove that it is who was meant.",
        "broken": "Encrypted sessions, and queries on them, that servers spoilt:"
        " an HTTP status, a stream that was reset, what is no protocol at all.",
        "queries": "Queries sent to servers over encrypted sessions.",
    }

    connects: int = 0
    resumed: int = 0
    failures: int = 0
    unproven: int = 0
    broken: int = 0
    queries: int = 0
