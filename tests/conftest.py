"""For every test: what a run leaves out is noted; a busy machine is no fault of what is tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

from tests import left_out

if TYPE_CHECKING:
    import pytest

settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out.note(terminalreporter)
