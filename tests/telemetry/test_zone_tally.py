"""How zones do: counted from the first time that somebody asks, bounded, for an hour."""

from __future__ import annotations

import pytest

from resolver.errors import Ede
from resolver.limits import ZONES_TALLIED, ZONES_TALLIED_SECONDS
from resolver.model import Question, Server
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.transport import Transport
from resolver.telemetry.events import Asked, Bus, Unanswered
from resolver.telemetry.zone_tally import ZoneTally

ZONE = names.from_text("example.com.")
QUESTION = Question(names.from_text("www.example.com."), RRType.A)
SERVER = Server("192.0.2.1")


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _asked(zone: bytes = ZONE, rtt_s: float = 0.02) -> Asked:
    return Asked(QUESTION, zone, SERVER, Transport.UDP, rtt_s, "answer", "")


def test_nobody_listens_before_somebody_asks() -> None:
    bus = Bus()
    tally = ZoneTally(bus, _Clock())
    assert not bus
    tally.begin()
    tally.begin()
    assert len(bus.heard[Asked]) == 1


def test_times_and_failures_are_kept_by_zone() -> None:
    bus, clock = Bus(), _Clock()
    tally = ZoneTally(bus, clock)
    tally.begin()
    bus.emit(_asked(rtt_s=0.02))
    clock.now += 5
    bus.emit(Unanswered(QUESTION, ZONE, 3.0, (Ede(22, "nobody there"),)))
    bus.emit(_asked(rtt_s=0.04))
    found = tally.zones()[ZONE]
    assert (found.asked, found.failed, found.failed_at) == (3, 1, 105.0)
    assert (round(found.took_s, 2), found.longest_s) == (3.06, 3.0)
    assert found.ede == (Ede(22, "nobody there"),)


@pytest.mark.reaches("ZONES_TALLIED")
def test_of_many_zones_the_latest_are_kept() -> None:
    bus = Bus()
    tally = ZoneTally(bus, _Clock())
    tally.begin()
    for number in range(ZONES_TALLIED + 1):
        bus.emit(_asked(names.from_text(f"zone{number}.example.")))
    found = tally.zones()
    assert len(found) == ZONES_TALLIED
    assert names.from_text("zone0.example.") not in found


@pytest.mark.reaches("ZONES_TALLIED_SECONDS")
def test_what_is_older_than_an_hour_is_forgotten() -> None:
    bus, clock = Bus(), _Clock()
    tally = ZoneTally(bus, clock)
    tally.begin()
    bus.emit(_asked())
    clock.now += ZONES_TALLIED_SECONDS
    assert tally.zones()[ZONE].asked == 1
    bus.emit(_asked())
    assert tally.zones()[ZONE].asked == 2  # of both halves
    clock.now += ZONES_TALLIED_SECONDS
    assert tally.zones()[ZONE].asked == 1
    clock.now += 3 * ZONES_TALLIED_SECONDS
    assert tally.zones() == {}
