"""Long work rests: it sleeps, where a checkpoint would only let other tasks run."""

from __future__ import annotations

import pytest
import trio

from resolver.limits import REST_SECONDS, WORK_SECONDS
from resolver.runtime.rests import Rests
from tests.support import trio_test


@pytest.mark.reaches("WORK_SECONDS", "REST_SECONDS")
@trio_test
async def test_who_worked_that_long_sleeps() -> None:
    rests, slept = Rests(), []
    for worked_s in (WORK_SECONDS * 0.9, WORK_SECONDS * 0.2, WORK_SECONDS * 0.9, WORK_SECONDS):
        await trio.sleep(worked_s)  # virtual: it stands for work
        begun = trio.current_time()
        await rests.turn()
        slept.append(round(trio.current_time() - begun, 9))
    assert slept == [0, REST_SECONDS, 0, REST_SECONDS]
