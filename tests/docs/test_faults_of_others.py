"""docs/faults-of-others.md: the tests that it names are there."""

from __future__ import annotations

import re

from tests.docs import pages

PAGE = pages.ROOT / "docs" / "faults-of-others.md"
ROWS = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")][1:]


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[^`:]+\.py)::(\w+)`", PAGE.read_text("utf-8"))
    assert named
    for file, test in named:
        assert f"def {test}(" in (pages.ROOT / file).read_text("utf-8"), f"{file}::{test}"


def test_every_fault_has_a_test_or_cannot_be_here() -> None:
    assert [row for row in ROWS if "::test_" not in row and "not applicable" not in row] == []
