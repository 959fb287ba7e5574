"""A clock that lies in the past is held up by what is known of the time."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from resolver.daemon import clock_floor
from resolver.daemon.state import StateDirectory
from resolver.runtime.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0


def kept(directory: Path | str = "") -> StateDirectory:
    """The state directory, held open."""
    state = StateDirectory(str(directory))
    state.open()
    return state


def test_the_floor_is_the_release_where_nothing_is_remembered(tmp_path: Path) -> None:
    assert clock_floor.wall_floor(kept()) == clock_floor.RELEASED
    assert clock_floor.wall_floor(kept(tmp_path)) == clock_floor.RELEASED


def test_the_floor_is_what_an_earlier_run_confirmed(tmp_path: Path) -> None:
    clock_floor.remember(kept(tmp_path), clock_floor.RELEASED + 30 * DAY)
    assert clock_floor.wall_floor(kept(tmp_path)) == clock_floor.RELEASED + 30 * DAY


def test_a_last_run_before_the_release_counts_for_nothing(tmp_path: Path) -> None:
    clock_floor.remember(kept(tmp_path), 1000.0)
    assert clock_floor.wall_floor(kept(tmp_path)) == clock_floor.RELEASED


def test_it_never_goes_back(tmp_path: Path) -> None:
    """Workers share the file, and not each has validated something."""
    clock_floor.remember(kept(tmp_path), clock_floor.RELEASED + 30 * DAY)
    clock_floor.remember(kept(tmp_path), clock_floor.RELEASED + 10 * DAY)
    assert clock_floor.wall_floor(kept(tmp_path)) == clock_floor.RELEASED + 30 * DAY


def test_a_clock_that_an_earlier_version_wrote_down_counts_for_nothing(tmp_path: Path) -> None:
    """It may have been years ahead."""
    (tmp_path / clock_floor.FILE_NAME).write_text(f"{int(clock_floor.RELEASED + 900 * DAY)}\n")
    assert clock_floor.wall_floor(kept(tmp_path)) == clock_floor.RELEASED


@pytest.mark.parametrize("text", ["", "soon", "+soon", "+inf", "+nan", "+99999999999999", "+"])
def test_a_damaged_file_counts_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / clock_floor.FILE_NAME).write_text(text)
    assert clock_floor.wall_floor(kept(tmp_path)) == clock_floor.RELEASED


def test_where_nothing_is_kept_nothing_is_remembered() -> None:
    clock_floor.remember(kept(), clock_floor.RELEASED + DAY)
    assert clock_floor.wall_floor(kept()) == clock_floor.RELEASED


def test_the_wall_clock_never_says_less_than_its_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock(wall_floor=clock_floor.RELEASED)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert clock.wall() == clock_floor.RELEASED
    monkeypatch.setattr(time, "time", lambda: clock_floor.RELEASED + DAY)
    assert clock.wall() == clock_floor.RELEASED + DAY


def test_the_time_is_kept_where_the_library_may_no_longer_be_read(tmp_path: Path) -> None:
    """A daemon that was installed below /root is not root any more when it ends: a codec that no
    other line has loaded yet cannot be had then."""
    program = f"""
import sys
from resolver.daemon import clock_floor
from resolver.daemon.state import StateDirectory
state = StateDirectory({str(tmp_path)!r})
state.open()
sys.path_importer_cache.clear()
sys.path[:] = []
sys.meta_path[:] = []
clock_floor.remember(state, 1.8e9)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert (tmp_path / clock_floor.FILE_NAME).read_bytes() == b"+1800000000\n"
