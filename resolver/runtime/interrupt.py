"""Ctrl-C: at once and silently, except while there is something to clean up.

A program in Python is interrupted by an exception that may come out of any line, also of those that
nobody can guard: imports, finalizers, the interpreter's end. So the signal ends this one directly,
with the status a shell gives it, from its first line to its last; `allowed` is for the commands
that have a child, a directory or connections to bring to an end, and lets it be an exception.

Loads what the interpreter has loaded already, and nothing else: `signal` would take a millisecond.
"""

from __future__ import annotations

import _thread
import os
import sys
from _signal import (  # type: ignore[import-not-found]  # the part of `signal` that is built in
    SIG_DFL,
    SIG_IGN,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)

INTERRUPTED = 130  # as a shell says of SIGINT


def arm() -> None:
    """From here on an interrupt ends the process; unless the parent had it ignored (nohup)."""
    if getsignal(SIGINT) in (default_int_handler, SIG_DFL):  # the latter is the package's own
        signal(SIGINT, _leave)
        sys.unraisablehook = _once_more


def ignore() -> None:
    """What is left is the interpreter's end."""
    signal(SIGINT, SIG_IGN)


class allowed:  # noqa: N801  # read as `with interrupt.allowed():`
    """Inside the block an interrupt is KeyboardInterrupt, as everywhere in Python.

    No more than that where nobody has called `arm`: in tests, in other threads.
    """

    __slots__ = ("_is_armed",)

    def __init__(self) -> None:
        self._is_armed = getsignal(SIGINT) is _leave

    def __enter__(self) -> None:
        if self._is_armed:
            signal(SIGINT, default_int_handler)

    def __exit__(self, *_: object) -> None:
        if self._is_armed:
            signal(SIGINT, _leave)


def _leave(_number: int, _frame: object) -> None:
    os._exit(INTERRUPTED)


def _once_more(unraisable: sys.UnraisableHookArgs) -> None:
    """An interrupt that struck in a finalizer is lost, with a traceback: it is sent again."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        _thread.interrupt_main()
    else:
        sys.__unraisablehook__(unraisable)
