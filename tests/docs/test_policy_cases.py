"""Others' cases of policy: what applies has a test that exists, what does not has a reason."""

from __future__ import annotations

from tests.docs import pages
from tests.named import missing, named

PAGE = pages.ROOT / "docs" / "policy-cases.md"


def test_what_applies_has_a_test_and_what_does_not_has_a_reason() -> None:
    rows = [cells for cells in pages.table_rows(PAGE.read_text("utf-8")) if cells[0] != "case"]
    assert len(rows) > 20
    for case, here, rest in rows:
        assert here in {"yes", "no", "differs"}, case
        assert rest, case
        if here != "no":
            assert named(rest), f"no test for {case}"


def test_every_test_that_is_named_exists() -> None:
    assert missing(PAGE.read_text("utf-8")) == []
