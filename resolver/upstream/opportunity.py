"""What is counted and kept of servers that are asked over TLS unproven (RFC 9539).

Apart from `opportunistic`, which loads TLS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple


class KeptOpportunity(NamedTuple):
    """One server in a snapshot: does it *work* encrypted, and how long ago was that seen?"""

    host: str
    works: bool
    age_s: float


@dataclass(slots=True)
class OpportunisticCounters:
    """Since the start."""

    COUNTS: ClassVar = {
        "probes": "Times that it was tried whether a zone's server speaks TLS.",
        "successes": "Of those, the times that it does.",
        "failures": "Times that one which did was asked in clear text again.",
    }

    probes: int = 0
    successes: int = 0
    failures: int = 0
