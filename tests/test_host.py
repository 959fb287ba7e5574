"""The process and its host: garbage is looked for on a timer, and only what is young."""

from __future__ import annotations

import gc
import weakref

import pytest
import trio

from resolver.host import collect_garbage
from resolver.limits import GARBAGE_MISSES, GARBAGE_SECONDS
from tests.support import trio_test


@pytest.mark.reaches("GARBAGE_SECONDS", "GARBAGE_MISSES")
@trio_test
async def test_garbage_is_looked_for_between_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a timer, and not in a burst: a pass over what many queries hold would stop them all."""
    looks: list[float] = []
    monkeypatch.setattr(gc, "collect", lambda: looks.append(trio.current_time()))
    most = int(GARBAGE_MISSES)
    counts = iter([0, most, 2 * most + 1, 2 * most + 1])
    async with trio.open_nursery() as nursery:
        began = trio.current_time()
        nursery.start_soon(collect_garbage, lambda: next(counts))
        await trio.sleep(3.5 * float(GARBAGE_SECONDS))
        assert not gc.isenabled()
        assert gc.get_freeze_count()
        nursery.cancel_scope.cancel()
    assert gc.isenabled()
    assert not gc.get_freeze_count()
    assert looks == pytest.approx([began + turn * float(GARBAGE_SECONDS) for turn in (0, 1, 3)])


@trio_test
async def test_cycles_of_calm_times_are_freed() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.own = self

    async with trio.open_nursery() as nursery:
        nursery.start_soon(collect_garbage, lambda: 0)
        await trio.sleep(float(GARBAGE_SECONDS) / 2)
        seen = weakref.ref(Cycle())
        assert seen() is not None
        await trio.sleep(float(GARBAGE_SECONDS))
        assert seen() is None
        nursery.cancel_scope.cancel()
