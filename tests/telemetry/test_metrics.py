"""Counters as Prometheus reads them."""

from __future__ import annotations

from typing import ClassVar

import pytest

from resolver.telemetry.histograms import Histogram
from resolver.telemetry.metrics import Registry


class Doors:
    COUNTS: ClassVar = {"knocks": "Knocks at doors.", "entered": "Who came in."}

    def __init__(self, knocks: int) -> None:
        self.knocks = knocks
        self.entered = 0
        self.height = 2


def test_counters_are_summed_over_their_owners_and_functions_are_gauges() -> None:
    registry = Registry()
    doors = [Doors(3)]
    registry.count("house", Doors, lambda: doors)
    registry.gauge("guests", "Guests now.", lambda: 2.5)
    registry.total("house_fires", "Fires.", lambda: 1)
    assert registry.text() == (
        "# HELP resolver_house_knocks_total Knocks at doors.\n"
        "# TYPE resolver_house_knocks_total counter\n"
        "resolver_house_knocks_total 3\n"
        "# HELP resolver_house_entered_total Who came in.\n"
        "# TYPE resolver_house_entered_total counter\n"
        "resolver_house_entered_total 0\n"
        "# HELP resolver_guests Guests now.\n"
        "# TYPE resolver_guests gauge\n"
        "resolver_guests 2.5\n"
        "# HELP resolver_house_fires_total Fires.\n"
        "# TYPE resolver_house_fires_total counter\n"
        "resolver_house_fires_total 1\n"
    )
    doors.append(Doors(4))
    assert registry.values()["resolver_house_knocks_total"] == 7
    assert registry.kinds == {Doors}


def test_what_has_labels_is_one_metric_with_a_line_for_each() -> None:
    registry = Registry()
    registry.labelled("knocks_total", "Knocks.", lambda: {'door="front"': 3, 'door="back"': 0})
    assert registry.values() == {
        'resolver_knocks_total{door="front"}': 3,
        'resolver_knocks_total{door="back"}': 0,
    }
    assert registry.text() == (
        "# HELP resolver_knocks_total Knocks.\n"
        "# TYPE resolver_knocks_total counter\n"
        'resolver_knocks_total{door="front"} 3\n'
        'resolver_knocks_total{door="back"} 0\n'
    )


def test_a_histogram_is_one_metric() -> None:
    registry, took = Registry(), Histogram()
    took.observe(0.3)
    registry.histogram("waits_seconds", "Waits.", lambda: {'at="door"': (took, 0)})
    lines = registry.text().splitlines()
    assert lines[:2] == [
        "# HELP resolver_waits_seconds Waits.",
        "# TYPE resolver_waits_seconds histogram",
    ]
    assert lines[13:16] == [
        'resolver_waits_seconds_bucket{at="door",le="0.2"} 0',
        'resolver_waits_seconds_bucket{at="door",le="0.5"} 1',
        'resolver_waits_seconds_bucket{at="door",le="1"} 1',
    ]
    assert lines[-3:] == [
        'resolver_waits_seconds_bucket{at="door",le="+Inf"} 1',
        'resolver_waits_seconds_sum{at="door"} 0.3',
        'resolver_waits_seconds_count{at="door"} 1',
    ]


def test_a_name_is_given_once() -> None:
    registry = Registry()
    registry.gauge("guests", "Guests now.", lambda: 1)
    with pytest.raises(ValueError, match="resolver_guests is there already"):
        registry.gauge("guests", "Others.", lambda: 2)
