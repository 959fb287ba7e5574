"""Replies that many queries of one client have waited for leave as they come, and few at a time.

Who sends slowly in the name of a victim, for names whose servers answer late, has the replies saved
up: they leave at once, a pulse of a thousand times the rate of the queries (DNSBomb,
CVE-2024-33655). So where PULSE_WAITING queries of one UDP client are in progress, PULSE_REPLIES
late ones leave in any PULSE_SECONDS, and what comes beside them is dropped: nothing is held back,
for that would be a pulse too. It goes on until the client has nothing late left. A server cookie
proves that the client is no victim, and nobody elsewhere can ask in the name of 127.0.0.1 (RFC
1122 §3.2.1.3): a browser's thirty names, on a slow link, are no pulse. A reply is late after
PULSE_LATE_SECONDS in progress, which those who only ask much never see. Told early or stale, it is
the same: what counts is when it leaves.
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from resolver.limits import (
    PULSE_CLIENTS,
    PULSE_LATE_SECONDS,
    PULSE_REPLIES,
    PULSE_SECONDS,
    PULSE_WAITING,
)


class Pulses:
    """Of one process: who has how many queries in progress over UDP. *now*: trio's time."""

    COUNTS: ClassVar = {
        "dropped": "Replies over UDP dropped: too many late ones at once (DNSBomb)."
    }

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: dict[bytes, int] = {}
        self._sent: dict[bytes, deque[float]] = {}

    def __repr__(self) -> str:
        return f"<Pulses of {len(self._waiting)} clients, {self.dropped} dropped>"

    def begin(self, source: bytes) -> None:
        """One more query of raw *source* is in progress; each needs one `end`."""
        self._waiting[source] = self._waiting.get(source, 0) + 1

    def end(self, source: bytes) -> bool:
        """It is answered. True if its reply may be one of a pulse, if it is late: see `admits`."""
        held = self._waiting[source]
        if held > 1:
            self._waiting[source] = held - 1
        else:
            del self._waiting[source]
        return held >= PULSE_WAITING or source in self._sent

    def admits(self, source: bytes, now: float) -> bool:
        """May one more late reply leave?"""
        sent = self._sent.get(source)
        if sent is None:
            if len(self._sent) >= PULSE_CLIENTS:
                del self._sent[next(iter(self._sent))]
            sent = self._sent[source] = deque(maxlen=PULSE_REPLIES)
        if len(sent) == PULSE_REPLIES and now - sent[0] < PULSE_SECONDS:
            self.dropped += 1
            return False
        sent.append(now)
        return True

    def is_late(self, began: float, now: float) -> bool:
        """Has a query that began then waited for long?"""
        return now - began >= PULSE_LATE_SECONDS
