"""warm: what is in use and renewed ahead of need, with its score; names to be kept warm always."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta

from resolver.limits import SHOWN_ROWS, WARM_BY_HAND
from resolver.operate.asked import LONGEST_NAME, LONGEST_TYPE, question_of
from resolver.operate.verb import WORD, Arguments, Refused, Right, Verb, first
from resolver.protocol import names
from resolver.telemetry.presentation import type_text

if TYPE_CHECKING:
    from resolver.model import Question
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running
    from resolver.recurse.warm import Warmth

LIST: Final = "list"


class WarmArguments(Arguments, frozen=True, kw_only=True):
    """The list, or a name."""

    name: Annotated[
        str, Meta(description='a name to keep warm, or "list"', max_length=LONGEST_NAME), WORD
    ] = LIST
    type: Annotated[str, Meta(description="record type", max_length=LONGEST_TYPE), WORD] = "A"
    off: Annotated[bool, Meta(description="keep it warm no longer")] = False


async def warm(daemon: Running, given: WarmArguments) -> Reply:
    """The list, the most used first; or what is wanted of a name from now on."""
    if given.name == LIST:
        return _listed(daemon)
    question = question_of(given.name, given.type)
    wanted = daemon.overrides.warm
    if not given.off:
        if daemon.parts.base.prefetch.renewals is None:
            raise Refused("nothing is renewed here: resolution.prefetch is false, or it is metered")
        if question not in wanted and len(wanted) >= WARM_BY_HAND:
            raise Refused(
                f"{len(wanted)} are kept warm by hand already; put the rest into [[warm]]"
            )
    elif question not in wanted:
        raise Refused(f"{given.name} {given.type} is not kept warm by control")
    await daemon.keep_warm(question, is_wanted=not given.off)
    return {"name": names.to_text(question.qname), "type": type_text(question.qtype),
            "kept_warm": not given.off}  # fmt: skip


def _listed(daemon: Running) -> Reply:
    prefetch, now = daemon.parts.base.prefetch, daemon.parts.clock.now()
    entries = prefetch.warm.entries
    found = [_row(question, known, now) for question, known in entries.items()]
    found.sort(key=lambda row: (not row["by_hand"], -row["score"], row["name"]))
    return {
        "known": len(found),
        "renewed": prefetch.prefetches,
        "budget_packets": round(prefetch.budget.left),
        "names": found[:SHOWN_ROWS],
    }


def _row(question: Question, known: Warmth, now: float) -> dict[str, Any]:
    return {
        "name": names.to_text(question.qname),
        "type": type_text(question.qtype),
        "score": round(known.score_at(now), 2),
        "by_hand": known.by_hand,
        "used_s_ago": round(now - known.used_at),
        "left_s": round(known.ends_at - now),
        "ttl": round(known.ttl),
        "chance": round(known.chances[0], 2),
    }


WARM: Final = Verb(
    "warm",
    Right.ACT,
    "what is kept warm, with its score; or keep a name warm",
    WarmArguments,
    warm,
    merge=first,
)
