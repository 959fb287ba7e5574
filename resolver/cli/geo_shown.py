"""How near zones are served, for people: lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.cli.control_parts import table
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Reply = dict[str, Any]


def item(reply: Reply) -> Iterator[str]:
    """One piece of the reply of `control geo zones` and `control geo survey`."""
    if "progress" in reply:
        yield progress(reply)
    elif "zones" in reply:
        yield from zones(reply["zones"])
    else:
        yield from head(reply)


def progress(reply: Reply) -> str:
    return f"{reply['progress']}: {reply['done']} of {reply['of']}"


def head(reply: Reply) -> Iterator[str]:
    """What all servers tell, and how many zones there are."""
    link = reply["geography"]
    if link["sentence"]:
        yield link["sentence"]
    yield f"far begins at {link['link_ms']:g} ms ({link['link_from']})"
    if "names" in reply:
        yield f"{reply['known']} zones are needed by {reply['names']} names in use"
        return
    yield (
        f"{reply['known']} top-level domains: {reply['near']} near, {reply['one_near']} by one "
        f"server only, {reply['far']} far, {reply['not_measured']} not measured"
    )
    if reply["to_be_asked"]:
        takes = duration(reply["seconds"])
        yield f"{reply['to_be_asked']} servers were not measured; --yes asks them, in {takes}"


def zones(rows: Sequence[Reply]) -> Iterator[str]:
    """A zone a line."""
    heads = ("ZONE", "USE", "SERVED", "NEAREST", "FARTHEST", "SERVERS", "MEASURED", "NEAR",
             "PREFIXES", "OPERATORS", "INSTANCE")  # fmt: skip
    yield from table([heads, *map(_zone, rows)])


def _zone(row: Reply) -> tuple[str, ...]:
    nearest = _ms(row["nearest_ms"])
    return (
        row["zone"], f"{100 * row['uses']:.0f} %", row["standing"].upper() if not row["near"]
        else row["standing"], f"{nearest} {row['nearest']}".strip(), _ms(row["farthest_ms"]),
        str(row["servers"]), str(row["measured"]), f"{row['near']} of {row['nameservers']}",
        str(row["prefixes"]), str(row["operators"]), row["nearest_instance"],
    )  # fmt: skip


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} ms"
