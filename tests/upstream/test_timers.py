"""Appointments: nearly all are cancelled, and none of these stays for long."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from resolver.limits import TIMER_SWEEP, TIMER_TURN
from resolver.upstream.timers import Timers
from tests.support import trio_test


def nothing(_: float = 0.0) -> None:
    """What is done at the moment."""


@pytest.mark.reaches("TIMER_SWEEP")
def test_cancelled_appointments_are_swept_once_they_are_many_and_most() -> None:
    timers = Timers(before=nothing)
    cancelled = [timers.at(1.0, nothing) for _ in range(TIMER_SWEEP + 1)]
    for timer in cancelled[:-1]:
        timers.cancel(timer)
    assert timers.void == TIMER_SWEEP
    timers.cancel(cancelled[-1])
    assert timers.void == 0
    assert repr(timers) == "<Timers waiting=0>"


def test_what_is_not_cancelled_is_kept_in_its_order() -> None:
    done: list[int] = []
    timers = Timers(before=nothing)
    for number in range(3 * TIMER_SWEEP):
        timer = timers.at(float(number), partial(_note, done, number))
        if number % 3:
            timers.cancel(timer)
    while timers.fire(2.0 * TIMER_SWEEP - 1):
        pass
    assert done == list(range(0, 2 * TIMER_SWEEP, 3))
    while timers.fire(3.0 * TIMER_SWEEP):
        pass
    assert done == list(range(0, 3 * TIMER_SWEEP, 3))


@pytest.mark.reaches("TIMER_TURN")
@trio_test
async def test_others_have_their_turn_between_many_that_are_due_together() -> None:
    """A thousand queries for a silent zone, begun together, are sent again together."""
    done: list[int] = []
    drained: list[int] = []
    timers = Timers(before=lambda: drained.append(len(done)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        await trio.sleep(0.5)
        for number in range(2 * TIMER_TURN + 1):
            timers.at(trio.current_time() + 1.0, partial(_note, done, number))
        await trio.sleep(2.0)
        nursery.cancel_scope.cancel()
    assert done == list(range(2 * TIMER_TURN + 1))
    assert drained == [0, TIMER_TURN, 2 * TIMER_TURN]  # what has come is heard before each turn


def _note(done: list[int], number: int, _: float) -> None:
    done.append(number)
