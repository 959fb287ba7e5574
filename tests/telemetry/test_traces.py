"""Which resolutions are told: those that fail or take long, a share of the others; in bounds."""

from __future__ import annotations

from random import Random

import pytest

from resolver.limits import OTEL_SLOW_SECONDS, OTEL_TRACES_BURST, OTEL_TRACES_PER_SECOND
from resolver.model import Source
from resolver.protocol.codes import Rcode
from resolver.protocol.transport import Client, Transport
from resolver.telemetry.events import Answered, Resolved
from resolver.telemetry.traces import Traces
from tests.making import question

CLIENT = Client("192.0.2.1", 53, Transport.UDP)
WWW = question("www.example.net. A")


def resolved(*, rcode: int = 0, took_s: float = 0.01, at: float = 0.0) -> Resolved:
    return Resolved(Answered(CLIENT, "default", WWW, rcode, Source.NETWORK, took_s), at, ())


class Ear:
    def __init__(self, sample: float = 0.0) -> None:
        self.told: list[Resolved] = []
        self.traces = Traces(Random(1))
        self.traces.sample = sample
        self.traces.tell = self.told.append


@pytest.mark.reaches("OTEL_SLOW_SECONDS")
def test_what_fails_or_takes_long_is_always_told() -> None:
    ear = Ear()
    wanted = [resolved(rcode=Rcode.SERVFAIL), resolved(took_s=1.1 * OTEL_SLOW_SECONDS)]
    for event in (*wanted, resolved(), resolved(took_s=0.9 * OTEL_SLOW_SECONDS)):
        ear.traces.hear(event)
    assert ear.told == wanted
    assert ear.traces.traces == 2


def test_of_the_others_a_share_is_told() -> None:
    ear = Ear(0.1)
    for second in range(1000):
        ear.traces.hear(resolved(at=float(second)))
    assert 70 < len(ear.told) < 130
    assert ear.traces.withheld == 0


@pytest.mark.reaches("OTEL_TRACES_PER_SECOND", "OTEL_TRACES_BURST")
def test_a_flood_of_failures_is_told_in_part() -> None:
    ear = Ear()
    failed = resolved(rcode=Rcode.SERVFAIL)
    for _ in range(1000):
        ear.traces.hear(failed)
    assert len(ear.told) == OTEL_TRACES_BURST
    assert ear.traces.withheld == 1000 - OTEL_TRACES_BURST
    ear.told.clear()
    for _ in range(1000):
        ear.traces.hear(failed._replace(ended=2.0))
    assert len(ear.told) == 2 * OTEL_TRACES_PER_SECOND
