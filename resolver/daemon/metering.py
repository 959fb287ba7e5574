"""What takes an event to be counted: how long answers took, servers' round trips, extended errors.

Heard on the bus only while `metrics.listen` has somebody who may look; hits of the packet cache are
not heard at all: they are counted where they are, and took no time that would show.
"""

from __future__ import annotations

import platform
from collections import Counter
from typing import TYPE_CHECKING, Final

from resolver import __version__
from resolver.model import Source
from resolver.telemetry.events import Answered
from resolver.telemetry.histograms import Histogram
from resolver.upstream.server_events import Tried

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.telemetry.events import Bus
    from resolver.telemetry.metrics import Registry

_BUILD: Final = f'version="{__version__}",python="{platform.python_version()}"'


class Metering:
    """Fed by *bus* while `follow` says so."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._follows = False
        self.took = {source: Histogram() for source in Source}
        self.rtt = Histogram()
        self.extended_errors: Counter[int] = Counter()

    def __repr__(self) -> str:
        return f"<Metering {'on' if self._follows else 'off'}>"

    def follow(self, *, is_wanted: bool) -> None:
        """Listen from now on, or no more."""
        if is_wanted and not self._follows:
            self._bus.subscribe(self._hear_answer, Answered)
            self._bus.subscribe(self._hear_try, Tried)
        elif self._follows and not is_wanted:
            self._bus.unsubscribe(self._hear_answer)
            self._bus.unsubscribe(self._hear_try)
        self._follows = is_wanted

    def _hear_answer(self, event: object) -> None:
        if isinstance(event, Answered) and event.reply is not None:
            self.took[event.source].observe(event.elapsed_s)
            for code, _ in event.ede:
                self.extended_errors[code] += 1

    def _hear_try(self, event: object) -> None:
        if isinstance(event, Tried) and event.rtt_s is not None:
            self.rtt.observe(event.rtt_s)


def count_metering(registry: Registry, metering: Metering, hits: Callable[[], int]) -> None:
    """Register all of it; *hits* of the packet cache are among the answers from a cache."""

    def took() -> dict[str, tuple[Histogram, int]]:
        return {
            f'from="{source.value}"': (histogram, hits() if source is Source.CACHE else 0)
            for source, histogram in metering.took.items()
        }

    registry.histogram(
        "query_seconds",
        "Time from a query to its answer, by where the answer came from; "
        "hits of the packet cache count as none.",
        took,
    )
    registry.histogram(
        "upstream_rtt_seconds",
        "Round trips to servers, by whatever transport.",
        lambda: {"": (metering.rtt, 0)},
    )
    registry.labelled(
        "extended_errors_total",
        "Extended errors (RFC 8914) in answers that the packet cache did not have, by their code.",
        lambda: {
            f'code="{code}"': count for code, count in sorted(metering.extended_errors.items())
        },
    )
    registry.labelled(
        "build_info", "Always 1; the labels say which version runs.", lambda: {_BUILD: 1}
    )
