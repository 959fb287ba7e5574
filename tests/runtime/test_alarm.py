"""The loop is woken at a moment, by a timer of the kernel; never before it, nor for nobody."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import trio
import trio.testing

from resolver.runtime import alarm as module
from resolver.runtime.alarm import Alarm
from tests.support import trio_test_real

if TYPE_CHECKING:
    import pytest

SOON_S, PATIENCE_S = 0.0005, 20.0


class _Wakings:
    """When the loop was woken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at: list[float] = []
        self._is_new = trio.Event()
        read = os.read

        def noted(descriptor: int, size: int) -> bytes:
            self.at.append(trio.current_time())
            self._is_new.set()
            return read(descriptor, size)

        monkeypatch.setattr(os, "read", noted)

    async def next(self) -> float:
        """Nothing else has a deadline here but the test's patience."""
        with trio.fail_after(PATIENCE_S):
            await self._is_new.wait()
        self._is_new = trio.Event()
        return self.at[-1]


@trio_test_real
async def test_it_wakes_the_loop_once_it_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    wakings, alarm = _Wakings(monkeypatch), Alarm()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.run)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            when = trio.current_time() + SOON_S
            with alarm.at(when):
                assert await wakings.next() >= when
        nursery.cancel_scope.cancel()


@trio_test_real
async def test_the_first_that_is_due_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked first; the other is not forgotten."""
    wakings, alarm = _Wakings(monkeypatch), Alarm()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.run)
        await trio.testing.wait_all_tasks_blocked()
        now = trio.current_time()
        with alarm.at(now + 100 * SOON_S):
            with alarm.at(now + SOON_S):
                first = await wakings.next()
            assert await wakings.next() >= now + 100 * SOON_S
        assert now + SOON_S <= first
        assert len(wakings.at) == 2
        nursery.cancel_scope.cancel()


@trio_test_real
async def test_nobody_is_woken_for_what_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    wakings, alarm = _Wakings(monkeypatch), Alarm()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.run)
        await trio.testing.wait_all_tasks_blocked()
        with ExitStack() as stack:
            for number in range(1, 4):
                stack.enter_context(alarm.at(trio.current_time() + number * PATIENCE_S))
        assert repr(alarm) == "<Alarm, 0 due>"
        await trio.sleep(10 * SOON_S)
        assert wakings.at == []
        nursery.cancel_scope.cancel()


@trio_test_real
async def test_where_there_are_no_such_timers_deadlines_come_as_they_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_functions", lambda: None)
    alarm = Alarm()
    await alarm.run()
    with trio.move_on_after(SOON_S) as scope, alarm.at(scope.deadline):
        await trio.sleep_forever()
    assert scope.cancelled_caught


@trio_test_real
async def test_its_descriptor_ends_with_it() -> None:
    before = _open()
    for _ in range(2):
        with trio.move_on_after(0.005):
            await Alarm().run()
    assert _open() == before


def _open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
