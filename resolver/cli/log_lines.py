"""Lines of the query log, for people: as `resolver log` and `control log follow` show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from resolver.runtime.inert import inert
from resolver.telemetry.query_lines import Line, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator


def followed(reply: dict[str, Any]) -> Iterator[str]:
    """What came in a second."""
    for row in reply["queries"]:
        yield in_words(msgspec.convert(row, Line))
    if reply["more"]:
        yield f"… and {reply['more']} more"


def in_words(line: Line | Mark) -> str:
    """One line for people; nothing in it moves the cursor."""
    said = " ".join(filter(None, _mark(line) if isinstance(line, Mark) else _query(line)))
    return inert(said)  # what is on disk may say anything


def _mark(mark: Mark) -> tuple[str, ...]:
    how = f"(queries: {mark.queries}, clients: {mark.clients})"
    lost = f"{mark.dropped} lines were lost" if mark.dropped else ""
    what = "the log begins" if mark.event == "start" else "the log ends"
    return mark.t, "---", what, how, lost


def _query(line: Line) -> tuple[str, ...]:
    took = f"{line.ms:g} ms" if line.ms else ""
    ede = f"EDE {', '.join(map(str, line.ede))}" if line.ede else ""
    server = f"by {line.server}" if line.server else ""
    instance = f"({line.instance})" if line.instance else ""
    view = f"view {line.view}" if line.view != "default" else ""
    client = f"for {line.client}" if line.client else ""
    return (
        line.t, line.name or "(no name)", line.type, line.rcode or "(no reply)",
        f"{line.source}", took, server, instance, f"over {line.transport}", view, client, ede,
    )  # fmt: skip
