"""Tests that prose names, `tests/room/test_file.py::test_name` or a scenario: are they there?

Read from the source, so that naming a test loads nothing.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
_NAMED = re.compile(r"tests/[\w/]+\.(?:py::\w+|rpl)")


def named(text: str) -> list[str]:
    """Every test that *text* names, in its order."""
    return _NAMED.findall(text)


def missing(text: str) -> list[str]:
    """Those of them that do not exist."""
    return [test for test in named(text) if not _exists(test)]


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    file = PROJECT / path
    return file.is_file() and (not name or name in _functions(file))


@cache
def _functions(file: Path) -> frozenset[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = ast.walk(ast.parse(file.read_text("utf-8")))
    found = (node.name for node in nodes if isinstance(node, kinds))
    return frozenset(name for name in found if name.startswith("test_"))
