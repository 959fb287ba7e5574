"""Tasks that sleep by one word."""

from __future__ import annotations

import trio
import trio.testing
from trio.lowlevel import Abort, Task, current_task

from resolver.runtime.naps import nap, wake
from tests.support import trio_test


@trio_test
async def test_a_task_sleeps_and_is_woken_again_and_again() -> None:
    """If this fails, trio does not take the same word twice any more: `naps` must follow."""
    tasks: list[Task] = []
    turns = {"one": 0, "other": 0}
    sleep = nap(lambda _: Abort.SUCCEEDED)

    async def naps(name: str) -> None:
        tasks.append(current_task())
        while True:
            await sleep()
            turns[name] += 1

    async with trio.open_nursery() as nursery:
        for name in turns:
            nursery.start_soon(naps, name)
        for _ in range(3):
            await trio.testing.wait_all_tasks_blocked()
            for task in tasks:
                wake(task)
        await trio.testing.wait_all_tasks_blocked()
        assert turns == {"one": 3, "other": 3}
        nursery.cancel_scope.cancel()


@trio_test
async def test_who_is_cancelled_while_asleep_is_told_and_does_not_go_on() -> None:
    aborted: list[bool] = []

    def abort(_: object) -> Abort:
        aborted.append(True)
        return Abort.SUCCEEDED

    sleep = nap(abort)
    with trio.move_on_after(1) as scope:
        await sleep()
        raise AssertionError("it was not to go on")
    assert scope.cancelled_caught
    assert aborted == [True]
