"""Nothing that others wrote is markup on the page, or acts otherwise."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import WEB_CELL_CHARACTERS
from resolver.web.html import Html, table, tag, text

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "\u202etxt.exe\u2066",
    "\x1b[2J\x00\x07",
    "</table></section><iframe src=//evil.example>",
    "&lt;script&gt;",
    "javascript:alert(1)",
)


class _Parsed(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("said", HOSTILE)
def test_between_tags_and_in_attributes_it_is_text(said: str) -> None:
    found = _Parsed(tag("p", said, title=said))
    assert found.tags == ["p"]
    assert found.names == {"title"}
    assert "".join(found.texts).isprintable()


@pytest.mark.parametrize("said", HOSTILE)
def test_in_a_table_it_is_text(said: str) -> None:
    found = _Parsed(table((said, said), [(said, said)], label=said))
    expected = ["div", "table", "caption", "thead", "tr", "th", "th", "tbody", "tr", "th", "td"]
    assert found.tags == expected
    assert found.names == {"class", "scope", "data-head"}


@given(st.text())
def test_whatever_it_is_it_is_text(said: str) -> None:
    assert _Parsed(tag("b", said)).tags == ["b"]
    assert "<" not in text(said)
    assert text(said).isprintable()


def test_our_own_markup_stays() -> None:
    assert tag("p", tag("b", "a"), Html("<br>")) == "<p><b>a</b><br></p>"


def test_attributes_without_a_value_are_left_out() -> None:
    assert tag("input", required=True, disabled=False, value=None) == "<input required>"


@pytest.mark.reaches("WEB_CELL_CHARACTERS")
def test_what_is_long_is_cut() -> None:
    assert text("x" * WEB_CELL_CHARACTERS) == "x" * WEB_CELL_CHARACTERS
    assert text("x" * (WEB_CELL_CHARACTERS + 1)) == "x" * WEB_CELL_CHARACTERS + "…"
