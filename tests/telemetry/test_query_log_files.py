"""The query log on disk: whose it is, how long, and how much of it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from resolver.limits import (
    QUERY_LOG_DAYS,
    QUERY_LOG_FILES,
    QUERY_LOG_OCTETS,
    QUERY_LOG_OCTETS_RANGE,
)
from resolver.telemetry import query_log_files
from resolver.telemetry.query_log_files import Keeping, QueryLogFiles, log_files

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0
NOON = 20_000.5 * DAY  # 2024-10-04T12:00Z
LINE = b"x" * 99 + b"\n"


def files(path: Path, *, octets: int = QUERY_LOG_OCTETS) -> QueryLogFiles:
    return QueryLogFiles(path / "queries", Keeping(QUERY_LOG_DAYS, octets))


def names(path: Path) -> list[str]:
    return [file.name for file in log_files(path / "queries")]


def total(path: Path) -> int:
    return sum(file.stat().st_size for file in log_files(path / "queries"))


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    kept = files(tmp_path)
    kept.write([LINE], NOON)
    kept.close()
    (file,) = log_files(tmp_path / "queries")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.read_bytes() == LINE


def test_a_start_goes_on_with_the_file_of_the_day_and_so_does_each_worker(tmp_path: Path) -> None:
    one, other = files(tmp_path), files(tmp_path)
    one.write([LINE, LINE], NOON)
    other.write([LINE], NOON + 1)
    one.write([LINE], NOON + 2)
    assert names(tmp_path) == ["20241004-000001.jsonl"]
    assert total(tmp_path) == 4 * len(LINE)
    for kept in (one, other):
        kept.close()


@pytest.mark.reaches("QUERY_LOG_DAYS")
def test_a_day_begins_a_file_and_takes_one_that_is_too_old(tmp_path: Path) -> None:
    kept = files(tmp_path)
    for day in range(QUERY_LOG_DAYS + 3):
        kept.write([LINE], NOON + day * DAY)
    assert len(names(tmp_path)) == QUERY_LOG_DAYS + 1  # what is left of the first day too
    assert names(tmp_path)[0] == "20241006-000001.jsonl"
    kept.prune(NOON + 1000 * DAY)
    assert names(tmp_path) == []
    kept.close()


@pytest.mark.reaches("QUERY_LOG_FILES", "QUERY_LOG_OCTETS")
def test_it_never_takes_more_than_it_may(tmp_path: Path) -> None:
    """Whatever comes at a time; and no less than is useful."""
    least = QUERY_LOG_OCTETS_RANGE[0]
    kept = files(tmp_path, octets=least)
    per_file = least // QUERY_LOG_FILES
    for count in (1, 700, 5000, 30_000, 1):
        kept.write([LINE] * count, NOON)
        assert total(tmp_path) <= least + len(LINE)
        assert max(file.stat().st_size for file in log_files(tmp_path / "queries")) < 2 * per_file
    assert total(tmp_path) > least * (QUERY_LOG_FILES - 3) / QUERY_LOG_FILES
    kept.close()
    bigger = files(tmp_path)
    bigger.write([LINE] * 100, NOON)
    assert len(names(tmp_path)) <= QUERY_LOG_FILES
    bigger.close()


def test_a_file_that_somebody_deleted_is_begun_anew(tmp_path: Path) -> None:
    kept = files(tmp_path)
    kept.write([LINE], NOON)
    (tmp_path / "queries" / names(tmp_path)[0]).unlink()
    kept.write([LINE], NOON)
    assert total(tmp_path) == len(LINE)
    kept.close()


def test_after_a_failure_a_line_begins_on_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = files(tmp_path)
    kept.write([LINE], NOON)
    write = os.write
    tries = []

    def fills(descriptor: int, octets: bytes) -> int:
        tries.append(octets)
        if len(tries) > 1:
            raise OSError(28, "No space left on device")
        return write(descriptor, octets[:50])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fills)
        with pytest.raises(OSError, match="No space"):
            kept.write([LINE], NOON)
    kept.write([LINE], NOON)
    (file,) = log_files(tmp_path / "queries")
    assert file.read_bytes() == LINE + LINE[:50] + b"\n" + LINE
    kept.close()


@pytest.mark.parametrize("trouble", ["a file", "a link", "nobody"])
def test_a_directory_that_is_not_ours_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    where = tmp_path / "queries"
    if trouble == "a file":
        where.write_text("mine")
    elif trouble == "a link":
        (tmp_path / "elsewhere").mkdir()
        where.symlink_to(tmp_path / "elsewhere")
    else:
        monkeypatch.setattr(query_log_files, "shared_account", lambda: "set server.user")
    with pytest.raises(PermissionError) as raised:
        files(tmp_path).write([LINE], NOON)
    assert raised.value.strerror in ("it is no directory", "set server.user")
    assert not list((tmp_path / "elsewhere").glob("*"))


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "20241004-000001.jsonl").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        files(tmp_path).write([LINE], NOON)
    assert not (tmp_path / "precious").exists()
