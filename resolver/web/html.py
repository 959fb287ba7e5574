"""HTML, put together so that nothing that others wrote is ever markup.

`tag` escapes whatever is not `Html` already, and only this module makes `Html` of text. What is
escaped is inert as well: control characters and those that turn a line round are spelled out.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final, TypeAlias

from resolver.limits import WEB_CELL_CHARACTERS
from resolver.runtime.inert import inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_VOID: Final = frozenset({"input", "link", "meta", "br", "rect", "path"})


class Html(str):
    """Markup of ours."""

    __slots__ = ()


Content: TypeAlias = "Html | str | int | float | None"
Value: TypeAlias = "str | int | float | bool | None"


def text(value: Content) -> Html:
    """*value* as it may stand anywhere between tags, or within quotes."""
    if isinstance(value, Html):
        return value
    if value is None:
        return Html()
    return Html(escape(inert(str(value), WEB_CELL_CHARACTERS)))


def tag(name: str, /, *content: Content, **attributes: Value) -> Html:
    """An element. Of attributes None and False are left out; `class_`, `data_x` are spelled so for
    Python's sake."""
    shown = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID and not content:
        return Html(
            f"<{name}{shown}>" if name in ("input", "link", "meta", "br") else f"<{name}{shown}/>"
        )
    return Html(f"<{name}{shown}>{''.join(map(text, content))}</{name}>")


def _attribute(key: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(value)}"'


def joined(parts: Iterable[Html]) -> Html:
    """One after the other."""
    return Html("".join(parts))


def table(heads: Sequence[str], rows: Sequence[Sequence[Content]], *, label: str) -> Html:
    """A table that reads well aloud; the first cell of a row names it. On a narrow screen each row
    becomes a card, and so each cell knows its head."""
    if not rows:
        return tag("p", "Nothing yet.", class_="none")
    top = tag("tr", *(tag("th", head, scope="col") for head in heads))
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(
                tag("td", cell, data_head=head)
                for head, cell in zip(heads[1:], row[1:], strict=True)
            ),
        )
        for row in rows
    ]
    return tag(
        "div",
        tag("table", tag("caption", label), tag("thead", top), tag("tbody", *body)),
        class_="scroll",
    )
