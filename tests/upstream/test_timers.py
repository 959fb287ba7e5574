"""Appointments: nearly all are cancelled, and none of these stays for long."""

from __future__ import annotations

from functools import partial

import pytest

from resolver.limits import TIMER_SWEEP
from resolver.upstream.timers import Timers


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

    def note(number: int, _: float) -> None:
        done.append(number)

    timers = Timers(before=nothing)
    for number in range(3 * TIMER_SWEEP):
        timer = timers.at(float(number), partial(note, number))
        if number % 3:
            timers.cancel(timer)
    timers.fire(2.0 * TIMER_SWEEP - 1)
    assert done == list(range(0, 2 * TIMER_SWEEP, 3))
    timers.fire(3.0 * TIMER_SWEEP)
    assert done == list(range(0, 3 * TIMER_SWEEP, 3))
