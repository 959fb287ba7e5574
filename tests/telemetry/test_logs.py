"""Where log lines go."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolver.config.schema import Log
from resolver.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger("resolver")
    before = (root.level, root.propagate)
    yield
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.level, root.propagate = before


def test_a_file_gets_what_its_level_asks_for(tmp_path: Path) -> None:
    path = tmp_path / "resolver.log"
    logs.configure(Log(destination=str(path), level="info"))
    logging.getLogger("resolver.daemon.run").info("running")
    logging.getLogger("resolver.daemon.run").debug("details")
    assert path.read_text().endswith("INFO resolver.daemon.run: running\n")


def test_stderr_is_quiet_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log())
    logging.getLogger("resolver.daemon.run").info("running")
    logging.getLogger("resolver.daemon.run").warning("trouble")
    assert capsys.readouterr().err.endswith("WARNING resolver.daemon.run: trouble\n")


def test_a_service_manager_stamps_lines_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    logs.configure(Log())
    logging.getLogger("resolver").warning("trouble")
    assert capsys.readouterr().err == "WARNING resolver: trouble\n"


def test_a_relative_file_begins_at_the_working_directory(tmp_path: Path) -> None:
    logs.configure(Log(destination="resolver.log"), directory=str(tmp_path))
    logging.getLogger("resolver").warning("trouble")
    assert (tmp_path / "resolver.log").read_text().endswith("trouble\n")


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    """And said so in the new one, whatever the level; what cannot be opened changes nothing."""
    log = tmp_path / "resolver.log"
    logs.configure(Log(destination=str(log), level="error"))
    log.rename(tmp_path / "resolver.log.1")
    logs.reopen(tells=False)
    assert log.read_text() == ""
    log.rename(tmp_path / "resolver.log.2")
    logs.reopen()
    assert log.read_text().endswith("SIGHUP: log file reopened\n")
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    tmp_path.rename(moved)
    logs.reopen(tells=False)
    logging.getLogger("resolver").error("trouble")
    said = (moved / "resolver.log").read_text()
    assert "ERROR resolver.telemetry.logs: SIGHUP: cannot open" in said
    assert said.endswith("trouble\n")


def test_a_full_disk_costs_lines_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback of logging's own on stderr, at any line."""
    logs.configure(Log(destination="/dev/full"))
    logging.getLogger("resolver").warning("trouble")
    logs.reopen()
    assert capsys.readouterr().err == ""


def test_stderr_that_nobody_reads_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full pipe, and one whose reader has left."""
    theirs, ours = os.pipe()
    with os.fdopen(ours, "w") as pipe:
        monkeypatch.setattr(sys, "stderr", pipe)
        logs.configure(Log())
        for number in range(2 * _PIPE_OCTETS // _LINE_OCTETS):
            logging.getLogger("resolver").warning("%0*d", _LINE_OCTETS, number)
        first = os.read(theirs, _PIPE_OCTETS)
        os.close(theirs)
        logging.getLogger("resolver").warning("nobody hears this")
        logging.getLogger("resolver").handlers.clear()
        os.dup2(os.open(os.devnull, os.O_WRONLY), pipe.fileno())
    assert first.endswith(b"\n")
    assert b"0000 " not in first


_PIPE_OCTETS = 65_536  # of Linux (pipe(7))
_LINE_OCTETS = 1_000


def test_a_named_pipe_without_a_reader_is_not_waited_for(tmp_path: Path) -> None:
    """At a reopening that would stop everything; at the start, signals too."""
    log = tmp_path / "resolver.log"
    logs.configure(Log(destination=str(log)))
    log.unlink()
    os.mkfifo(log)
    logs.reopen()
    assert why_not(log).endswith("(nobody reads this pipe)")
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    assert why_not(log) == ""
    logs.reopen()
    for number in range(2 * _PIPE_OCTETS // _LINE_OCTETS):
        logging.getLogger("resolver").warning("%0*d", _LINE_OCTETS, number)
    assert b"log file reopened" in os.read(reader, _LINE_OCTETS)
    os.close(reader)


def why_not(path: Path) -> str:
    """What `check` says against *path*; "" if nothing."""
    try:
        logs.try_out(path)
    except OSError as error:
        return str(logs.unusable(Log(destination=str(path)), error))
    return ""


def test_why_a_file_cannot_be_written(tmp_path: Path) -> None:
    assert why_not(tmp_path / "new.log") == ""
    assert not (tmp_path / "new.log").exists()
    assert why_not(tmp_path).endswith("(Is a directory)")
    assert f"there is no directory {tmp_path}/nowhere" in why_not(tmp_path / "nowhere" / "x")
    assert why_not(tmp_path / ("x" * 300)).endswith("(File name too long)")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_device_keeps_its_owner(tmp_path: Path) -> None:
    """log.destination = "/dev/null" must not give everybody's /dev/null to the daemon's account."""
    ours, theirs = os.openpty()
    try:
        before = os.fstat(theirs).st_uid
        logs.LogFile(Path(os.ttyname(theirs)), owner=(65_534, 65_534)).close()
        assert os.fstat(theirs).st_uid == before
    finally:
        os.close(ours)
        os.close(theirs)
    path = tmp_path / "log"
    logs.LogFile(path, owner=(65_534, 65_534)).close()
    assert path.stat().st_uid == 65_534
