"""What the pages refer to is there: keys, metrics, files and headings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from resolver.cli import tables
from tests.docs import pages

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {
    row.split(" | ")[0].strip("| ").replace("[", "").replace("]", "")
    for row in tables.keys_markdown().splitlines()[2:]
}
SECTIONS = {key.split(".")[0] for key in KEYS if "." in key}


@pytest.mark.parametrize("page", pages.pages(), ids=lambda page: page.name)
def test_every_key_that_is_named_exists(page: Path) -> None:
    named = {
        re.split(r" = |\*", code)[0]
        for code in pages.inline_code(page)
        if re.match(rf"({'|'.join(SECTIONS)})\.[a-z]\w*( = .*)?$", code)
    }
    unknown = {code for code in named - KEYS if not (pages.ROOT / code).exists()}
    assert unknown == set()


@pytest.mark.parametrize("page", pages.pages(), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)]+)\)", pages.prose(page)):
        file, _, heading = link.partition("#")
        if re.match(r"https?://|mailto:", link):
            continue
        place = page if not file else page.parent / file
        if not place.exists() or (heading and heading not in _headings(place)):
            broken.append(link)
    assert broken == []


def _headings(path: Path) -> set[str]:
    """Anchors as the forges make them: lower case, punctuation gone, spaces as hyphens."""
    titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
