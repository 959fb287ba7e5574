"""cache show: all that is kept of a name, in memory and on disk, and what it is worth."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta

from resolver.cache.negative import ANY_TYPE, Denied
from resolver.cache.rrset import Entry
from resolver.cache.store import CUT
from resolver.model import NOT_JUDGED, Delegation, Question
from resolver.operate.asked import LONGEST_NAME, LONGEST_TYPE, name_of, type_of
from resolver.operate.cache_text import records
from resolver.operate.verb import WORD, Arguments, Right, Verb
from resolver.protocol import names
from resolver.protocol.codes import RRType, rcode_text
from resolver.telemetry.presentation import ede_text, type_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.cache.failure import Failure
    from resolver.model import Name, RRset
    from resolver.operate.verb import Reply
    from resolver.operate.view import Parts, Running

    Row = dict[str, Any]

# Every type that is assigned, reserved for trial, or private (RFC 6895 §3.1), but questions' own.
_TYPES: Final = (*range(1, 128), *range(256, 1024), 32_768, 32_769, *range(65_280, CUT))


class CacheShowArguments(Arguments, frozen=True, kw_only=True):
    """All types, or one."""

    name: Annotated[str, Meta(description="domain name", max_length=LONGEST_NAME), WORD]
    type: Annotated[str, Meta(description="record type", max_length=LONGEST_TYPE), WORD] = ""


async def cache_show(daemon: Running, given: CacheShowArguments) -> Reply:
    """An entry for each thing that is kept; times are in seconds."""
    name, parts = name_of(given.name), daemon.parts
    types = (type_of(given.type),) if given.type else _TYPES
    now = parts.clock.now()
    wanted, stale_s = {*types, ANY_TYPE, CUT}, parts.memory.rrsets.stale_s
    on_disk = [one for one in await daemon.on_disk(name) if _rtype_of(one) in wanted]
    entries = [
        *({"level": "replies"} | row for row in _ready(parts, name, types)),
        *({"level": "memory"} | row for row in _in_memory(parts, name, types, now)),
        *({"level": "memory"} | row for row in _beside(parts, name, types, now)),
        *({"level": "disk"} | _row(one, now, stale_s) for one in on_disk),
    ]
    return {"name": names.to_text(name), "entries": entries}


def _rtype_of(found: Entry | Denied | Delegation) -> int:
    if isinstance(found, Delegation):
        return CUT
    return found.rtype


def _in_memory(parts: Parts, name: Name, types: Iterable[int], now: float) -> Iterator[Row]:
    memory, stale_s = parts.memory, parts.memory.rrsets.stale_s
    for rtype in types:
        entry = memory.rrsets.peek(name, rtype)
        if entry is not None:
            yield _row(entry, now, stale_s)
    for rtype in chain((ANY_TYPE,), types):
        negative = memory.negatives.entries.get((name, rtype))
        if negative is not None:
            yield _row(Denied(name, rtype, negative), now, stale_s)
    cut = parts.delegations.peek(name)
    if cut is not None:
        yield _row(cut, now, stale_s)


def _beside(parts: Parts, name: Name, types: Iterable[int], now: float) -> Iterator[Row]:
    """What failed, and how it is used."""
    memory = parts.memory
    for kind, cache in (("failure", memory.failures), ("bogus", memory.bogus)):
        for rtype in types:
            failure = cache.entries.get(Question(name, rtype))
            if failure is not None:
                yield _of_failure(kind, rtype, failure, now)
    for rtype in types:
        warmth = parts.base.prefetch.warm.entries.get(Question(name, rtype))
        if warmth is not None:
            yield {
                "kind": "warm",
                "type": type_text(rtype),
                "score": round(warmth.score_at(now), 2),
            }


def _ready(parts: Parts, name: Name, types: Iterable[int]) -> Iterator[Row]:
    for rtype, count in parts.packets.kept(name).items():
        if rtype in types:
            yield {"kind": "reply", "type": type_text(rtype), "count": count}


def _row(found: Entry | Denied | Delegation, now: float, stale_s: float) -> Row:
    if isinstance(found, Entry):
        return _of_entry(found, now, stale_s)
    if isinstance(found, Denied):
        return _of_denial(found, now, stale_s)
    return _of_delegation(found, now)


def _of_entry(entry: Entry, now: float, stale_s: float) -> Row:
    row: Row = {"kind": "data", "type": type_text(entry.rtype), "rank": entry.rank.name.lower()}
    row |= _standing(entry.status.value, entry.zone)
    row |= _times(entry.expires_at, entry.ttl, now)
    may_be_stale = entry.status not in NOT_JUDGED
    row["stale_left_s"] = _left(entry.expires_at + stale_s, now) if may_be_stale else 0
    row["records"] = list(records(entry.current(now)))
    if entry.proof:
        row["proof"] = _texts(entry.proof)
    return row


def _of_denial(denied: Denied, now: float, stale_s: float) -> Row:
    _, rtype, negative = denied
    row: Row = {
        "kind": "denial",
        "type": "*" if rtype == ANY_TYPE else type_text(rtype),
        "rcode": rcode_text(negative.rcode),
    }
    row |= _standing(negative.status.value, negative.zone)
    row |= _times(negative.expires_at, negative.ttl, now)
    may_be_stale = negative.status not in NOT_JUDGED and not negative.is_proof_only
    row["stale_left_s"] = _left(negative.expires_at + stale_s, now) if may_be_stale else 0
    row["proof"] = _texts(negative.current(now))
    if negative.is_proof_only:
        row["use"] = "validation"
    return row


def _of_delegation(cut: Delegation, now: float) -> Row:
    row: Row = {"kind": "delegation", "type": type_text(RRType.NS), "signed": cut.is_signed}
    row |= _times(cut.expires_at, int(cut.ttl), now)
    row["nameservers"] = [names.to_text(name) for name in cut.nameservers]
    row["addresses"] = [server.host for server in cut.servers()]
    return row


def _of_failure(kind: str, rtype: int, failure: Failure, now: float) -> Row:
    """*since*: seconds ago; until when it is not asked again."""
    return {
        "kind": kind,
        "type": type_text(rtype),
        "failed_s_ago": round(now - (failure.until - failure.wait_s), 1),
        "asked_again_in_s": _left(failure.until, now),
        "extended_errors": [ede_text(*ede) for ede in failure.ede],
    }


def _standing(status: str, zone: Name) -> Row:
    return {"status": status, "zone": names.to_text(zone)}


def _times(expires_at: float, ttl: int, now: float) -> Row:
    """*left_s* below zero: it is over for so long."""
    return {"left_s": round(max(expires_at - now, -(1 << 31)), 1), "ttl": ttl}


def _left(until: float, now: float) -> float:
    return round(max(until - now, 0.0), 1)


def _texts(rrsets: Iterable[RRset]) -> list[str]:
    return [line for rrset in rrsets for line in records(rrset)]


def _of_all(replies: list[Reply]) -> Reply:
    """What is in each worker's memory; the disk is everybody's."""
    entries = [
        {"worker": worker} | entry
        for worker, reply in enumerate(replies)
        for entry in reply["entries"]
        if not worker or entry["level"] != "disk"
    ]
    return replies[0] | {"entries": entries if len(replies) > 1 else replies[0]["entries"]}


CACHE_SHOW: Final = Verb(
    "cache show", Right.ACT, "what is kept of a name, and what it is worth", CacheShowArguments,
    cache_show, merge=_of_all,
)  # fmt: skip
