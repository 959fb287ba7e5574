"""What the daemon says to `control`, for people: lines of text.

A verb without a form of its own is shown key by key, lists of objects as tables.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Reply = dict[str, Any]
    Shown = Callable[[Reply], Iterator[str]]

_GAP: Final = "  "
_KIB: Final = 1024


def shown(verb: str, reply: Reply) -> Iterator[str]:
    """*reply* of *verb*, a line each; nothing in it moves the cursor."""
    for line in SHOWN.get(verb, _plainly)(reply):
        yield "".join(sign if sign.isprintable() else "?" for sign in line)


# --- what all have in common ----------------------------------------------------------------------


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """*rows*, each column as wide as its widest."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield _GAP.join(cells).rstrip()


def octets(number: float) -> str:
    """A size in the largest unit that there is one of: "12.3 MiB"."""
    unit = "octets"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if number < _KIB:
            break
        number, unit = number / _KIB, larger
    return f"{number:.0f} {unit}" if unit == "octets" else f"{number:.1f} {unit}"


def time_of(wall: float) -> str:
    """A Unix time on this machine's clock: "2026-11-30 09:12"."""
    return dt.datetime.fromtimestamp(wall, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _plainly(reply: Reply) -> Iterator[str]:
    for key, value in reply.items():
        name = key.replace("_", " ")
        if isinstance(value, list) and value and isinstance(value[0], dict):
            heads = list(value[0])
            yield f"{name}:"
            rows = [heads, *([_cell(row.get(head)) for head in heads] for row in value)]
            yield from (_GAP + line for line in table(rows))
        else:
            yield f"{name}: {_cell(value)}"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- forms of their own ---------------------------------------------------------------------------


def _status(reply: Reply) -> Iterator[str]:
    since, up = time_of(reply["started_at"]), duration(reply["up_s"])
    workers = reply["workers"]
    processes = f", {workers} processes" if workers > 1 else ""
    yield f"resolver {reply['version']}, since {since} ({up}){processes}"
    yield "listening on " + (", ".join(reply["listening"]) or "nothing")
    if reply["missing"]:
        yield "not bound yet: " + ", ".join(reply["missing"])
    yield _link(reply["link"])
    yield _queries(reply["queries"])
    memory = reply["memory"]
    yield (
        f"memory: {octets(memory['resident_octets'])}, caches {octets(memory['cache_octets'])}, "
        f"{memory['rrsets']} sets of records; {reply['warm_names']} names in use are kept warm"
    )
    store = reply["store"]
    if store is None:
        yield "on disk: nothing is kept"
    else:
        yield f"on disk: {octets(store['octets_written_day'])} written in a day"
    yield _root_copy(reply["root_copy"])
    for one in reply["certificates"]:
        whose, until = ", ".join(one["names"]), time_of(one["valid_until"])
        yield f"certificate: for {whose or 'nobody'}, until {until}, {one['pin']}"


def _link(link: Reply) -> str:
    state = "up" if link["is_up"] else "down"
    count = link["outages"]
    outages = f"{count or 'no'} outage{'' if count == 1 else 's'}"
    lasting = f", {duration(link['outage_s'])}" if count else ""
    cut = link["ways_cut_off"] - (not link["is_up"])
    others = f"; {cut} forward or stub zones cannot be reached" if cut > 0 else ""
    return f"link: {state} since {time_of(link['since'])} ({outages}{lasting}){others}"


def _queries(queries: Reply) -> str:
    answered = sum(queries[key] for key in ("packets", "caches", "local", "servers", "failed"))
    if not answered:
        return "queries: none yet"
    hits = queries["packets"] + queries["caches"]

    def share(number: int) -> str:
        return f"{100 * number / answered:.1f} %"

    return (
        f"queries: {answered}, from memory {share(hits)}, from servers "
        f"{share(queries['servers'])}, failed {share(queries['failed'])}; {queries['stale']} stale"
    )


def _root_copy(copy: Reply | None) -> str:
    if copy is None:
        return "root copy: none"
    state = "in use" if copy["is_in_use"] else "out of date"
    return f"root copy: {copy['serial']}, {state}, confirmed {duration(copy['age_s'])} ago"


SHOWN: Final[dict[str, Shown]] = {"status": _status}
