"""For every test: what a run leaves out is noted for `./test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import left_out

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out.note(terminalreporter)
