"""The last line of `./test`: nothing is left out in silence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests import left_out

if TYPE_CHECKING:
    from pathlib import Path


def test_the_line_counts_by_cause_and_says_how_to_have_it() -> None:
    notes = [
        "long tests/test_a.py::test_x",
        "long tests/test_a.py::test_y",
        "long tests/test_a.py::test_x",
        "not installed: nsd, knotd",
        "not installed: named",
        "no adjtimex here",
        "no test data at /nowhere (RESOLVER_TEST_DATA)",
    ]
    assert left_out.line(notes) == (
        "Left out: 2 are long (./test --long); "
        "2 want programs that are not installed (./test --install); "
        "1 want real data (RESOLVER_TEST_DATA=FOLDER, see CONTRIBUTING.md); "
        "no adjtimex here."
    )


@pytest.mark.parametrize(
    ("reason", "fails"),
    [
        ("not installed: chromium, chromedriver", True),
        ("could not import 'matplotlib': No module named 'matplotlib'", True),
        ("needs root for network namespaces", False),
        ("no test data at /nowhere (RESOLVER_TEST_DATA)", False),
    ],
)
def test_a_long_run_fails_where_a_program_is_missing(
    reason: str, *, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(left_out.LONG_RUN, raising=False)
    report = _skipped(reason)
    left_out.insist(report)
    assert report.outcome == "skipped"
    monkeypatch.setenv(left_out.LONG_RUN, "yes")
    left_out.insist(report)
    assert report.failed is fails
    if fails:
        assert report.longreprtext == f"{reason} (./test --long --install)"


def _skipped(reason: str) -> pytest.TestReport:
    told = ("test_x.py", 3, f"Skipped: {reason}")
    return pytest.TestReport("a::b", ("a", 1, "b"), {}, "skipped", told, "call")


def test_nothing_left_out_is_said_too() -> None:
    assert left_out.line([]) == "Left out: nothing."


def _reporter(**stats: list[Any]) -> pytest.TerminalReporter:
    return cast("pytest.TerminalReporter", SimpleNamespace(stats=stats))


def _item(*markers: str) -> pytest.Item:
    item = SimpleNamespace(nodeid="a::b", get_closest_marker=lambda name: name in markers or None)
    return cast("pytest.Item", item)


def test_each_run_adds_what_it_skipped_and_the_long_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes"
    monkeypatch.setenv(left_out.VARIABLE, str(notes))
    skipped = SimpleNamespace(longrepr=("test_x.py", 3, "Skipped: needs root for\n  this"))
    left_out.note(_reporter(skipped=[skipped]))
    left_out.note_long([_item("long"), _item("netns")])
    assert notes.read_text("utf-8").splitlines() == ["needs root for this", "long a::b"]


def test_without_the_variable_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(left_out.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    left_out.note_long([_item("long")])
    assert list(tmp_path.iterdir()) == []
