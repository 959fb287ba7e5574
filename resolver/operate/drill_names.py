"""Which names a drill is about: those in use, or those of a list."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from resolver.drill.facts import Used
from resolver.limits import DRILL_NAMES, DRILL_SCANNED
from resolver.model import NOT_JUDGED, Rank
from resolver.operate.asked import name_of, type_of
from resolver.operate.verb import Misused, Refused
from resolver.protocol.codes import RRType
from resolver.runtime.rests import Rests

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from resolver.operate.view import Parts

# What clients ask for, and validation or walks do not.
_CLIENTS: Final = frozenset(
    {
        RRType.A,
        RRType.AAAA,
        RRType.CNAME,
        RRType.MX,
        RRType.TXT,
        RRType.PTR,
        RRType.SRV,
        RRType.HTTPS,
    }
)
_DAY_S: Final = 86_400.0
_AT_A_TIME: Final = 128  # entries before others have their turn: a tenth of a millisecond


async def used_names(parts: Parts, days: float | None = None) -> list[Used]:
    """The names in use, the most used first: by the list of what is kept warm, and where that has
    few by what is in memory besides. DRILL_NAMES at most; used within *days*, where given."""
    now = parts.clock.now()
    since = float("-inf") if days is None else now - days * _DAY_S
    warm = parts.base.prefetch.warm.entries
    found = {
        question: known.score_at(now)
        for question, known in warm.items()
        if known.used_at >= since and known.quarters
    }
    used = [
        Used(one.qname, one.qtype, round(score, 4)) for one, score in found.items() if score > 0
    ]
    if len(used) < DRILL_NAMES:
        used += await _remembered(parts, {(one.qname, one.qtype) for one in warm}, since)
    return sorted(used, key=lambda one: (-one.weight, one.name, one.rtype))[:DRILL_NAMES]


async def _remembered(parts: Parts, known: set[tuple[bytes, int]], since: float) -> list[Used]:
    """Answers in memory, learnt *since* then, that are not *known*, nor of a nameserver, and to
    which no alias leads: each was asked for once at least."""
    served: set[bytes] = set()
    rests = Rests()
    for number, (_, cut) in enumerate(parts.delegations.entries.items()):
        served.update(cut.delegation.nameservers)
        if not number % _AT_A_TIME:
            await rests.turn()
    found: dict[tuple[bytes, int], None] = {}
    targets: set[bytes] = set()
    for number, ((owner, rtype), entry) in enumerate(
        islice(parts.memory.rrsets.entries.items(), DRILL_SCANNED)
    ):
        if rtype == RRType.CNAME:
            targets.add(entry.rdatas[0].lower())
        is_judged = entry.status not in NOT_JUDGED or not parts.memory.is_checked
        is_answer = entry.rank >= Rank.ANSWER and is_judged and entry.learnt_at >= since
        if rtype in _CLIENTS and owner not in served and is_answer:
            found[owner, RRType.A if rtype == RRType.CNAME else rtype] = None
        if not number % _AT_A_TIME:
            await rests.turn()
    aliased = {name for name, _ in known}
    return [
        Used(name, rtype)
        for name, rtype in found
        if (name, rtype) not in known and (name not in targets or name in aliased)
    ]


def listed(lines: Sequence[str]) -> list[Used]:
    """The names of a file: one a line, with a type if it is not A; `#` begins a comment.

    Raises Refused with the number of the line that is wrong.
    """
    found: dict[tuple[bytes, int], Used] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            found.update(_read(words))
        except Refused as error:
            raise Misused(f"line {number}: {error}") from None
        if len(found) > DRILL_NAMES:
            raise Refused(
                f"a drill takes {DRILL_NAMES} names, and there are more from line {number} on"
            )
    return list(found.values())


def _read(words: Sequence[str]) -> Iterable[tuple[tuple[bytes, int], Used]]:
    if len(words) > 2:  # noqa: PLR2004  # name and type
        raise Misused(f"a name, or a name and a type, not {len(words)} words")
    name = name_of(words[0])
    rtype = type_of(words[1]) if len(words) > 1 else RRType.A
    yield (name, rtype), Used(name, rtype)
