"""Where log lines go."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from resolver.config.schema import Log
from resolver.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
    logging.getLogger("resolver.app").info("running")
    logging.getLogger("resolver.app").debug("details")
    assert path.read_text().endswith("INFO resolver.app: running\n")


def test_stderr_is_quiet_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Log())
    logging.getLogger("resolver.app").info("running")
    logging.getLogger("resolver.app").warning("trouble")
    assert capsys.readouterr().err.endswith("WARNING resolver.app: trouble\n")


def test_a_service_manager_stamps_lines_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    logs.configure(Log())
    logging.getLogger("resolver").warning("trouble")
    assert capsys.readouterr().err == "WARNING resolver: trouble\n"
