"""The glossary and the map of errands name what is there, in the file where they say it is."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.docs import pages

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = pages.ROOT / "docs"
PLACE = re.compile(r"`((?:resolver|tests|bench)/[\w/]+\.py)`((?: `[\w.]+`(?:, (?=`))?)+)")


@cache
def names_in(file: str) -> frozenset[str]:
    """What a file defines: functions, classes, methods as Class.method, constants, attributes."""
    return frozenset(_defined(ast.parse((pages.ROOT / file).read_text("utf-8")), ""))


def _defined(node: ast.AST, prefix: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield child.name
            yield from _defined(child, f"{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{child.name}"
            yield from _defined(child, prefix)
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            yield from (f"{prefix}{name.id}" for name in targets if isinstance(name, ast.Name))
        else:
            yield from _defined(child, prefix)


def places(page: str) -> list[tuple[str, str]]:
    """(file, name) of each row that says where something is."""
    return [
        (file, name)
        for file, named in PLACE.findall((DOCS / page).read_text("utf-8"))
        for name in re.findall(r"`([\w.]+)`", named)
    ]


@pytest.mark.parametrize("page", ["glossary.md", "architecture.md"])
def test_what_is_said_to_be_somewhere_is_there(page: str) -> None:
    said = places(page)
    assert len(said) >= 12
    assert [(file, name) for file, name in said if name not in names_in(file)] == []


def test_every_row_of_the_glossary_has_its_place() -> None:
    rows = pages.table_rows((DOCS / "glossary.md").read_text("utf-8"))
    assert [row[0] for row in rows if row[2] != "in" and not PLACE.fullmatch(row[2])] == []


def test_a_name_that_is_not_there_is_noticed() -> None:
    assert "Answer" in names_in("resolver/model.py")
    assert "Reply" not in names_in("resolver/model.py")
