"""geo zones: the zones that the names in use need, and how near each is served. Nobody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from resolver.drill.closure import Closure
from resolver.drill.facts import Index
from resolver.drill.zones import zone_rows
from resolver.limits import DRILL_ROWS, ZONES_DAYS, ZONES_DAYS_RANGE
from resolver.operate.drill_facts import Remembered
from resolver.operate.drill_names import used_names
from resolver.operate.geo_servers import Distant
from resolver.operate.in_use import of_others
from resolver.operate.verb import Arguments, Right, Verb
from resolver.runtime.rests import Rests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from resolver.drill.zones import ZoneRow
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


class ZonesArguments(Arguments, frozen=True, kw_only=True):
    """How far back."""

    days: Annotated[
        int,
        Meta(
            description="zones of names used within so many days",
            ge=ZONES_DAYS_RANGE[0],
            le=ZONES_DAYS_RANGE[1],
        ),
    ] = ZONES_DAYS


async def geo_zones(daemon: Running, given: ZonesArguments) -> AsyncIterator[Reply]:
    """What all servers tell of the link; then `zones`, the most used first, some at a time.
    `failed`: workers of which it does not know what they know."""
    parts, others = daemon.parts, await of_others(daemon, days=given.days)
    used = others.with_ours(await used_names(parts, given.days))
    closure, rests = Closure(Remembered(parts), others.room), Rests()
    for one in used:
        closure.follow(one.asked)
        await rests.turn()
    known = Distant(parts, others.measured)
    rows = zone_rows(Index([closure.facts, *others.facts]), used, known)
    for reply in others.failed:
        yield reply
    yield {"names": len(used), "known": len(rows), **known.about}
    for item in in_pieces(rows, known.link_ms):
        yield item
        await rests.turn()


def in_pieces(rows: Sequence[ZoneRow], link_ms: float) -> list[Reply]:
    """DRILL_ROWS at a time."""
    made: list[dict[str, Any]] = [
        msgspec.to_builtins(row) | {"standing": row.standing, "far_ms": link_ms} for row in rows
    ]
    return [{"zones": made[at : at + DRILL_ROWS]} for at in range(0, len(made), DRILL_ROWS)]


ZONES: Final = Verb(
    "geo zones", Right.ACT, "how near the zones in use are served", ZonesArguments, geo_zones,
    streams=True,
)  # fmt: skip
