"""Long work rests: it sleeps, where a checkpoint would only let other tasks run."""

from __future__ import annotations

import pytest
import trio

from resolver.limits import REST_SECONDS, WORK_SECONDS
from resolver.runtime.rests import Rests
from tests.support import trio_test


@pytest.mark.reaches("WORK_SECONDS")
@pytest.mark.reaches("REST_SECONDS")
@trio_test
async def test_who_worked_that_long_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    worked = iter([0.0, WORK_SECONDS * 0.9, WORK_SECONDS * 1.1, 2.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr("resolver.runtime.rests.time.perf_counter", lambda: next(worked))
    begun, rests = trio.current_time(), Rests()
    slept = []
    for _ in range(4):
        await rests.turn()
        slept.append(round((trio.current_time() - begun) / REST_SECONDS))
    assert slept == [0, 1, 1, 2]
