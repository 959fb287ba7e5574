"""Counters as Prometheus reads them."""

from __future__ import annotations

from typing import ClassVar

import pytest

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


def test_a_name_is_given_once() -> None:
    registry = Registry()
    registry.gauge("guests", "Guests now.", lambda: 1)
    with pytest.raises(ValueError, match="resolver_guests is there already"):
        registry.gauge("guests", "Others.", lambda: 2)
