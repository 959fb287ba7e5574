"""Virtual time: a trio run in which hours pass in milliseconds, and twice in the same way.

`MockClock` jumps as soon as every task waits, so nothing run here may wait for a real descriptor.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeVar

import trio
import trio.testing
from trio._core import _run as trio_internals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


def run(main: Callable[[], Awaitable[T]], *, seed: int = 0) -> T:
    """`trio.run(main)` in virtual time, task order fixed by *seed*.

    Trio shuffles each batch of runnable tasks to punish code that relies on their order; the
    generator it uses is private, and seeding it is how a failing order is kept
    (docs/architecture.md, The lab).
    """
    internals: Any = trio_internals
    shuffler, was_fixed = internals._r, internals._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001
    internals._r = random.Random(seed)  # noqa: SLF001
    internals._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001
    try:
        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    finally:
        internals._r = shuffler  # noqa: SLF001
        internals._ALLOW_DETERMINISTIC_SCHEDULING = was_fixed  # noqa: SLF001


class VirtualClock:
    """`clock.Clock` that follows trio's: *wall* is the Unix time at the moment it is made."""

    def __init__(self, *, wall: float = 1_785_000_000.0, monotonic: float = 100_000.0) -> None:
        self._born = trio.current_time()
        self._wall = wall
        self._monotonic = monotonic

    def __repr__(self) -> str:
        return f"<VirtualClock now={self.now():.3f} wall={self.wall():.0f}>"

    def now(self) -> float:
        return self._monotonic + trio.current_time() - self._born

    def wall(self) -> float:
        return self._wall + trio.current_time() - self._born


def seeded(*parts: object) -> random.Random:
    """A generator for each use of chance, so that one more draw here moves nothing there."""
    return random.Random("/".join(map(str, parts)))
