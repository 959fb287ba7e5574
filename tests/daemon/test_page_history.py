"""The page's timeline outlives the daemon; what is damaged or foreign is told, and no failure."""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from resolver.daemon import page_history
from resolver.daemon.page_history import History, rows_untrusted
from resolver.daemon.state import KEPT, StateDirectory
from resolver.errors import WireError
from resolver.lab.virtual_time import VirtualClock
from resolver.limits import WEB_HISTORY_SECONDS
from resolver.operate.numbers import KINDS
from resolver.operate.timeline import OCTETS, Timeline
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

WALL = 1_800_000_000.0
ONE = dict.fromkeys(KINDS, 1)


def _history(folder: Path) -> History:
    state = StateDirectory(str(folder))
    state.open()
    history = History(state)
    history.take_back()
    return history


def _timeline(history: History) -> Timeline:
    """As the page's process has it."""
    return Timeline(memoryview(mmap.mmap(history.descriptor, OCTETS)))


def test_what_was_counted_is_there_after_a_restart(tmp_path: Path) -> None:
    before = _history(tmp_path)
    _timeline(before).note(WALL, ONE, 7, 60)
    before.close()
    before.close()
    file = tmp_path / "web-history"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_size < 1000
    last = _timeline(_history(tmp_path)).minutes(WALL)[-1]
    assert last is not None
    assert (last.kinds, last.outage_s, last.watched_s) == (ONE, 7, 60)


def test_a_whole_day_of_numbers_takes_no_more_than_they_do(tmp_path: Path) -> None:
    history = _history(tmp_path)
    os.pwrite(history.descriptor, os.urandom(OCTETS), 0)
    history.keep()
    assert OCTETS < (tmp_path / "web-history").stat().st_size < OCTETS + 1024
    again = _history(tmp_path)
    assert os.pread(again.descriptor, OCTETS, 0) == os.pread(history.descriptor, OCTETS, 0)


@pytest.mark.reaches("WEB_HISTORY_SECONDS")
@trio_test
async def test_it_is_kept_now_and_then_where_there_is_something_new(tmp_path: Path) -> None:
    history, file = _history(tmp_path), tmp_path / "web-history"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(history.run, VirtualClock())
        await trio.sleep(WEB_HISTORY_SECONDS + 1)
        assert not file.exists()
        _timeline(history).note(WALL, ONE, 0, 10)
        await trio.sleep(WEB_HISTORY_SECONDS)
        assert file.exists()
        written = file.stat().st_ino
        await trio.sleep(WEB_HISTORY_SECONDS)
        assert file.stat().st_ino == written
        history.close()
        await trio.sleep(WEB_HISTORY_SECONDS)
        nursery.cancel_scope.cancel()


def _whole(tmp_path: Path) -> bytes:
    history = _history(tmp_path)
    _timeline(history).note(WALL, ONE, 0, 60)
    history.close()
    return (tmp_path / "web-history").read_bytes()


def _packed(rows: bytes) -> bytes:
    return page_history._file_of(rows)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda whole: whole[:-1],
        lambda whole: whole + b"x",
        lambda whole: whole.replace(b"history 1", b"history 2"),
        lambda whole: whole[:-3] + b"\0\0\0",
        lambda whole: b"\0" * len(whole),
        lambda _: b"#!/bin/sh\n" * 100_000,
        lambda _: _packed(bytes(OCTETS - 1)),
        lambda _: _packed(bytes(100 * OCTETS)),
        lambda _: page_history._HEAD + page_history._digest(b"x") + b"x",
    ],
)  # fmt: skip
def test_a_file_that_is_damaged_or_somebody_elses_is_told_and_set_aside(
    tmp_path: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    file, octets = tmp_path / "web-history", damage(_whole(tmp_path))  # type: ignore[operator]
    file.write_bytes(octets)
    history = _history(tmp_path)
    assert "begins anew" in caplog.text
    assert (tmp_path / "web-history.damaged").read_bytes() == octets
    assert any(name == "web-history.damaged" for name in KEPT)
    assert _timeline(history).minutes(WALL)[-1] is None
    _timeline(history).note(WALL, ONE, 0, 60)
    history.close()
    assert rows_untrusted(file.read_bytes())


def test_a_directory_in_its_place_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "web-history").mkdir()
    history = _history(tmp_path)
    assert "begins anew" in caplog.text
    history.close()


def test_without_a_directory_it_lives_as_long_as_the_daemon(
    caplog: pytest.LogCaptureFixture,
) -> None:
    history = History(StateDirectory())
    history.take_back()
    _timeline(history).note(WALL, ONE, 0, 60)
    history.close()
    assert not caplog.records


@given(st.binary() | st.binary().map(_packed))
def test_rows_untrusted_gives_rows_or_raises_wire_error(octets: bytes) -> None:
    with suppress(WireError):
        assert len(rows_untrusted(octets)) == OCTETS


def test_its_size_is_sealed() -> None:
    history = History(StateDirectory())
    for size in (0, 2 * OCTETS):
        with pytest.raises(PermissionError):
            os.ftruncate(history.descriptor, size)
    history.close()
