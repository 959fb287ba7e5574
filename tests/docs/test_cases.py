"""Tables of cases name tests that exist."""

from __future__ import annotations

import re

import pytest

from tests.docs import pages

NAMED = re.compile(r"`((?:tests/[\w/]+/)?test_\w+\.py)(?:::(\w+))?`")
PAGES = ("policy.md", "policy-cases.md", "serve-stale-cases.md")


@pytest.mark.parametrize("page", PAGES)
def test_each_test_that_a_table_names_exists(page: str) -> None:
    """What has no directory is in tests/policy."""
    named = NAMED.findall((pages.ROOT / "docs" / page).read_text("utf-8"))
    assert len(named) > 10
    missing = []
    for place, function in named:
        file = pages.ROOT / (place if place.startswith("tests/") else f"tests/policy/{place}")
        text = file.read_text("utf-8") if file.exists() else ""
        if not text or (function and f"def {function}(" not in text):
            missing.append(f"{place}::{function}")
    assert missing == []
