"""Which resolutions are told to OpenTelemetry: failed, slow, and a share of the others, in bounds.

Pure: whoever wants them gets those that are chosen. A hit of the packet cache is no resolution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from resolver.limits import OTEL_SLOW_SECONDS, OTEL_TRACES_BURST, OTEL_TRACES_PER_SECOND
from resolver.telemetry.events import Resolved
from resolver.telemetry.query_lines import is_failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


class Traces:
    """A listener on the bus; *tell* gets what is chosen. *sample*: the share of ordinary ones."""

    COUNTS: ClassVar = {
        "traces": "Resolutions that were told to OpenTelemetry: failed, slow or drawn by lot.",
        "spans": "Spans that the collector of OpenTelemetry took.",
        "lost": "Spans that the collector of OpenTelemetry did not take: it was gone or too slow.",
        "withheld": "Resolutions not told to OpenTelemetry, for there were too many at a time.",
    }

    def __init__(self, rng: Random) -> None:
        self.traces = 0
        self.withheld = 0
        self.spans = 0
        self.lost = 0
        self.sample = 0.0
        self.tell: Callable[[Resolved], None] = lambda _: None
        self._rng = rng
        self._tokens = OTEL_TRACES_BURST
        self._filled_at = float("-inf")

    def __repr__(self) -> str:
        return f"<Traces {self.traces} told>"

    def hear(self, event: object) -> None:
        """A resolution came to its end."""
        if not isinstance(event, Resolved) or not self._is_wanted(event):
            return
        since = event.ended - self._filled_at
        self._filled_at = event.ended
        tokens = self._tokens + since * OTEL_TRACES_PER_SECOND
        self._tokens = min(tokens, OTEL_TRACES_BURST)
        if self._tokens < 1:
            self.withheld += 1
            return
        self._tokens -= 1
        self.traces += 1
        self.tell(event)

    def note_sent(self, count: int, is_taken: bool) -> None:  # noqa: FBT001
        """The collector took *count* spans, or did not."""
        if is_taken:
            self.spans += count
        else:
            self.lost += count

    def _is_wanted(self, event: Resolved) -> bool:
        answered = event.answered
        return (
            answered.elapsed_s >= OTEL_SLOW_SECONDS
            or is_failure(answered)
            or self._rng.random() < self.sample
        )
