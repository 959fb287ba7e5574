"""warm: what is in use and renewed ahead of need, with its score; names to be kept warm always."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta

from resolver.limits import SHOWN_ROWS, WARM_BY_HAND
from resolver.operate.asked import LONGEST_NAME, LONGEST_TYPE, question_of
from resolver.operate.each_once import each_once, known_to_any, most_shown
from resolver.operate.verb import WORD, Arguments, Refused, Right, Verb
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
    found.sort(key=_most_used_first)
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


def _most_used_first(row: dict[str, Any]) -> tuple[bool, float, str]:
    return not row["by_hand"], -row["score"], row["name"]


def _of_all(replies: list[Reply]) -> Reply:
    """Of a list each name once, with its use in all workers; of a name they all say the same."""
    if "names" not in replies[0]:
        return replies[0]
    rows = each_once(replies, "names", lambda row: (row["name"], row["type"]), _both)
    rows.sort(key=_most_used_first)
    return {
        "known": known_to_any(replies, len(rows)),
        "renewed": sum(reply["renewed"] for reply in replies),
        "budget_packets": sum(reply["budget_packets"] for reply in replies),
        "names": rows[: most_shown(replies, "names")],
    }


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """As it is where it was used last: each worker renews its own."""
    latest = min(one, other, key=lambda row: row["used_s_ago"])
    return latest | {
        "score": round(one["score"] + other["score"], 2),
        "by_hand": one["by_hand"] or other["by_hand"],
        "left_s": max(one["left_s"], other["left_s"]),
    }


WARM: Final = Verb(
    "warm",
    Right.ACT,
    "what is kept warm, with its score; or keep a name warm",
    WarmArguments,
    warm,
    merge=_of_all,
)
