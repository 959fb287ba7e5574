"""The process and its host: garbage is looked for on a timer, and only what is young."""

from __future__ import annotations

import gc

import pytest
import trio

from resolver.host import collect_garbage
from resolver.limits import GARBAGE_OBJECTS, GARBAGE_SECONDS
from tests.support import trio_test


@pytest.mark.reaches("GARBAGE_SECONDS", "GARBAGE_OBJECTS")
@trio_test
async def test_garbage_is_looked_for_on_a_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full pass of the collector's own would stop all queries."""
    looks: list[float] = []

    def count() -> tuple[int, int, int]:
        looks.append(trio.current_time())
        return 0, 0, 0

    monkeypatch.setattr(gc, "get_count", count)
    before = gc.get_threshold()
    async with trio.open_nursery() as nursery:
        began = trio.current_time()
        nursery.start_soon(collect_garbage)
        await trio.sleep(3.5 * float(GARBAGE_SECONDS))
        assert gc.get_threshold()[0] == int(GARBAGE_OBJECTS)
        nursery.cancel_scope.cancel()
    assert gc.get_threshold() == before
    assert looks == pytest.approx([began + turn * float(GARBAGE_SECONDS) for turn in (1, 2, 3)])
