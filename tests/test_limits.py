"""The table of limits is true: every bound in it is one that the program keeps."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolver.limits import estimates
from resolver.limits.listing import entries
from resolver.limits.table import Table
from tests.simulation.scenario_parse import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent / "resolver"


def _marked(path: Path) -> Iterator[str]:
    """What the tests of one file say they reach: @pytest.mark.reaches("LIMIT", ...)."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[:5] == "test_":
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.reaches":
                    yield from (ast.literal_eval(argument) for argument in mark.args)


def _reached() -> set[str]:
    """What tests and scenarios run into, by their own word."""
    marked = {name for path in TESTS.rglob("test_*.py") for name in _marked(path)}
    told = {name for path in TESTS.rglob("*.rpl") for name in parse(path).head.reaches}
    return marked | told


def test_every_limit_is_reached_by_a_test() -> None:
    """A bound that nothing was ever driven to may not hold.

    Estimates bound nothing: whether they choose well is measured, not reached.
    """
    known, reached = {entry.name for entry in entries()}, _reached()
    assert reached - known == set()  # a mark for an entry that is gone proves nothing
    bounds = {entry.name for entry in entries() if entry.title != estimates.limit.title}
    assert bounds - reached == set()


def test_every_limit_is_kept_by_some_part_of_the_program() -> None:
    """A bound that nothing reads is a promise that nobody keeps."""
    sources = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "limits"]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    words = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", text))
    assert [entry.name for entry in entries() if entry.name not in words] == []


def test_no_limit_is_defined_twice() -> None:
    """The second of two would win, and the first bound nothing."""
    text = "".join(path.read_text("utf-8") for path in (PACKAGE / "limits").glob("*.py"))
    defined = re.findall(r"^([A-Z][A-Z0-9_]+) = limit\(", text, re.MULTILINE)
    assert len(defined) == len(set(defined))


def test_every_limit_says_what_it_bounds_and_why() -> None:
    for name, _, row in entries():
        assert row.unit, name
        assert row.why, name


def test_a_default_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        Table("things")(5, "things", why="nobody", between=(1, 4))
