"""Steps between two turns of the loop are steps as in them, but earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing
from trio.lowlevel import Abort, current_task

from resolver.runtime.naps import nap, wake
from resolver.runtime.steps import loop_queue, may_step, run_woken, sleep_seconds
from resolver.runtime.task_pool import TaskPool
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_sleep = nap(lambda _: Abort.SUCCEEDED)


class Between(trio.abc.Instrument):
    """Does *work* once, between two turns; *turns* and *steps* are counted."""

    def __init__(self) -> None:
        self.work: Callable[[], None] | None = None
        self.turns = 0
        self.stepped: list[trio.lowlevel.Task] = []

    def before_io_wait(self, timeout: float) -> None:
        del timeout
        self.turns += 1
        work, self.work = self.work, None
        if work is not None:
            work()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.stepped.append(task)


@pytest.fixture
def between() -> Between:
    return Between()


class Sleepers:
    """Tasks that sleep until they are woken, and note who went on, and when."""

    def __init__(self, between: Between) -> None:
        self.between = between
        self.tasks: list[trio.lowlevel.Task] = []
        self.noted: list[tuple[int, int]] = []  # who, and at which turn

    async def one(self, number: int, then: Callable[[], Awaitable[None]] | None = None) -> None:
        self.tasks.append(current_task())
        await _sleep()
        self.noted.append((number, self.between.turns))
        if then is not None:
            await then()
            self.noted.append((number, self.between.turns))


@pytest.fixture
def sleepers(between: Between) -> Sleepers:
    return Sleepers(between)


async def have(between: Between, work: Callable[[], None]) -> None:
    """*work* done between two turns, and the turn after it."""
    between.work = work
    trio.lowlevel.add_instrument(between)
    await trio.lowlevel.checkpoint()
    trio.lowlevel.remove_instrument(between)


@trio_test_real
async def test_trio_is_made_as_we_know_it() -> None:
    """If this fails, a miss waits for turns of the loop again until `steps` follows."""
    assert may_step()
    assert loop_queue() is not None
    with trio.move_on_after(20):
        await trio.lowlevel.checkpoint()
        assert 0 < sleep_seconds() <= 20


@trio_test
async def test_whoever_is_woken_goes_on_at_once_in_order(
    between: Between, sleepers: Sleepers
) -> None:
    """Those that are asked for; who else was woken, or was in the queue, waits for the turn."""
    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(sleepers.one, number)
        await trio.testing.wait_all_tasks_blocked()
        tasks = sleepers.tasks[:]
        by_number = {number: tasks[number] for number in range(5)}
        first: list[tuple[int, int]] = []

        def work() -> None:
            queue = loop_queue()
            assert queue is not None
            wake(by_number[4])
            known = len(queue)
            for number in (2, 0, 3, 1):
                wake(by_number[number])
            run_woken(known, {by_number[number] for number in (0, 1, 2, 4)})
            first.extend(sleepers.noted)

        await have(between, work)
        await trio.testing.wait_all_tasks_blocked()
    assert [turn for _, turn in first] == [1, 1, 1]
    assert len(sleepers.noted) == 5
    assert between.stepped[:3] == [by_number[number] for number in (2, 0, 1)]


@trio_test
async def test_a_task_may_pause_sleep_on_end_or_fail(between: Between, sleepers: Sleepers) -> None:
    """As in a turn: what it wants of the loop, it gets."""

    async def fail() -> None:
        raise ZeroDivisionError

    stories = (trio.lowlevel.checkpoint, _sleep, None, fail)

    def work() -> None:
        for task in sleepers.tasks:
            wake(task)
        queue = loop_queue()
        assert queue is not None
        run_woken(len(queue) - len(stories), set(sleepers.tasks))
        assert len(sleepers.noted) == len(stories)

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for number, then in enumerate(stories):
                nursery.start_soon(sleepers.one, number, then)
            await trio.testing.wait_all_tasks_blocked()
            await have(between, work)
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        await story()
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError]


@trio_test
async def test_whom_a_step_wakes_is_the_loops(between: Between, sleepers: Sleepers) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleepers.one, 0)
        await trio.testing.wait_all_tasks_blocked()

        async def wake_other() -> None:
            wake(sleepers.tasks[0])

        nursery.start_soon(sleepers.one, 1, wake_other)
        await trio.testing.wait_all_tasks_blocked()

        def work() -> None:
            wake(sleepers.tasks[1])
            queue = loop_queue()
            assert queue is not None
            run_woken(len(queue) - 1, set(sleepers.tasks))
            assert sleepers.noted == [(1, 1), (1, 1)]

        await have(between, work)
    assert sleepers.noted[2][0] == 0


@trio_test
async def test_who_is_cancelled_meanwhile_does_not_sleep_on(
    between: Between, sleepers: Sleepers
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleepers.one, 0, _sleep)
        await trio.testing.wait_all_tasks_blocked()

        def work() -> None:
            wake(sleepers.tasks[0])
            nursery.cancel_scope.cancel()
            queue = loop_queue()
            assert queue is not None
            run_woken(len(queue) - 1, set(sleepers.tasks))

        await have(between, work)
    assert nursery.cancel_scope.cancelled_caught
    assert len(sleepers.noted) == 1


@trio_test_real
async def test_a_pool_says_which_tasks_are_its_own() -> None:
    tasks: set[trio.lowlevel.Task] = set()
    seen: list[trio.lowlevel.Task] = []

    async def job() -> None:
        seen.append(current_task())

    async with trio.open_nursery() as nursery:
        pool = TaskPool(nursery, tasks)
        pool.start_soon(job)
        await trio.testing.wait_all_tasks_blocked()
        assert set(seen) == tasks
        nursery.cancel_scope.cancel()
    assert not tasks
