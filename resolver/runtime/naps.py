"""Tasks that are put to sleep and woken thousands of times a second, at three fifths of the price.

`trio.lowlevel.wait_task_rescheduled` makes three coroutines and an object to tell the loop what is
the same each time, and the loop's reply is wrapped, to be unwrapped. Here both are made once. All
of it is trio's public interface; that the loop takes the same word twice is not promised, and a
test says loudly if it does not.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Final

import outcome
from trio.lowlevel import reschedule, wait_task_rescheduled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from trio.lowlevel import Abort, Task

_WOKEN: Final = outcome.Value(None)


def nap(abort: Callable[[Any], Abort]) -> Callable[[], Awaitable[None]]:
    """What has the task that awaits it sleep until `wake`, any number of times.

    *abort* is called when it is cancelled while it sleeps, as trio's.
    """
    asleep = wait_task_rescheduled(abort)  # noqa: ASYNC105  # only to hear what it says
    word = asleep.send(None)
    asleep.close()

    @types.coroutine
    def sleep() -> Generator[object, outcome.Outcome[None], None]:
        woken = yield word
        if woken is not _WOKEN:
            try:
                woken.unwrap()
            finally:
                del woken  # it has the exception, whose traceback has this frame: a cycle

    return sleep


def wake(task: Task) -> None:
    """Have it go on, once: who has been woken, or cancelled, does not sleep any more."""
    reschedule(task, _WOKEN)
