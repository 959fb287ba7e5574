"""For every test: what a run leaves out is noted; a busy machine is no fault of what is tested.

Nor is a shell that runs the tests in the background, where it has Ctrl-C ignored: what tests start
would inherit that, and never end.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests import left_out
from tests.support import examples

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

# A daemon that a test starts has a control socket where the test wants one: not all of them the
# machine's, one after the other.
os.environ["RUNTIME_DIRECTORY"] = "/nonexistent"
settings.register_profile(
    "any",
    deadline=None,
    max_examples=examples(50),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.get_closest_marker("heavy"):
        item.add_marker(pytest.mark.no_cover)  # of pytest-cov: not traced


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    report = yield
    left_out.insist(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    report = yield
    left_out.insist(report)
    return report


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    left_out.note_long(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out.note(terminalreporter)
