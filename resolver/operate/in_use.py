"""What the other workers know of the names in use: for drills, and for how near zones are served.

A name over UDP is one worker's (`listen.steering`), so of several workers none knows all that
clients use. The first one, who has the door, asks each of the others for its part, and who does not
answer is told. Nothing is asked for, brought from disk or kept for it. No verb of an operator's:
clients cannot ask for it.
"""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003  # msgspec reads what is in annotations
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from resolver.drill.closure import Closure
from resolver.drill.facts import Cut, Fact, Facts, Trust, Used
from resolver.geo.distance import Measured
from resolver.limits import CONTROL_REPLY_OCTETS, DRILL_FACTS, DRILL_NAMES
from resolver.operate import geography
from resolver.operate.drill_facts import Remembered
from resolver.operate.drill_names import listed, used_names
from resolver.operate.verb import Arguments, Right, Verb
from resolver.runtime.rests import Rests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from resolver.operate.verb import Reply
    from resolver.operate.view import Running

_PIECE: Final = CONTROL_REPLY_OCTETS // 4  # octets; one thing more, and it still fits


class _Arguments(Arguments, frozen=True, kw_only=True):
    """*names*: as of a file, instead of those in use; *days*: used within so many, 0: ever;
    *most*: facts."""

    names: Annotated[tuple[str, ...], Meta(max_length=2 * DRILL_NAMES)] = ()
    days: Annotated[int, Meta(ge=0)] = 0
    most: Annotated[int, Meta(ge=1, le=DRILL_FACTS)] = DRILL_FACTS


class _Part(msgspec.Struct, omit_defaults=True):
    """A piece of it, as it travels; *is_whole*: there was not more of it than may be."""

    used: list[Used] = []
    facts: list[Fact] = []
    cuts: list[Cut] = []
    trusts: list[Trust] = []
    measured: list[Measured] = []
    is_whole: bool = True


@dataclass(slots=True)
class InUse:
    """What the others say, together. *failed*: a reply for each who did not."""

    used: list[Used] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    is_whole: bool = True
    failed: list[Reply] = field(default_factory=list)

    @property
    def room(self) -> int:
        """Facts that the first worker may add."""
        return max(DRILL_FACTS - sum(map(len, self.facts)), 1)

    def with_ours(self, used: Iterable[Used]) -> list[Used]:
        """The names that any worker has in use, each with its use in all; DRILL_NAMES at most."""
        weights: dict[tuple[bytes, int], float] = {}
        for one in (*used, *self.used):
            weights[one.asked] = weights.get(one.asked, 0.0) + one.weight
        found = [Used(name, rtype, round(w, 4)) for (name, rtype), w in weights.items()]
        return sorted(found, key=lambda one: (-one.weight, one.name, one.rtype))[:DRILL_NAMES]


async def of_others(daemon: Running, *, names: Sequence[str] = (), days: int = 0) -> InUse:
    """What all workers but this one know of the names in use, or of *names*; nothing where there is
    one alone."""
    found = InUse()
    most = DRILL_FACTS // max(daemon.workers, 1)
    given = {"names": tuple(names), "days": days, "most": most}
    async for item in daemon.others(IN_USE.name, given):
        if "failed" in item:
            found.failed.append(item)
            continue
        part = msgspec.convert({key: item[key] for key in item if key != "worker"}, _Part)
        found.used.extend(part.used)
        found.measured.extend(part.measured)
        found.is_whole = found.is_whole and part.is_whole
        if part.facts or part.cuts or part.trusts:
            found.facts.append(Facts(part.facts, part.cuts, part.trusts))
    return found


async def _in_use(daemon: Running, given: _Arguments) -> AsyncIterator[Reply]:
    """This worker's part, some at a time."""
    used = (
        listed(given.names) if given.names else await used_names(daemon.parts, given.days or None)
    )
    closure, rests = Closure(Remembered(daemon.parts), given.most), Rests()
    if not given.names:
        for used_piece in _pieces(used):
            yield _plain(_Part(used=used_piece))
    for one in used:
        closure.follow(one.asked)
        await rests.turn()
    known = closure.take()
    for facts in _pieces(known.facts):
        await rests.turn()
        yield _plain(_Part(facts=facts))
    for cuts in _pieces(known.cuts):
        await rests.turn()
        yield _plain(_Part(cuts=cuts))
    for trusts in _pieces(known.trusts):
        yield _plain(_Part(trusts=trusts))
    for measured in _pieces(geography.measured(daemon.parts)):
        await rests.turn()
        yield _plain(_Part(measured=measured))
    yield _plain(_Part(is_whole=closure.is_whole))


def _pieces(things: list[Any]) -> Iterator[list[Any]]:
    """As many of *things* at a time as fit into a reply."""
    piece: list[Any] = []
    octets = 0
    for thing in things:
        octets += len(msgspec.json.encode(thing))
        piece.append(thing)
        if octets >= _PIECE:
            yield piece
            piece, octets = [], 0
    if piece:
        yield piece


def _plain(part: _Part) -> Reply:
    made: Reply = msgspec.to_builtins(part)
    return made


IN_USE: Final = Verb(
    "in use", Right.ACT, "what a worker knows of the names in use", _Arguments, _in_use,
    streams=True,
)  # fmt: skip
