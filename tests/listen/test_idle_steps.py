"""Who waits for what comes in the loop's sleep takes a step there, and the loop sleeps on."""

from __future__ import annotations

import contextlib
import os

import trio
import trio.testing
from trio.lowlevel import Abort, Task, current_task

from resolver.listen import idle_loop
from resolver.runtime.naps import nap, wake
from resolver.runtime.turns import Turns
from tests.support import trio_test_real

_sleep = nap(lambda _: Abort.SUCCEEDED)


class Waking:
    """What comes on *fd* wakes a task."""

    is_serving = False
    has_waiting = False

    def __init__(self, fd: int, task: Task) -> None:
        self.queries = 0
        self._fd = fd
        self._task = task

    def take_one(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._fd)
            self.queries += 1
            wake(self._task)

    def take(self) -> bool:
        self.take_one()
        return False

    drain = take

    def begin_ahead(self) -> None:
        pass


class Steps(trio.abc.Instrument):
    """Who took a step, by name."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def before_task_step(self, task: Task) -> None:
        self.taken.append(task.name.rsplit(".", 1)[-1])


@trio_test_real
async def test_a_step_in_the_loops_sleep_needs_no_turn_and_its_timer_is_on_time() -> None:
    turns, steps, scope = Turns(), Steps(), trio.CancelScope()
    asked, story = os.eventfd(0, os.EFD_NONBLOCK), list[tuple[str, float]]()

    async def client_waits() -> None:
        turns.prompt.add(current_task())
        await _sleep()
        story.append(("woken", trio.current_time()))
        scope.deadline = trio.current_time() + 0.05
        await _sleep()

    async def timer() -> None:
        with scope:
            await trio.sleep_forever()
        story.append(("timer", trio.current_time()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client_waits)
        nursery.start_soon(timer)
        await trio.testing.wait_all_tasks_blocked()
        service = Waking(asked, next(iter(turns.prompt)))
        nursery.start_soon(idle_loop.watch_over, {asked: service}, turns)
        await trio.testing.wait_all_tasks_blocked()
        turns.note_hits()
        trio.lowlevel.add_instrument(steps)
        os.eventfd_write(asked, 1)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    os.close(asked)
    (_, woken_at), (_, due_at) = story
    assert [what for what, _ in story] == ["woken", "timer"]
    assert service.queries == 1
    assert steps.taken.index("client_waits") < steps.taken.index("watch_over")  # whom a bell wakes
    assert 0.05 <= due_at - woken_at < 0.5
