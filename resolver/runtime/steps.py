"""Steps of tasks that were woken a moment ago, at once: what trio's loop does at its next turn.

Between two turns nothing runs, so a step may be made there as well as in the turn: nobody can tell,
but that the task did not wait for all others. For tasks that somebody waits for, and whose steps
are short. What is done here is what `trio._core._run.unrolled_run` does for each task of a turn;
its names are not public, so `may_step` looks whether they are there, and a test says loudly if not.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import outcome
import trio

if TYPE_CHECKING:
    from collections.abc import Container

_TASK: Final = ("_next_send_fn", "_next_send", "_abort_func", "_schedule_points", "_cancel_points",
                "_attempt_delivery_of_any_pending_cancel")  # fmt: skip
_RUNNER: Final = ("task_exited", "instruments", "clock", "deadlines")
_context: Any = trio._core._run.GLOBAL_RUN_CONTEXT  # noqa: SLF001
_traps: Any = trio._core._traps  # noqa: SLF001


def loop_queue() -> deque[trio.lowlevel.Task] | None:
    """The tasks of the running loop that are to run next."""
    queue = getattr(_context.runner, "runq", None)
    return queue if isinstance(queue, deque) else None


def may_step() -> bool:
    """True if trio is made as we know it."""
    task = trio.lowlevel.current_task()
    return (
        all(hasattr(task, name) for name in _TASK)
        and all(hasattr(_context.runner, name) for name in _RUNNER)
        and hasattr(_traps, "CancelShieldedCheckpoint")
        and hasattr(_traps, "WaitTaskRescheduled")
    )


def sleep_seconds() -> float:
    """Until the next deadline of the running loop."""
    runner = _context.runner
    seconds: float = runner.clock.deadline_to_sleep_time(runner.deadlines.next_deadline())
    return seconds


def run_woken(known: int, which: Container[trio.lowlevel.Task]) -> None:
    """One step of each task of *which* in the loop's queue behind the first *known*, in order.

    To be called while no task runs. Whom they wake in turn is the loop's.
    """
    queue = _context.runner.runq
    woken = [queue.pop() for _ in range(len(queue) - known)]
    try:
        while woken:
            task = woken.pop()
            if task in which:
                _step(task)
            else:
                queue.append(task)
    finally:
        queue.extend(reversed(woken))


def _step(task: Any) -> None:
    runner = _context.runner
    instruments = runner.instruments
    _context.task = task
    try:
        if "before_task_step" in instruments:
            instruments.call("before_task_step", task)
        send, value = task._next_send_fn, task._next_send  # noqa: SLF001
        task._next_send_fn = task._next_send = None  # noqa: SLF001
        try:
            word = task.context.run(send, value)
        except StopIteration as end:
            runner.task_exited(task, outcome.Value(end.value))
        except BaseException as error:  # noqa: BLE001  # its nursery's, whatever it is
            at = error.__traceback__
            error.__traceback__ = at and at.tb_next  # this frame has *value*, which may have it
            del at
            runner.task_exited(task, outcome.Error(error))
        else:
            _heed(task, word)
        if "after_task_step" in instruments:
            instruments.call("after_task_step", task)
    finally:
        del _context.task


def _heed(task: Any, word: Any) -> None:
    """What the task wants of the loop."""
    task._schedule_points += 1  # noqa: SLF001
    if word is _traps.CancelShieldedCheckpoint:
        _context.runner.reschedule(task)
    elif type(word) is _traps.WaitTaskRescheduled:
        task._cancel_points += 1  # noqa: SLF001
        task._abort_func = word.abort_func  # noqa: SLF001
        task._attempt_delivery_of_any_pending_cancel()  # noqa: SLF001
    else:
        raise TypeError(f"a task says {word!r}")
