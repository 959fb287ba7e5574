"""Replies that were saved up do not leave at once (DNSBomb, CVE-2024-33655)."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.lab.virtual_network import VirtualNetwork
from resolver.limits import (
    PULSE_CLIENTS,
    PULSE_LATE_SECONDS,
    PULSE_REPLIES,
    PULSE_SECONDS,
    PULSE_WAITING,
)
from resolver.listen import pulses
from resolver.listen.admission import Admission
from resolver.listen.pulses import Pulses
from resolver.listen.udp import UdpService
from tests.listen.echo import Handler, answered, question
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from resolver.lab.virtual_parts import Packet

SERVER = ("192.0.2.53", 53)
VICTIM, OTHER = "198.51.100.7", "198.51.100.8"


def named(number: int) -> bytes:
    return question(b"\4%04d\7example\3com\0" % number, id=number)


class Bed:
    """A service whose handler holds everything back, and the times at which replies left."""

    def __init__(self, *, holds: bool = False) -> None:
        self.network = VirtualNetwork(rng=random.Random(1))
        self.handler = Handler()
        self.handler.holds = True
        self.admission = Admission(proofs=Holds() if holds else None)
        self.service = UdpService(self.network.bind_udp(*SERVER), self.handler, self.admission)
        self.left: list[tuple[str, float]] = []
        self.network.observers.append(self._see)

    def _see(self, packet: Packet) -> None:
        if packet.source == SERVER:
            self.left.append((packet.destination[0], packet.at))

    async def asks(self, host: str, count: int, *, first: int = 0) -> None:
        client = self.network.client(host)
        for number in range(first, first + count):
            client.send_udp(SERVER, named(number))
        await trio.sleep(0.2)

    def answer(self, first: int, last: int) -> None:
        for number in range(first, last):
            self.handler.held[named(number)](answered(named(number)))

    def most(self, host: str = VICTIM) -> int:
        """Replies to *host* in any PULSE_SECONDS, at most."""
        times = [at for to, at in self.left if to == host]
        return max(
            (sum(begun <= at < begun + PULSE_SECONDS for at in times) for begun in times), default=0
        )


class Holds:
    """Every query has a cookie of ours."""

    def holds(self, data: bytes, source: bytes) -> bool:
        del data, source
        return True

    def renewed(self, data: bytes, source: bytes) -> bytes:
        del data, source
        return b""


@pytest.mark.reaches("PULSE_WAITING", "PULSE_REPLIES", "PULSE_SECONDS", "PULSE_LATE_SECONDS")
@trio_test
async def test_of_many_that_waited_few_leave_at_once_and_the_rest_is_dropped() -> None:
    """To the last of them: the ten that wait at the end are no pulse of their own."""
    bed = Bed()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bed.service.run)
        await bed.asks(VICTIM, 60)
        await bed.asks(OTHER, 3, first=60)
        await trio.sleep(PULSE_LATE_SECONDS)
        bed.answer(0, 63)
        await trio.sleep(1)
        assert bed.most() == PULSE_REPLIES
        assert len([1 for to, _ in bed.left if to == VICTIM]) == PULSE_REPLIES
        assert bed.most(OTHER) == 3
        assert bed.admission.pulses.dropped == 60 - PULSE_REPLIES
        assert bed.admission.in_flight == 0
        nursery.cancel_scope.cancel()


@trio_test
async def test_those_that_come_at_a_pace_all_leave() -> None:
    bed = Bed()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bed.service.run)
        await bed.asks(VICTIM, 60)
        await trio.sleep(PULSE_LATE_SECONDS)
        for number in range(60):
            bed.answer(number, number + 1)
            await trio.sleep(PULSE_SECONDS / PULSE_REPLIES * 1.01)
        await trio.sleep(1)
        assert len(bed.left) == 60
        assert bed.most() <= PULSE_REPLIES
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("why", ["early", "few", "cookie", "here"])
@trio_test
async def test_who_saves_nothing_up_is_not_paced(why: str) -> None:
    bed = Bed(holds=why == "cookie")
    count = PULSE_WAITING - 1 if why == "few" else 60
    host = "127.0.0.1" if why == "here" else VICTIM
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bed.service.run)
        await bed.asks(host, count)
        await trio.sleep(0 if why == "early" else PULSE_LATE_SECONDS)
        bed.answer(0, count)
        await trio.sleep(1)
        assert len(bed.left) == count
        assert bed.admission.pulses.dropped == 0
        nursery.cancel_scope.cancel()


@pytest.mark.reaches("PULSE_CLIENTS")
def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PULSE_CLIENTS >= 100
    set_limit(monkeypatch, pulses, "PULSE_CLIENTS", 5)
    found = Pulses()
    for at in range(20):
        source = bytes([10, 0, 0, at])
        for _ in range(PULSE_WAITING):
            found.begin(source)
        assert found.end(source)
        assert found.admits(source, 1.0)
    assert len(found._sent) == 5
