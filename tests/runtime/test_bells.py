"""Workers wake each other."""

from __future__ import annotations

import os

import trio

from resolver.runtime.bells import Bells
from tests.support import trio_test


async def _is_heard(bells: Bells, number: int) -> bool:
    with trio.move_on_after(1) as scope:
        await bells.heard(number)
    return not scope.cancelled_caught


@trio_test
async def test_a_child_wakes_all_others_but_itself() -> None:
    bells = Bells(3)
    child = os.fork()
    if child == 0:
        bells.ring(1)
        bells.ring(1)
        os._exit(0)
    os.waitpid(child, 0)  # noqa: ASYNC222  # it ends at once
    assert [await _is_heard(bells, number) for number in (0, 1, 2)] == [True, False, True]
    assert not await _is_heard(bells, 0)  # both rings were one


@trio_test
async def test_two_of_one_process_may_wait() -> None:
    """At a reload the next one begins before the last one has gone."""
    bells = Bells(2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bells.heard, 0)
        nursery.start_soon(bells.heard, 0)
        for _ in range(2):
            await trio.testing.wait_all_tasks_blocked()
            bells.ring(1)


@trio_test
async def test_without_the_means_nobody_is_woken() -> None:
    bells = Bells(0)
    bells.ring(0)
    assert not await _is_heard(bells, 0)
