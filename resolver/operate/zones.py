"""zones: which fail, and why; which are slow. Of the last hour, as far as anybody listened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from resolver.limits import SHOWN_ROWS
from resolver.operate.verb import Nothing, Right, Verb, first
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


TALLY: Final = Verb(
    "zones", Right.ACT, "zones that fail, with the reason, and those that are slow", Nothing,
    zones, merge=first,
)  # fmt: skip
