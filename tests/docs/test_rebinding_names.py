"""The names that docs/addresses.md says may have private addresses are the program's own."""

from __future__ import annotations

import re

from resolver.config.rebinding_names import ALLOWED, DATED, REASONS
from resolver.config.schema import Config
from tests.docs import pages

TEXT = (pages.ROOT / "docs" / "addresses.md").read_text("utf-8")


def test_the_table_says_what_the_program_does() -> None:
    table = re.search(r"<!-- rebinding -->\n(.*?)<!-- /rebinding -->", TEXT, re.DOTALL)
    assert table is not None
    rows = [row.strip("| ").split(" | ") for row in table[1].splitlines()[2:]]
    assert {name.strip("`"): why for name, why in rows} == REASONS
    assert DATED in TEXT


def test_they_are_the_default() -> None:
    assert Config().resolution.rebinding_allow == ALLOWED
