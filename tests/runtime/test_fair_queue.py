"""Each owner has its turn, however many of another's wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import FAIR_NEWCOMERS
from resolver.runtime.fair_queue import FairQueue


def test_who_asks_little_waits_for_one_of_each_other() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(100):
        queue.put(b"flood", number)
    queue.put(b"home", 1000)
    queue.put(b"home", 1001)
    assert [queue.take() for _ in range(5)] == [0, 1000, 1, 1001, 2]
    assert len(queue) == 97


@pytest.mark.reaches("FAIR_NEWCOMERS")
def test_a_newcomer_does_not_stand_behind_a_flood_from_many_networks() -> None:
    """Nor do many newcomers keep out who has been there for longer."""
    queue: FairQueue[int] = FairQueue()
    for number in range(1000):
        queue.put(b"%d" % (number % 100), number)
    for _ in range(150):
        queue.take()
    queue.put(b"home", 10_000)
    assert 10_000 in [queue.take() for _ in range(2)]
    for number in range(50):
        queue.put(b"new%d" % number, -1)
    newcomers = [queue.take() == -1 for _ in range(30)]
    assert newcomers.count(False) == 30 // (FAIR_NEWCOMERS + 1)


def test_nothing_waits() -> None:
    queue: FairQueue[int] = FairQueue()
    with pytest.raises(IndexError):
        queue.take()
    assert not queue


@given(st.lists(st.none() | st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers())))
def test_nothing_is_lost_and_each_owners_order_stays(steps: list[tuple[bytes, int] | None]) -> None:
    """None takes one."""
    queue: FairQueue[tuple[bytes, int]] = FairQueue()
    put: dict[bytes, list[int]] = {}
    taken: dict[bytes, list[int]] = {}
    for step in steps:
        if step is not None:
            queue.put(step[0], step)
            put.setdefault(step[0], []).append(step[1])
        elif queue:
            owner, number = queue.take()
            taken.setdefault(owner, []).append(number)
    while queue:
        owner, number = queue.take()
        taken.setdefault(owner, []).append(number)
    assert taken == put
