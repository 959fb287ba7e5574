"""Waking the loop between two milliseconds.

epoll takes whole milliseconds, and Python rounds up: a deadline 0.8 ms from now comes after 1.1,
one of 1.2 ms after 2.1. A timer of the kernel (timerfd_create(2)) among what the loop waits for
wakes it within some 50 µs, and then it sees its deadlines itself. Where there is no such timer they
come as they did.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from bisect import insort
from functools import cache
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MONOTONIC: Final = 1
_NONBLOCK_CLOEXEC: Final = 0o2004000
_LEAST_NS: Final = 1  # nought would be never


class _Spec(ctypes.Structure):
    """struct itimerspec: again each so long (never, if nought); first in so long."""

    _fields_ = (
        ("again_s", ctypes.c_long),
        ("again_ns", ctypes.c_long),
        ("first_s", ctypes.c_long),
        ("first_ns", ctypes.c_long),
    )


@cache
def _functions() -> tuple[Callable[..., int], Callable[..., int]] | None:
    """timerfd_create and timerfd_settime; None where the C library has none (Linux's own)."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        create, set_time = library.timerfd_create, library.timerfd_settime
    except (OSError, AttributeError, TypeError):
        return None
    create.argtypes = (ctypes.c_int, ctypes.c_int)
    set_time.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.POINTER(_Spec), ctypes.c_void_p)
    return create, set_time


class Alarm:
    """Moments at which the loop is woken, while `run` runs; on trio's clock."""

    __slots__ = ("_descriptor", "_due", "_set", "_spec")

    def __init__(self) -> None:
        self._due: list[float] = []
        self._descriptor = -1
        self._set: Callable[..., int] | None = None
        self._spec = _Spec()

    def __repr__(self) -> str:
        return f"<Alarm, {len(self._due)} due>"

    @contextlib.contextmanager
    def at(self, when: float) -> Iterator[None]:
        """Be woken then, if the block still runs. 8 µs."""
        due = self._due
        insort(due, when)
        if due[0] == when:
            self._arm()
        try:
            yield
        finally:
            first = due[0]
            due.remove(when)
            if first == when:
                self._arm()

    def _arm(self) -> None:
        """For the first that is due; for none, not at all."""
        if self._set is None:
            return
        nanoseconds = 0
        if self._due:
            nanoseconds = max(int((self._due[0] - trio.current_time()) * 1e9), _LEAST_NS)
        self._spec.first_s, self._spec.first_ns = divmod(nanoseconds, 1_000_000_000)
        self._set(self._descriptor, 0, self._spec, None)

    async def run(self) -> None:
        """Wake the loop, until cancelled; at once where there are no such timers, or no descriptor
        is left for one."""
        functions = _functions()
        descriptor = -1 if functions is None else functions[0](_MONOTONIC, _NONBLOCK_CLOEXEC)
        if functions is None or descriptor < 0:
            await trio.lowlevel.checkpoint()
            return
        self._descriptor, self._set = descriptor, functions[1]
        try:
            while True:
                await trio.lowlevel.wait_readable(descriptor)
                with contextlib.suppress(BlockingIOError):
                    os.read(descriptor, 8)
        finally:
            self._set = None
            os.close(descriptor)
