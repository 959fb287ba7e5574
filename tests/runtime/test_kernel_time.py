"""What the kernel says of the wall clock, where it can be asked."""

from __future__ import annotations

import ctypes
import errno
import os
import time
from typing import TYPE_CHECKING

import pytest

from resolver.limits import CLOCK_AGREES_SECONDS, CLOCK_FLAG_SECONDS, CLOCK_LOOK_SECONDS
from resolver.runtime import kernel_time
from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

UNSYNCHRONISED = 0x40
WALL = 1_795_000_000.0


def telling(
    monkeypatch: pytest.MonkeyPatch, *, status: int, seconds: float = WALL, result: int = 0
) -> None:
    """Let adjtimex say this."""

    def ask(pointer: object) -> int:
        timex = pointer._obj  # type: ignore[attr-defined]
        timex.status, timex.seconds = status, int(seconds)
        return result

    monkeypatch.setattr(kernel_time, "_adjtimex", lambda: ask)


def test_a_synchronised_kernel_vouches(monkeypatch: pytest.MonkeyPatch) -> None:
    telling(monkeypatch, status=0x2001)
    assert kernel_time.is_vouched_for(WALL + 0.7)


def test_an_unsynchronised_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    telling(monkeypatch, status=0x2001 | UNSYNCHRONISED, result=5)
    assert not kernel_time.is_vouched_for(WALL)


@pytest.mark.reaches("CLOCK_AGREES_SECONDS")
def test_it_vouches_for_its_own_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program under libfaketime is shown another one."""
    telling(monkeypatch, status=0x2001)
    assert kernel_time.is_vouched_for(WALL + CLOCK_AGREES_SECONDS)
    assert not kernel_time.is_vouched_for(WALL + CLOCK_AGREES_SECONDS + 1)
    assert not kernel_time.is_vouched_for(WALL + 86_400)


def test_where_it_may_not_be_asked_nobody_vouches(monkeypatch: pytest.MonkeyPatch) -> None:
    telling(monkeypatch, status=0, result=-1)
    assert not kernel_time.is_vouched_for(WALL)


@pytest.mark.reaches("CLOCK_FLAG_SECONDS")
@pytest.mark.parametrize(
    ("age_s", "is_set"),
    [(0, True), (CLOCK_FLAG_SECONDS, True), (CLOCK_FLAG_SECONDS + 1, False), (-60, False)],
)
def test_where_a_sandbox_forbids_it_timesyncd_vouches(
    age_s: float,
    is_set: object,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """It touches a file each time that it has set the clock; an old one says nothing."""
    telling(monkeypatch, status=0, result=-1)
    flag = tmp_path / "synchronized"
    flag.touch()
    os.utime(flag, (WALL - age_s, WALL - age_s))
    monkeypatch.setattr(kernel_time, "_FLAG", flag)
    ctypes.set_errno(errno.EPERM)
    assert kernel_time.is_vouched_for(WALL) is is_set
    ctypes.set_errno(errno.EINVAL)
    assert not kernel_time.is_vouched_for(WALL)


def test_where_it_cannot_be_asked_nobody_vouches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another system's C library has no adjtimex."""
    monkeypatch.setattr(kernel_time, "_adjtimex", lambda: None)
    assert not kernel_time.is_vouched_for(WALL)


def test_a_library_without_it_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    assert kernel_time._adjtimex.__wrapped__() is None


def test_this_machines_structure_is_read_right() -> None:
    """The time in it is the time, so the status beside it is the status."""
    ask = kernel_time._adjtimex()
    if ask is None:
        pytest.skip("no adjtimex here")
    timex = kernel_time._Timex()
    assert ask(ctypes.byref(timex)) in range(6)
    assert abs(timex.seconds - time.time()) < 5


@pytest.mark.reaches("CLOCK_LOOK_SECONDS")
def test_it_is_asked_now_and_then() -> None:
    asked: list[float] = []

    def vouches(wall: float) -> bool:
        asked.append(wall)
        return True

    clock, at = SystemClock(vouches=vouches), 0.0
    clock.now = lambda: at
    for at in (100.0, 99.9 + CLOCK_LOOK_SECONDS, 100.0 + CLOCK_LOOK_SECONDS):
        assert clock._has_voucher(at)
    assert asked == [100.0, 100.0 + CLOCK_LOOK_SECONDS]
