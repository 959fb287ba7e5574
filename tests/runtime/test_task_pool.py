"""Tasks that are used again."""

from __future__ import annotations

import pytest
import trio

from resolver.limits import IDLE_TASKS
from resolver.runtime.task_pool import TaskPool
from tests.support import trio_test


@trio_test
async def test_every_errand_is_run_by_few_tasks() -> None:
    tasks: set[trio.lowlevel.Task] = set()
    done: list[int] = []

    async def job(number: int) -> None:
        tasks.add(trio.lowlevel.current_task())
        await trio.sleep(1)
        done.append(number)

    async with trio.open_nursery() as nursery:
        task_pool = TaskPool(nursery)
        for number in range(30):
            task_pool.start_soon(job, number)
            if number % 3 == 2:
                await trio.sleep(2)
        assert sorted(done) == list(range(30))
        assert len(tasks) == 3
        nursery.cancel_scope.cancel()


@trio_test
async def test_cancelling_ends_idle_and_busy_tasks() -> None:
    async with trio.open_nursery() as nursery:
        task_pool = TaskPool(nursery)
        task_pool.start_soon(trio.sleep, 0)
        await trio.sleep(1)
        task_pool.start_soon(trio.sleep_forever)
        task_pool.start_soon(trio.sleep, 0)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert not nursery.child_tasks


@trio_test
async def test_what_an_errand_raises_ends_the_nursery() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.RaisesGroup(ZeroDivisionError):
        async with trio.open_nursery() as nursery:
            task_pool = TaskPool(nursery)
            task_pool.start_soon(trio.sleep, 0)
            await trio.sleep(1)
            task_pool.start_soon(broken)
            await trio.sleep_forever()


@pytest.mark.reaches("IDLE_TASKS")
@trio_test
async def test_idle_tasks_are_bounded() -> None:
    async with trio.open_nursery() as nursery:
        task_pool = TaskPool(nursery)
        for _ in range(IDLE_TASKS + 10):
            task_pool.start_soon(trio.sleep, 1)
        await trio.sleep(2)
        assert len(nursery.child_tasks) == IDLE_TASKS
        nursery.cancel_scope.cancel()
