"""What goes to disk where that is not all: octets over a while, and a machine that is busy."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from resolver.cache.gaps import Proven
from resolver.cache.store_budget import Budget
from resolver.limits import (
    STORE_BURST_SECONDS,
    STORE_BUSY,
    STORE_BUSY_LEARNT,
    STORE_BUSY_RECORDS,
    STORE_LEFT_OUT,
    STORE_RECORD_OCTETS,
    STORE_WRITE_OCTETS,
)
from resolver.model import Status
from tests.cache.shelf import NOW, delegation, denied, entry
from tests.making import name, rrset

A_SECOND = STORE_WRITE_OCTETS // STORE_RECORD_OCTETS


def some(count: int, prefix: str, until: float = NOW + 9) -> list[object]:
    return [entry(f"{prefix}{at}.example. 9 A 192.0.2.1", until=until + at) for at in range(count)]


class Machine:
    """Its clocks, by hand: each second *share* of a CPU is used."""

    def __init__(self, share: float = 0.0) -> None:
        self.now, self.cpu_s, self.share = NOW, 0.0, share
        self.budget = Budget(NOW, lambda: self.cpu_s)

    def second(self, learnt: list[object], seconds: float = 1.0) -> list[object]:
        self.now += seconds
        self.cpu_s += self.share * seconds
        return self.budget.choose(learnt, self.now)


@pytest.mark.reaches("STORE_WRITE_OCTETS", "STORE_BURST_SECONDS", "STORE_RECORD_OCTETS")
def test_over_a_while_no_more_is_written_than_a_disk_should_take() -> None:
    machine = Machine()
    saved = STORE_BURST_SECONDS * (1 << 20) // 2048
    assert len(machine.second(some(saved + 50, "a"))) == saved
    assert machine.second(some(3, "b"), seconds=0.0) == []
    assert len(machine.second(some(2000, "c"))) == (1 << 20) // 2048
    assert A_SECOND == 512


def test_what_is_large_is_charged_by_its_size() -> None:
    """Sixty kilobytes of text are thirty records' worth of flash, and of memory that waits."""
    one = replace(entry("a.example. 9 TXT x", until=NOW + 9), rdatas=(bytes(60_000),))
    large: list[object] = [replace(one, owner=name(f"{at}.example.")) for at in range(600)]
    machine, saved = Machine(), STORE_BURST_SECONDS << 20
    written = len(machine.second(large))
    assert written == pytest.approx(saved / one.octets(), abs=1)
    assert len(machine.second(some(2 * A_SECOND, "b"))) <= A_SECOND + one.octets() // 2048


def test_beyond_that_the_most_needed_is_written() -> None:
    """What finds servers first, then what came up before, then what counts longest."""
    machine = Machine()
    machine.second(some(STORE_BURST_SECONDS * A_SECOND, "a"))
    machine.second([], seconds=2 / A_SECOND)
    again, *others = some(40, "b")
    assert machine.second([again, *others], seconds=0.0) == [others[-1], others[-2]]
    cut, keys = delegation("example."), entry("example. 9 NS ns.example.", until=NOW + 3)
    longest = entry("c.example. 9 A 192.0.2.1", until=NOW + 99)
    assert machine.second([longest, again, cut, keys], seconds=3 / A_SECOND) == [cut, keys, again]
    assert machine.second([others[0], longest, cut], seconds=2 / A_SECOND) == [cut, others[0]]


def test_of_one_place_the_last_counts() -> None:
    machine = Machine()
    machine.second(some(STORE_BURST_SECONDS * A_SECOND, "a"))
    first = entry(status=Status.UNCHECKED, until=NOW + 900)
    last, gone = entry(until=NOW + 300), denied("www.example. A", until=NOW + 200)
    shorter = some(5, "b")
    assert machine.second([first, *shorter, last], seconds=1 / A_SECOND) == [last]
    assert machine.second([first, gone._replace(rtype=1)], seconds=1 / A_SECOND) == [
        gone._replace(rtype=1)
    ]


def test_what_may_end_something_on_disk_is_not_left_out() -> None:
    """Else a kill would bring back what the zone has taken away since."""
    there = {name("a.example."), name("b.example."), name("c.example.")}
    budget = Budget(NOW, lambda: 0.0, lambda one: one not in there)
    budget.choose(some(STORE_BURST_SECONDS * A_SECOND, "x"), NOW)
    ends: list[object] = [
        entry("a.example. 9 A 192.0.2.9", until=NOW + 1),
        denied("b.example. A", until=NOW + 1),
        Proven(rrset("c.example. 9 NSEC d.example. A"), NOW + 1),
    ]
    later = some(5, "y", until=NOW + 99)
    assert budget.choose([*later, *ends], NOW + 3 / A_SECOND) == ends


@pytest.mark.reaches("STORE_BUSY", "STORE_BUSY_LEARNT", "STORE_BUSY_RECORDS")
def test_a_busy_machine_writes_little_of_what_was_asked_once() -> None:
    machine = Machine(share=0.45)
    many = some(1001, "a")
    assert machine.second(many) == many
    machine.share = 0.55
    fewer = some(1000, "b")
    assert machine.second(fewer) == fewer
    machine = Machine(share=0.55)
    chosen = machine.second([delegation("sub.example."), *many])
    assert chosen[0] == delegation("sub.example.")
    assert set(map(id, chosen[1:])) == set(map(id, many[-64:]))
    assert machine.second([*some(1001, "c"), many[0]])[0] is many[0]
    assert (STORE_BUSY, STORE_BUSY_LEARNT, STORE_BUSY_RECORDS) == (0.5, 1000, 64)


def test_gaps_are_chosen_like_other_data() -> None:
    nsec = rrset("a.example. 300 NSEC c.example. A")._replace(signatures=(b"?",))
    machine = Machine()
    machine.second(some(STORE_BURST_SECONDS * A_SECOND, "a"))
    gap = Proven(nsec, NOW + 5000)
    assert machine.second([*some(9, "b"), gap, object()], seconds=1 / A_SECOND) == [gap]


@pytest.mark.reaches("STORE_LEFT_OUT")
def test_what_was_left_out_is_not_remembered_for_ever() -> None:
    machine, full = Machine(share=1.0), 32_768
    old = some(1024, "old")
    machine.second(old)
    for at in range(full // 2048 - 1):
        machine.second(some(2048, f"p{at}-"))
    assert machine.second([*some(1001, "x"), old[0]])[0] is old[0]
    machine.second(some(1024, "q"))
    assert machine.second([*some(2000, "y"), old[0]])[0] is not old[0]
    assert full == STORE_LEFT_OUT
