"""The drill itself: what of the names in use is told fresh, stale or not, and what that is owed to.

Shares are of use: each name weighs as much as it is used beside the others. What a feature is worth
is the difference, in points of a hundred, between the same drill with it and without.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from resolver.drill.blame import Blaming
from resolver.drill.outlook import Features, Outlook
from resolver.limits import STORE_EXPIRED_SECONDS
from resolver.protocol import names
from resolver.protocol.codes import type_text
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resolver.drill.facts import Index, Used
    from resolver.drill.outlook import Terms

WEEK_S: Final = 604_800.0
KINDS: Final = ("fresh", "stale", "unknown", "failed")
_CURVE_FROM_S: Final = 60.0
_CURVE_POINTS: Final = 64


class Moment(msgspec.Struct):
    """Shares, from 0 to 1, *after_s* seconds after the cut; *names*: how many are not *failed*.

    *unknown*: told perhaps, for nobody has looked who serves them.
    """

    after_s: float
    fresh: float = 0.0
    stale: float = 0.0
    unknown: float = 0.0
    failed: float = 0.0
    names: int = 0

    @property
    def survives(self) -> float:
        return self.fresh + self.stale


class Failing(msgspec.Struct):
    """A name that is not told at one of the times: the first, with the *cut* that it fails at.

    *is_unknown*: it may be told.
    """

    name: str
    type: str
    weight: float
    after_s: float
    cut: str
    why: str
    is_unknown: bool = False


class Worth(msgspec.Struct):
    """What a *feature* gives, in points, at each of the times: what it adds, or would."""

    feature: str
    is_on: bool
    points: list[float]

    @property
    def most(self) -> float:
        return max(self.points, default=0.0)


class Outcome(msgspec.Struct):
    """What the drill came to. *weight*: of all names. *curve*: (seconds, fresh, stale)."""

    verdict: str = ""
    names: int = 0
    weight: float = 0.0
    moments: list[Moment] = []
    worth: list[Worth] = []
    failing: list[Failing] = []
    curve: list[tuple[float, float, float]] = []
    trouble: str = ""
    cpu_s: float = 0.0
    peak_octets: int = 0


class _Told:
    """One name in use: until when it is told fresh, and at all."""

    __slots__ = ("fresh_until", "is_sure", "told_until", "used")

    def __init__(self, outlook: Outlook, used: Used) -> None:
        links = [link for link, _ in outlook.chain(used.asked)]
        self.used = used
        self.fresh_until = min(map(outlook.link_until, links))
        self.told_until = min(map(outlook.stale_until, links))
        self.is_sure = all(map(outlook.is_sure, links))

    def kind(self, after_s: float) -> str:
        """One of KINDS."""
        if self.told_until <= after_s:
            return "failed"
        if not self.is_sure:
            return "unknown"
        return "fresh" if self.fresh_until > after_s else "stale"


def drill(
    index: Index,
    used: Sequence[Used],
    terms: Terms,
    after_s: Sequence[float],
    measured: frozenset[str],
) -> Outcome:
    """Work it out for *used* at each of the times *after_s*. *measured*: addresses that ever
    answered. O(names × features), after the rounds of `Outlook.settle` for each of these."""
    outlook, told = _turn(index, used, terms, terms.as_it_is)
    outcome = Outcome(names=len(used), weight=sum(one.weight for one in used))
    outcome.moments = list(_moments(told, after_s))
    outcome.failing = list(_failing(told, Blaming(outlook, measured), after_s))
    outcome.curve = [
        (round(moment.after_s), moment.fresh, moment.stale)
        for moment in _moments(told, _curve_times(after_s))
    ]
    for feature, is_on, other in _others(terms.as_it_is):
        moments = _moments(_turn(index, used, terms, other)[1], after_s)
        change = [
            100 * (was.survives - now.survives) * (1 if is_on else -1)
            for was, now in zip(outcome.moments, moments, strict=True)
        ]
        outcome.worth.append(Worth(feature, is_on, [round(one, 1) + 0.0 for one in change]))
    outcome.verdict = verdict(outcome)
    return outcome


def _turn(
    index: Index, used: Sequence[Used], terms: Terms, features: Features
) -> tuple[Outlook, list[_Told]]:
    outlook = Outlook(index, terms, features)
    outlook.settle(one.asked for one in used)
    return outlook, [_Told(outlook, one) for one in used]


def _others(now: Features) -> Iterator[tuple[str, bool, Features]]:
    """Each feature by its name, whether it is on, and all as they are but for it."""
    stale_s = 0.0 if now.stale_s else float(STORE_EXPIRED_SECONDS)
    yield "local root", now.local_root, now._replace(local_root=not now.local_root)
    yield "keep-warm", now.keeps_warm, now._replace(keeps_warm=not now.keeps_warm)
    yield "stale answers", bool(now.stale_s), now._replace(stale_s=stale_s)
    if 0 < now.stale_s < WEEK_S:
        yield "stale answers for 7 d", False, now._replace(stale_s=WEEK_S)


def _moments(told: Iterable[_Told], after_s: Iterable[float]) -> Iterator[Moment]:
    names_told = list(told)
    whole = sum(one.used.weight for one in names_told)
    for seconds in after_s:
        moment = Moment(seconds)
        for one in names_told:
            kind = one.kind(seconds)
            part = one.used.weight / whole if whole else 0.0
            setattr(moment, kind, getattr(moment, kind) + part)
            moment.names += kind in ("fresh", "stale")
        for kind in KINDS:
            setattr(moment, kind, round(getattr(moment, kind), 6))
        yield moment


def _curve_times(after_s: Sequence[float]) -> list[float]:
    """At once, and from a minute on evenly in the logarithm, to a week at least."""
    last = max(WEEK_S, *after_s)
    step = math.log(last / _CURVE_FROM_S) / (_CURVE_POINTS - 2)
    return [0.0, *(_CURVE_FROM_S * math.exp(step * n) for n in range(_CURVE_POINTS - 1))]


def _failing(
    told: Iterable[_Told], blaming: Blaming, after_s: Sequence[float]
) -> Iterator[Failing]:
    """Those that are not told at one of the times, the most used first."""
    for one in sorted(told, key=lambda each: -each.used.weight):
        for seconds in sorted(after_s):
            if one.told_until > seconds and one.is_sure:
                continue
            blame = blaming.of(one.used.asked, seconds)
            yield Failing(
                names.to_text(one.used.name),
                type_text(one.used.rtype),
                round(one.used.weight, 2),
                seconds,
                names.to_text(blame.zone),
                blame.why,
                is_unknown=one.told_until > seconds,
            )
            break


def verdicts(
    index: Index, used: Sequence[Used], terms: Terms, after_s: Sequence[float]
) -> list[list[str]]:
    """Of each name and time, one of KINDS."""
    told = _turn(index, used, terms, terms.as_it_is)[1]
    return [[one.kind(seconds) for seconds in after_s] for one in told]


def verdict(outcome: Outcome) -> str:
    """The whole in one sentence."""
    if not outcome.names:
        return "no names in use are known yet"
    shares = [
        f"{100 * moment.survives:.0f} % {_at(moment.after_s, 'survive')}"
        for moment in outcome.moments
    ]
    count = "the one name" if outcome.names == 1 else f"{outcome.names} names"
    told = f"Of {count}, weighed by use, {', '.join(shares)}"
    worth = [one for one in outcome.worth if round(one.most) > 0]
    for word, change, is_on in (("without", "less", True), ("with", "more", False)):
        found = [one for one in worth if one.is_on is is_on]
        if found:
            first, *others = found
            told += f"; {word} {first.feature} up to {first.most:.0f} points {change}"
            told += "".join(f", {word} {one.feature} {one.most:.0f}" for one in others)
    return f"{told}."


def _at(after_s: float, verb: str) -> str:
    return f"{verb} {duration(after_s)}" if after_s else "resolve at once"
