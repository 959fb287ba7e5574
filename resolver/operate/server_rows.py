"""What is known of one server address, as plain values: distance, health, habits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from resolver.protocol.transport import Transport
from resolver.upstream.server_state import EdnsState

if TYPE_CHECKING:
    from resolver.delegation import Key
    from resolver.upstream.server_state import ServerState

    Row = dict[str, Any]


def row_of(key: Key, state: ServerState | None, now: float) -> Row:
    """Round trips in milliseconds, times in seconds before *now*, trio's."""
    host, port, transport, auth_name = key
    row: Row = {"address": host, "port": port, "transport": transport.value}
    if auth_name:
        row["name"] = auth_name
    if state is None:
        return row | {"state": "new", "rtt_ms": None}
    rtt_s = state.expected_rtt_s
    return row | {
        "state": condition(state),
        "rtt_ms": round(1000 * rtt_s, 2) if rtt_s else None,
        "deviation_ms": round(1000 * state.var, 2) if state.n else None,
        "answers": state.n,
        "silences": state.fails,
        "answered_s_ago": _ago(state.t_ok, now),
        "edns": _edns(state, now),
        "cookies": _cookies(state, now),
        "tcp": "fails" if not state.is_encrypted and not state.may_bear_tcp(now) else "unknown",
    }


def key_of(row: Row) -> Key:
    """Of the address that a row is about."""
    return row["address"], row["port"], Transport(row["transport"]), row.get("name", "")


def condition(state: ServerState) -> str:
    """In one word: is it there?"""
    if state.is_unreachable:
        return "unreachable"
    if state.fails > (1 if state.n else 0):
        return "silent"
    if state.fails:
        return "late"
    if state.n:
        return "answers"
    return "remembered" if state.hint is not None else "new"


def _ago(at: float, now: float) -> float | None:
    return None if at == -math.inf else round(now - at, 1)


def _edns(state: ServerState, now: float) -> str:
    return EdnsState.BROKEN.value if not state.knows_edns(now) else state.edns.value


def _cookies(state: ServerState, now: float) -> str:
    if now < state.no_cookies_until:
        return "broken"
    if state.server_cookie:
        return "used"
    return "ignored" if state.bears_cookies else "unknown"


def both(one: Row, other: Row) -> Row:
    """One server as two workers know it: as the one that heard of it last, what that does not know
    as the other. Round trips that nobody undercut count for both."""
    older, newer = sorted((one, other), key=_heard_of)
    answers = {"answers": one.get("answers", 0) + other.get("answers", 0)}
    least = {
        name: min(one[name], other[name])
        for name in ("least_rtt_ms", "bound_km")
        if name in one and name in other
    }
    return older | newer | answers | least


def _heard_of(row: Row) -> tuple[bool, float]:
    ago = row.get("answered_s_ago")
    return ago is not None, -(ago or 0.0)


def nearest_first(row: Row) -> tuple[bool, float, str]:
    """What a list of servers is sorted by."""
    rtt = row["rtt_ms"]
    return rtt is None, rtt or 0.0, row["address"]
