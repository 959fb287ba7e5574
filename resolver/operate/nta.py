"""nta add, remove, list: negative trust anchors (RFC 7646), set while the daemon runs.

At and below such a name nothing is validated until its end. What is kept of these names is
forgotten when one comes or goes: it was judged by other rules.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, field

from resolver.limits import (
    NEGATIVE_ANCHOR_SECONDS,
    NEGATIVE_ANCHOR_SECONDS_RANGE,
    NEGATIVE_ANCHORS,
)
from resolver.operate.asked import LONGEST_NAME, name_of, seconds_of
from resolver.operate.verb import WORD, Arguments, Nothing, Refused, Right, Verb, first, summed
from resolver.protocol import names

if TYPE_CHECKING:
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


class NtaAddArguments(Arguments, frozen=True, kw_only=True):
    """A name, and for how long."""

    name: Annotated[str, Meta(description="zone not to validate", max_length=LONGEST_NAME), WORD]
    for_: Annotated[
        str, Meta(description="for how long: 90s, 30m, 1h30m, 2d (a week at most)", max_length=16)
    ] = field(default=f"{NEGATIVE_ANCHOR_SECONDS:g}s", name="for")


class NtaRemoveArguments(Arguments, frozen=True, kw_only=True):
    """A name."""

    name: Annotated[str, Meta(description="its name", max_length=LONGEST_NAME), WORD]


async def nta_add(daemon: Running, given: NtaAddArguments) -> Reply:
    """*until*: Unix seconds."""
    name = name_of(given.name)
    seconds = seconds_of(given.for_, NEGATIVE_ANCHOR_SECONDS_RANGE)
    if daemon.parts.anchors is None:
        raise Refused("nothing is validated here: dnssec.validate is false")
    set_now = daemon.overrides.negative
    if name not in set_now and len(set_now) >= NEGATIVE_ANCHORS:
        raise Refused(f"there are {len(set_now)} already; remove one, or write them to the file")
    until = daemon.parts.clock.wall() + seconds
    forgotten = await daemon.waive(name, until)
    return {"name": names.to_text(name), "until": round(until), "forgotten": forgotten}


async def nta_remove(daemon: Running, given: NtaRemoveArguments) -> Reply:
    """Only those that were set here: what the configuration says stays."""
    name = name_of(given.name)
    if name not in daemon.overrides.negative:
        where = _where(daemon, given.name) or "there is none of that name"
        raise Refused(f"{names.to_text(name)}: {where}")
    return {"name": names.to_text(name), "forgotten": await daemon.waive(name, None)}


def _where(daemon: Running, text: str) -> str:
    anchors = daemon.parts.anchors
    if anchors is not None and name_of(text) in anchors.negative:
        return "the configuration has it: dnssec.negative_trust_anchors"
    return ""


async def nta_list(daemon: Running, _: Nothing) -> Reply:
    """All that count now, those of the configuration too."""
    anchors, wall = daemon.parts.anchors, daemon.parts.clock.wall()
    found: list[dict[str, Any]] = []
    for name, until in sorted((anchors.negative if anchors is not None else {}).items()):
        if until > wall:
            is_ours = name in daemon.overrides.negative
            found.append(
                {
                    "name": names.to_text(name),
                    "left_s": None if math.isinf(until) else round(until - wall),
                    "from": "control" if is_ours else "configuration",
                }
            )
    return {"negative_anchors": found}


def _forgotten(replies: list[Reply]) -> Reply:
    return replies[0] | summed([{"forgotten": reply["forgotten"]} for reply in replies])


NTA: Final = (
    Verb(
        "nta add", Right.ACT, "validate nothing at and below a name, for a while", NtaAddArguments,
        nta_add, merge=_forgotten,
    ),
    Verb(
        "nta remove", Right.ACT, "validate it again", NtaRemoveArguments, nta_remove,
        merge=_forgotten,
    ),
    Verb(
        "nta list", Right.LOOK, "negative trust anchors that count", Nothing, nta_list, merge=first
    ),
)  # fmt: skip
