"""Counters as Prometheus reads them."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.telemetry.metrics import Registry


@dataclass(slots=True)
class Counters:
    hits: int = 3
    name: str = "not a number"


class Slotted:
    __slots__ = ("_inner", "misses")

    def __init__(self) -> None:
        self._inner = 7
        self.misses = 4


def test_integers_become_counters_and_functions_gauges() -> None:
    registry = Registry()
    counters = Counters()
    registry.count("pipeline", counters)
    registry.count("cache", Slotted())
    registry.gauge("in_flight", lambda: 2.5)
    assert registry.text() == (
        "# TYPE resolver_pipeline_hits_total counter\n"
        "resolver_pipeline_hits_total 3\n"
        "# TYPE resolver_cache_misses_total counter\n"
        "resolver_cache_misses_total 4\n"
        "# TYPE resolver_in_flight gauge\n"
        "resolver_in_flight 2.5\n"
    )
    counters.hits += 1
    assert registry.values()["resolver_pipeline_hits_total"] == 4
