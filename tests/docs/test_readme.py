"""The README: short, and each figure in it stands where it says that it comes from."""

from __future__ import annotations

import re

import pytest

from resolver.limits.listing import entries
from tests.docs import pages

README = (pages.ROOT / "README.md").read_text("utf-8")
BENCHMARKS = (pages.ROOT / "docs" / "benchmarks.md").read_text("utf-8")
# The README's column → the name of its row, or column, in docs/benchmarks.md.
PEERS = {"ours": "ours", "Unbound": "unbound", "Knot": "kresd", "BIND": "named", "PowerDNS": "pdns"}
# Row of the README → scenario, column of its table.
LATENCY = {
    "first question for a zone, mean ms": ("healthy", "cold mean"),
    "one server of each zone dead": ("dead1", "cold mean"),
    "3 % of packets lost": ("loss3", "cold mean"),
    "IPv6 black-holed": ("v6dead", "cold mean"),
    "everything signed, all validate": ("signed", "cold mean"),
    "packets per first question": ("healthy", "cold pkt/q"),
}
CPU = {
    "CPU µs, hit, all kinds mixed": "all of these",
    "CPU µs, hit at 500 a second": "500 a second",
    "CPU µs, miss": "full answers",
}


def shown(mark: str) -> list[dict[str, str]]:
    """The table between two marks: a dict a row, by the head's words."""
    text = re.search(rf"<!-- {mark} -->\n(.*?)<!-- end of {mark} -->", README, re.DOTALL)
    assert text is not None
    head, *rows = pages.table_rows(text[1])
    return [dict(zip(head, row, strict=True)) for row in rows]


def measured(heading: str, first: str) -> dict[str, str]:
    """The row that begins with *first* in the first table below *heading*."""
    below = BENCHMARKS.split(heading, 1)[1].split("\n\n")[1]
    head, *rows = pages.table_rows(below)
    return next(dict(zip(head, row, strict=True)) for row in rows if row[0] == first)


def test_it_is_short() -> None:
    assert len(README.encode()) <= 10_000


def test_the_limits_are_those_of_the_program() -> None:
    values = {entry.name: entry.row for entry in entries()}
    rows = shown("limits")
    assert len(rows) == 10
    for row in rows:
        known = values[row["limit"]]
        assert row["value"] == f"{known.value:,.0f}"
        assert known.unit.startswith(row["what it bounds"].split(" (")[0])


@pytest.mark.parametrize("row", shown("performance"), ids=lambda row: row[""])
def test_a_figure_is_one_of_the_benchmarks(row: dict[str, str]) -> None:
    what = row[""]
    if what in LATENCY:
        scenario, column = LATENCY[what]
        found = {peer: measured(f"**{scenario} (", name)[column] for peer, name in PEERS.items()}
    else:
        names = {"Knot": "knot", "BIND": "bind", "PowerDNS": "powerdns"}
        line = next(
            dict(zip(head, cells, strict=True))
            for head, cells in _cpu_rows()
            if cells[0] == CPU[what]
        )
        found = {peer: line[names.get(peer, peer.lower())].split()[0] for peer in PEERS}
    assert {peer: row[peer] for peer in PEERS} == found


def _cpu_rows() -> list[tuple[list[str], list[str]]]:
    """(head, row) of each row of the tables of CPU a query."""
    found, head = [], [""]
    for row in pages.table_rows(BENCHMARKS):
        if row[0] == "load":
            head = row
        elif head[0] == "load" and len(row) == len(head) and len(row) > 5:
            found.append((head, row))
    return found


def test_every_page_is_found_from_it() -> None:
    beside = {path.name for path in (pages.ROOT / "docs").glob("*.md")}
    assert {name for name in beside if f"docs/{name}" not in README} == set()
