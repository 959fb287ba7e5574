"""Sections of the documents in docs/ as parts of a manual page.

markdown-it parses; here each kind of block that the documents use becomes its man(7) counterpart.
A table becomes a list: its first column the tag, the others the text. A kind of block that is not
known raises ValueError: nothing is left out silently.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from tools import roff

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

_STRUCTURE = frozenset(
    f"{kind}_{side}"
    for kind in ("bullet_list", "ordered_list", "list_item", "paragraph", "heading")
    for side in ("open", "close")
)
_BULLET = r"\(bu"


@dataclass(slots=True)
class Section:
    """A heading with the blocks under it, up to the next heading of the same rank."""

    title: str
    blocks: list[Token] = field(default_factory=list)


def sections(text: str) -> Iterator[Section]:
    """What stands below each heading of the second rank."""
    found: Section | None = None
    tokens = iter(_parsed(text))
    for token in tokens:
        if token.type == "heading_open" and token.tag == "h2":
            if found is not None:
                yield found
            found = Section(next(tokens).content)
            next(tokens)
        elif found is not None:
            found.blocks.append(token)
    if found is not None:
        yield found


def preamble(text: str) -> list[str]:
    """The paragraphs before the first of them, but for what introduces a table between marks."""
    texts: list[str] = []
    tokens = _parsed(text)
    start = next(at for at, token in enumerate(tokens) if token.type == "heading_close")
    is_table = False
    for token in tokens[start:]:
        if token.type == "heading_open":
            break
        if token.type == "html_block":
            texts = texts[:-1] if not token.content.startswith("<!-- end") else texts
        is_table = token.type != "table_close" and (is_table or token.type == "table_open")
        if token.type == "inline" and not is_table:
            texts.append(inline(token))
    return texts


def put(page: roff.Page, blocks: Sequence[Token]) -> None:
    """Add *blocks* to *page*."""
    mark = ""
    rest = iter(blocks)
    for token in rest:
        match token.type:
            case "table_open":
                _table(page, rest)
            case "list_item_open":
                mark = f"{token.info}." if token.info else _BULLET
            case "heading_open":
                page.subsection(next(rest).content)
            case "inline" if mark:
                page.item(mark, inline(token))
                mark = ""
            case "inline":
                page.paragraph(inline(token))
            case "fence" | "code_block":
                page.literal(token.content)
            case kind:
                if kind not in _STRUCTURE:
                    raise ValueError(f"no counterpart for {kind}")


def _table(page: roff.Page, rest: Iterator[Token]) -> None:
    """Take the tokens of a table from *rest*; its head says nothing that a list needs."""
    rows: list[list[str]] = []
    for token in rest:
        if token.type == "table_close":
            break
        if token.type in ("tr_open", "tbody_open"):
            rows = [] if token.type == "tbody_open" else [*rows, []]
        elif token.type == "inline":
            rows[-1].append(inline(token))
    for head, *texts in rows:
        page.entry(head, "; ".join(filter(None, texts)))


def inline(token: Token) -> str:
    """Text with its marks: code and strong are bold, a link is its words, escaped."""
    made: list[str] = []
    for child in token.children or ():
        match child.type:
            case "text":
                made.append(roff.escape(child.content))
            case "code_inline":
                made.append(roff.bold(child.content))
            case "strong_open":
                made.append(roff.BOLD)
            case "em_open":
                made.append(roff.ITALIC)
            case "strong_close" | "em_close":
                made.append(roff.ROMAN)
            case "softbreak":
                made.append(" ")
            case "link_open" | "link_close":
                pass
            case kind:
                raise ValueError(f"no counterpart for {kind}")
    return "".join(made)


def _parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)
