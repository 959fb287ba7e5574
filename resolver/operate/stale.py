"""stale: may what is over be told? As it is configured, or as an operator says.

`on` and `off` as BIND's `rndc serve-stale`: where asking fails or takes too long. `now`: at once,
as in an outage, and asked for beside that: for who knows that his link is bad.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import Meta

from resolver.operate.overrides import Stale
from resolver.operate.verb import WORD, Arguments, Right, Verb, first

if TYPE_CHECKING:
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


class StaleArguments(Arguments, frozen=True, kw_only=True):
    """Without a word: how it is."""

    mode: Annotated[
        Literal["status", "auto", "on", "off", "now"],
        Meta(description="as configured, where asking fails, never, or at once"),
        WORD,
    ] = "status"  # fmt: skip


async def stale(daemon: Running, given: StaleArguments) -> Reply:
    """What counts from now on."""
    if given.mode != "status":
        await daemon.set_stale(Stale(given.mode))
    overrides, config = daemon.overrides, daemon.parts.config
    return {
        "mode": overrides.stale.value,
        "is_served": overrides.serves_stale(config),
        "configured": config.resolution.serve_stale,
        "ttl": config.resolution.stale_ttl,
        "most_s": config.cache.stale_max,
    }


STALE: Final = Verb(
    "stale", Right.ACT, "may expired answers be told: status, auto, on, off or now",
    StaleArguments, stale, merge=first,
)  # fmt: skip
