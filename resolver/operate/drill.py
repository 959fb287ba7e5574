"""drill: what of the names in use would still resolve if far servers fell silent now.

The work is a process's of its own. What the daemon does for it is to hand over what it knows, some
names at a time; no packet is sent, and nothing is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from resolver.drill.closure import Closure
from resolver.drill.job import Job
from resolver.limits import (
    DRILL_AFTER_SECONDS_RANGE,
    DRILL_FACTS,
    DRILL_MOMENTS,
    DRILL_NAMES,
    DRILL_PREFIXES,
    DRILL_ROWS,
)
from resolver.operate.asked import seconds_of
from resolver.operate.drill_facts import Remembered
from resolver.operate.drill_keep import kept_of
from resolver.operate.drill_names import listed, used_names
from resolver.operate.in_use import of_others
from resolver.operate.verb import Arguments, Misused, Refused, Right, Verb
from resolver.protocol import names
from resolver.runtime.rests import Rests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.drill.facts import Facts, Used
    from resolver.operate.drill_keep import Kept
    from resolver.operate.verb import Reply
    from resolver.operate.view import Parts, Running

_LONGEST: Final = 64
_AT_A_TIME: Final = 25  # names between two words of how far it is


class DrillArguments(Arguments, frozen=True, kw_only=True):
    """What is to fall silent, which names it is about, and when they are asked."""

    far_ms: Annotated[
        float, Meta(description="servers from this round trip on fall silent", ge=0, le=60_000)
    ] = 0.0
    keep_only: Annotated[
        tuple[Annotated[str, Meta(max_length=_LONGEST)], ...],
        Meta(description="only servers in these prefixes answer", max_length=DRILL_PREFIXES),
    ] = ()
    as_outage: Annotated[
        str,
        Meta(description="as in the partial outage that began then (2026-11-30)",
             max_length=_LONGEST),
    ] = ""  # fmt: skip
    after: Annotated[str, Meta(description="when names are asked: 0s,1h,1d,7d", max_length=256)] = (
        "0s,1h,1d,7d"
    )
    names: Annotated[
        tuple[str, ...],
        Meta(description="names (with a type), not those in use", max_length=2 * DRILL_NAMES),
    ] = ()
    cold: Annotated[bool, Meta(description="as if nothing were held: after a restart")] = False


async def drill(daemon: Running, given: DrillArguments) -> AsyncIterator[Reply]:
    """`progress` in words; then the report; then `failing`, some names at a time. `failed`: workers
    of which it does not know what they know."""
    after_s = times_of(given.after)
    others = await of_others(daemon, names=given.names)
    kept = kept_of(
        daemon.parts, others.measured,
        far_ms=given.far_ms, keep_only=given.keep_only, as_outage=given.as_outage,
    )  # fmt: skip
    used = listed(given.names) if given.names else others.with_ours(await used_names(daemon.parts))
    if not used:
        raise Refused("no names in use are known yet; a file of names may be given")
    closure, facts = Closure(Remembered(daemon.parts), others.room), others.facts
    rests = Rests()
    for number, one in enumerate(used, 1):
        closure.follow(one.asked)
        await rests.turn()
        if not number % _AT_A_TIME:
            facts.append(closure.take())
            yield {"progress": "looking at what is known", "done": number, "of": len(used)}
    facts.append(closure.take())
    yield {"progress": "working it out", "done": len(used), "of": len(used)}
    outcome = await daemon.drilled(job_of(daemon.parts, used, facts, kept, after_s, given.cold))
    if outcome.trouble:
        raise Refused(outcome.trouble)
    failing, outcome.failing = outcome.failing, []
    for reply in others.failed:
        yield reply
    is_whole = closure.is_whole and others.is_whole
    whole = msgspec.to_builtins(outcome)
    del whole["failing"], whole["trouble"]
    yield {"report": whole | {"servers": kept.how, "is_whole": is_whole}}
    for start in range(0, len(failing), DRILL_ROWS):
        await rests.turn()
        yield {"failing": msgspec.to_builtins(failing[start : start + DRILL_ROWS])}


def times_of(text: str) -> list[float]:
    """Seconds after the cut, in order. Raises Refused."""
    words = [word for word in text.split(",") if word.strip()]
    found = sorted({seconds_of(word, DRILL_AFTER_SECONDS_RANGE) for word in words})
    if not found or len(found) > DRILL_MOMENTS:
        raise Misused(f"from 1 to {DRILL_MOMENTS} times, as 0s,1h,1d,7d")
    return found


def job_of(
    parts: Parts, used: list[Used], facts: list[Facts], kept: Kept, after_s: list[float],
    is_cold: bool,  # noqa: FBT001  # as it was asked for
) -> Job:  # fmt: skip
    """All but what only the daemon knows: who starts the process, and where the disk is."""
    config, anchors, wall = parts.config, parts.anchors, parts.clock.wall()
    by_name = {} if anchors is None else anchors.by_name
    negative = {} if anchors is None else anchors.negative
    return Job(
        facts=facts, used=used, kept=kept.hosts, measured=kept.measured,
        keep_only=kept.prefixes, after_s=after_s,
        local_root=parts.base.root_copy.form is not None,
        keeps_warm=parts.base.prefetch.renewals is not None,
        stale_s=float(parts.memory.rrsets.stale_s) if parts.resolver.stale is not None else 0.0,
        anchors=list(by_name), waived=[one for one, until in negative.items() if until > wall],
        never_stale=[names.from_text(one).lower() for one in config.resolution.stale_never],
        past_signatures=config.dnssec.serve_expired_signatures,
        is_cold=is_cold, most=DRILL_FACTS,
    )  # fmt: skip


DRILL: Final = Verb(
    "drill", Right.ACT, "what would still resolve if far servers fell silent now", DrillArguments,
    drill, streams=True,
)  # fmt: skip
