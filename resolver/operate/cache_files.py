"""cache dump and cache load: what is kept, as a file, and back.

A dump is text (`cache_text`), piece by piece; memory does not grow with it. What is loaded is
believed as little as what a stranger sends: its form is checked, it takes the place of nothing that
is here, and where there is validation it is validated when it is asked for. Both read no file: the
client does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta

from resolver.cache.negative import Denied
from resolver.errors import WireError
from resolver.limits import DUMP_ITEM_OCTETS, LOAD_ERRORS
from resolver.operate import cache_text
from resolver.operate.asked import LONGEST_NAME, name_of
from resolver.operate.cache_text import BEGINS, read_untrusted
from resolver.operate.verb import WORD, Arguments, Right, Verb, first
from resolver.protocol import names
from resolver.recurse.taking_in import take_in
from resolver.runtime.rests import Rests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from resolver.model import Name
    from resolver.operate.verb import Reply
    from resolver.operate.view import Parts, Running

FIRST: Final = ";; resolver cache"


class CacheDumpArguments(Arguments, frozen=True, kw_only=True):
    """All, or a part of it."""

    name: Annotated[
        str, Meta(description="only this name and what is below it", max_length=LONGEST_NAME), WORD
    ] = "."


async def cache_dump(daemon: Running, given: CacheDumpArguments) -> AsyncIterator[Reply]:
    """Lines of text, some at a time; the first says when it was."""
    top, parts = name_of(given.name), daemon.parts
    lines = [f"{FIRST}, at {parts.clock.wall():.0f} (Unix time)"]
    octets, rests = 0, Rests()
    for entry in _entries(parts, top, parts.clock.now()):
        lines += entry
        octets += sum(map(len, entry))
        if octets >= DUMP_ITEM_OCTETS:
            yield {"lines": lines}
            lines, octets = [], 0
        await rests.turn()
    yield {"lines": lines}


def _entries(parts: Parts, top: Name, now: float) -> Iterator[list[str]]:
    """The lines of each entry; none for one that is not wanted, so that others have their turn."""
    memory = parts.memory
    for (owner, _), entry in memory.rrsets.entries.items():
        yield list(cache_text.of_entry(entry, now)) if names.is_subdomain(owner, top) else []
    for (owner, rtype), negative in memory.negatives.entries.items():
        denied = Denied(owner, rtype, negative)
        yield list(cache_text.of_denial(denied, now)) if names.is_subdomain(owner, top) else []
    for zone, cut in parts.delegations.entries.items():
        told = cache_text.of_delegation(cut.delegation, now)
        yield list(told) if names.is_subdomain(zone, top) else []
    for kind, cache in (("failure", memory.failures), ("bogus", memory.bogus)):
        for question, failure in cache.entries.items():
            why = "; ".join(ede.text for ede in failure.ede if ede.text)
            told_as = cache_text.of_failure(kind, question, failure.until - now, why)
            yield [told_as] if names.is_subdomain(question.qname, top) else []


class CacheLoadArguments(Arguments, frozen=True, kw_only=True):
    """Some whole entries of a dump."""

    file: Annotated[tuple[str, ...], Meta(description="a file that was dumped: its lines"), WORD]
    line: Annotated[int, Meta(description="the number of the first of them", ge=1)] = 1
    at: Annotated[float, Meta(description="when it was dumped, in Unix seconds", ge=0)] = 0.0


async def cache_load(daemon: Running, given: CacheLoadArguments) -> Reply:
    """*taken*: kept now; *known*: what is here is as good; *left_out*: of no kind that is read."""
    found: dict[str, Any] = dict.fromkeys(("taken", "known", "expired", "left_out", "wrong"), 0)
    errors: list[dict[str, Any]] = []
    wall, rests = daemon.parts.clock.wall(), Rests()
    age_s = max(wall - given.at, 0.0) if given.at else 0.0
    for number, entry in _split(given.file):
        try:
            found[_take(daemon.parts, entry, age_s)] += 1
        except WireError as error:
            found["wrong"] += 1
            if len(errors) < LOAD_ERRORS:
                errors.append({"line": given.line + number, "error": str(error)})
        await rests.turn()
    return found | {"errors": errors}


def _take(parts: Parts, entry: Sequence[str], age_s: float) -> str:
    """What became of an entry. Raises WireError."""
    read = read_untrusted(entry)
    if read is None:
        return "left_out"
    left_s = int(read.left_s - age_s)
    if left_s <= 0:
        return "expired"
    is_kept = take_in(parts.memory, read.link, parts.clock.now(), rank=read.rank, ttl=left_s)
    return "taken" if is_kept else "known"


def _split(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Each entry with the place of its first line; what stands before the first is one, too."""
    entry: list[str] = []
    begun = 0
    for number, line in enumerate(lines):
        if line.startswith(BEGINS) and entry:
            yield begun, entry
            entry = []
        if not line.strip() or (line.startswith(";") and not line.startswith(BEGINS)):
            continue
        if not entry:
            begun = number
        entry.append(line)
    if entry:
        yield begun, entry


CACHE_DUMP: Final = Verb(
    "cache dump", Right.ACT, "all that is kept in memory, as text", CacheDumpArguments, cache_dump,
    streams=True, merge=first,
)  # fmt: skip
CACHE_LOAD: Final = Verb(
    "cache load", Right.ACT, "take in what was dumped, unchecked", CacheLoadArguments, cache_load,
    merge=first,
)  # fmt: skip
