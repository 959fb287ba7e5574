"""The table of limits is true: every bound in it is one that the program keeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resolver.cli.tables import limit_entries
from resolver.limits import Limit

PACKAGE = Path(__file__).resolve().parents[1] / "resolver"


def test_every_limit_is_kept_by_some_part_of_the_program() -> None:
    """A bound that nothing reads is a promise that nobody keeps."""
    sources = [path for path in PACKAGE.rglob("*.py") if path.name != "limits.py"]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    words = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", text))
    assert [name for name, _ in limit_entries() if name not in words] == []


def test_every_limit_says_what_it_bounds_and_why() -> None:
    for name, limit in limit_entries():
        assert limit.unit, name
        assert limit.source, name


def test_a_default_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        Limit(5, 1, 4, "things", "nobody")
