"""zones: which fail, and why; which are slow. Of the last hour, as far as anybody listened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from resolver.limits import SHOWN_ROWS
from resolver.operate.each_once import each_once, known_to_any
from resolver.operate.verb import Nothing, Right, Verb
from resolver.protocol import names
from resolver.telemetry.presentation import ede_text

if TYPE_CHECKING:
    from resolver.model import Name
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running
    from resolver.telemetry.zone_tally import Tally


async def zones(daemon: Running, _: Nothing) -> Reply:
    """Those that failed last first, and the slowest first; SHOWN_ROWS of each at most."""
    tally, now = daemon.zone_tally, daemon.parts.clock.now()
    tally.begin()
    found = tally.zones().items()
    failing = sorted((one for one in found if one[1].failed), key=lambda one: -one[1].failed_at)
    slow = sorted(found, key=lambda one: -one[1].took_s / one[1].asked)
    return {
        "known": len(found),
        "failing": [_failing(*one, now) for one in failing[:SHOWN_ROWS]],
        "slow": [_slow(*one) for one in slow[:SHOWN_ROWS]],
    }


def _failing(zone: Name, tally: Tally, now: float) -> dict[str, Any]:
    return {
        "zone": names.to_text(zone),
        "asked": tally.asked,
        "failed": tally.failed,
        "failed_s_ago": round(now - tally.failed_at, 1),
        "reason": "; ".join(ede_text(*ede) for ede in tally.ede),
    }


def _slow(zone: Name, tally: Tally) -> dict[str, Any]:
    return {
        "zone": names.to_text(zone),
        "asked": tally.asked,
        "mean_ms": round(1000 * tally.took_s / tally.asked, 1),
        "longest_ms": round(1000 * tally.longest_s, 1),
    }


# --- of several workers --------------------------------------------------------------------------


def _of_all(replies: list[Reply]) -> Reply:
    """Each zone once, with what it came to in all of them."""
    slow = each_once(replies, "slow", _zone, _both_slow)
    asked = {row["zone"]: row["asked"] for row in slow}
    failing = [
        row | {"asked": max(row["asked"], asked.get(row["zone"], 0))}  # where it did not fail, too
        for row in each_once(replies, "failing", _zone, _both_failing)
    ]
    failing.sort(key=lambda row: row["failed_s_ago"])
    slow.sort(key=lambda row: -row["mean_ms"])
    return {
        "known": known_to_any(replies, len(slow)),
        "failing": failing[:SHOWN_ROWS],
        "slow": slow[:SHOWN_ROWS],
    }


def _zone(row: dict[str, Any]) -> str:
    zone: str = row["zone"]
    return zone


def _both_failing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    earlier, later = sorted((one, other), key=lambda row: -row["failed_s_ago"])
    return later | {
        "asked": one["asked"] + other["asked"],
        "failed": one["failed"] + other["failed"],
        "reason": later["reason"] or earlier["reason"],
    }


def _both_slow(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    asked = one["asked"] + other["asked"]
    took_ms = sum(row["mean_ms"] * row["asked"] for row in (one, other))
    return one | {
        "asked": asked,
        "mean_ms": round(took_ms / asked, 1),
        "longest_ms": max(one["longest_ms"], other["longest_ms"]),
    }


TALLY: Final = Verb(
    "zones", Right.ACT, "zones that fail, with the reason, and those that are slow", Nothing,
    zones, merge=_of_all,
)  # fmt: skip
