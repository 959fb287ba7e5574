"""servers: how far the servers are that are known, of a zone or all, and whether they answer."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Annotated, Final, Literal

import trio
from msgspec import Meta

from resolver.limits import SHOWN_ROWS
from resolver.model import Question
from resolver.operate.asked import LONGEST_NAME, name_of
from resolver.operate.each_once import each_once, known_to_any, most_shown, with_most
from resolver.operate.geography import Geography
from resolver.operate.server_rows import both, key_of, nearest_first, row_of
from resolver.operate.verb import WORD, Arguments, Right, Verb
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from resolver.delegation import Key
    from resolver.model import Delegation
    from resolver.operate.server_rows import Row
    from resolver.operate.verb import Reply
    from resolver.operate.view import Parts, Running
    from resolver.upstream.server_state import ServerState


class ServersArguments(Arguments, frozen=True, kw_only=True):
    """Of one zone, or of all."""

    zone: Annotated[
        str, Meta(description="those of the zone that this name is in", max_length=LONGEST_NAME),
        WORD,
    ] = ""  # fmt: skip
    by: Annotated[
        Literal["nearest", "used"],
        Meta(description="which of all come first"),
    ] = "nearest"
    most: Annotated[int, Meta(ge=1, le=SHOWN_ROWS, description="how many of all are shown")] = (
        SHOWN_ROWS
    )


async def servers(daemon: Running, given: ServersArguments) -> Reply:
    """The nearest first; SHOWN_ROWS at most."""
    parts, now = daemon.parts, trio.current_time()
    geography = Geography(parts)
    if given.zone:
        cut = parts.walker.closest(Question(name_of(given.zone), RRType.NS))
        rows = cut_rows(parts, cut, now, geography)
        about: Reply = {"zone": names.to_text(cut.zone)} | _of_cut(parts, cut)
    else:
        states = parts.infra.states
        order = _most_used_first if given.by == "used" else _nearest_first
        chosen = heapq.nsmallest(given.most, states.items(), key=order)
        about = {
            "by": given.by,
            "typical_rtt_ms": round(1000 * parts.infra.typical_rtt_s, 2),
        }
        rows = [row_of(key, state, now) | geography.about(state, now) for key, state in chosen]
    known = len(rows) if given.zone else len(parts.infra.states)
    about |= {"geography": geography.summary()}
    return about | {"known": known, "servers": rows[:SHOWN_ROWS]}


def _nearest_first(found: tuple[Key, ServerState]) -> tuple[bool, float, str]:
    """As `server_rows.nearest_first` does, before there are rows: there may be ten thousand."""
    (host, *_), state = found
    rtt_s = state.expected_rtt_s
    return not rtt_s, rtt_s or 0.0, host


def _most_used_first(found: tuple[Key, ServerState]) -> tuple[int, str]:
    (host, *_), state = found
    return -state.n, host


def cut_rows(parts: Parts, cut: Delegation, now: float, geography: Geography) -> list[Row]:
    """A row for each address of *cut*, with the name that it was learnt from, how the zone is
    served there, and how far away."""
    rows = []
    for server in cut.servers():
        state = parts.infra.states.get(server.key)
        nameserver = names.to_text(server.nameserver)
        row: Row = {"nameserver": nameserver} | row_of(server.key, state, now)
        row |= geography.about(state, now, nameserver)
        if parts.walker.is_configured(cut):
            del row["nameserver"]
        mark = None if state is None else parts.infra.marked(state, cut.zone, now)
        if mark is not None:
            row["passed_over"] = mark.verdict.value
            row["passed_over_s"] = round(mark.until - now, 1)
        rows.append(row)
    return sorted(rows, key=nearest_first)


def _of_cut(parts: Parts, cut: Delegation) -> Reply:
    if parts.walker.is_configured(cut):
        return {"configured": "forward" if cut.is_forward else "stub"}
    without = [names.to_text(name) for name in cut.unresolved()]
    return {"without_address": without} if without else {}


def _of_all(replies: list[Reply]) -> Reply:
    """Each server once; what all tell as a whole is told by who knows most."""
    about = max(replies, key=lambda reply: reply["known"])
    rows = each_once(replies, "servers", key_of, both)
    rows.sort(key=nearest_first)
    if about.get("by") == "used":
        rows.sort(key=lambda row: -row["answers"])
    return about | {
        "geography": with_most(replies),
        "known": known_to_any(replies, len(rows)),
        "servers": rows[: most_shown(replies, "servers")],
    }


SERVERS: Final = Verb(
    "servers", Right.LOOK, "how far servers are, and whether they answer", ServersArguments,
    servers, merge=_of_all,
)  # fmt: skip
