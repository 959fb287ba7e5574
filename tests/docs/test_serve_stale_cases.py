"""BIND's cases of stale answers: each of them is in the table once, with a test that exists."""

from __future__ import annotations

from tests.docs import pages
from tests.named import missing, named

PAGE = pages.ROOT / "docs" / "serve-stale-cases.md"
STEPS = 229


def rows() -> list[list[str]]:
    found = pages.table_rows(PAGE.read_text("utf-8"))
    return [cells for cells in found if cells[0] != "steps"]


def test_every_step_is_there_once() -> None:
    covered: list[int] = []
    for steps, *_ in rows():
        first, _, last = steps.partition("–")
        covered += range(int(first), int(last or first) + 1)
    assert covered == list(range(1, STEPS + 1))


def test_what_applies_has_a_test_and_what_does_not_has_a_reason() -> None:
    for steps, shows, here, rest in rows():
        assert here in {"yes", "no", "differs"}, steps
        assert shows
        assert rest
        if here != "no":
            assert named(rest), f"no test for {steps}"


def test_every_test_that_is_named_exists() -> None:
    assert missing(PAGE.read_text("utf-8")) == []
