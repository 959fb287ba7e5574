"""Should this machine attract traffic? The judgement: what has to be so, and for how long.

Pure. A look finds facts; conditions are made of them; and `Hysteresis` says when looks that are
bad, or good again, count. An overload is no reason: a machine that is flooded and answers what it
can is worth more there than its flood at the next one (RFC 9199 §3.4, "degraded absorbers").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resolver.limits import HEALTH_FALL, HEALTH_LATENCY_SECONDS, HEALTH_RISE
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MS = 1000


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What one process says of itself. *missing*: listeners that could not be bound; *outage*: why
    its link is down, "" while it is up."""

    has_started: bool
    is_leaving: bool
    missing: tuple[str, ...] = ()
    outage: str = ""


class Look(NamedTuple):
    """All that was found at one time.

    *workers*: facts by the number of the process; *lost*: seconds of silence of those that say
    nothing. *answers*: seconds that each listener took to answer, None for one that did not;
    *late_s*: how late the loop was.
    """

    workers: Mapping[int, Facts]
    lost: Mapping[int, float]
    answers: Mapping[str, float | None]
    late_s: float = 0.0


class Condition(NamedTuple):
    """*says* how it stands; *counts* False: it is told, and no reason."""

    is_met: bool
    says: str
    counts: bool = True


def conditions(look: Look, *, stays: bool) -> dict[str, Condition]:
    """All of them, by name; with *stays* an outage of the link is no reason."""
    return {
        "started": _started(look),
        "in_service": _in_service(look),
        "listeners": _listeners(look),
        "link": _link(look, stays=stays),
        "latency": _latency(look),
        "workers": _workers(look),
    }


def _each(look: Look, what: dict[int, str]) -> str:
    """*what* is wrong, by worker, in words; of one alone its number says nothing."""
    if len(look.workers) + len(look.lost) == 1:
        return "".join(what.values())
    return "; ".join(f"worker {number}: {text}" for number, text in sorted(what.items()))


def _started(look: Look) -> Condition:
    not_yet = [number for number, facts in look.workers.items() if not facts.has_started]
    return Condition(not not_yet, _each(look, dict.fromkeys(not_yet, "still starting")))


def _in_service(look: Look) -> Condition:
    leaving = [number for number, facts in look.workers.items() if facts.is_leaving]
    return Condition(not leaving, _each(look, dict.fromkeys(leaving, "drained, or ending")))


def _listeners(look: Look) -> Condition:
    silent = [place for place, took_s in look.answers.items() if took_s is None]
    wrong = [f"{place} does not answer" for place in silent]
    missing = dict.fromkeys(one for facts in look.workers.values() for one in facts.missing)
    wrong += [f"{place} is not bound" for place in missing]
    count = len(look.answers) - len(silent)
    return Condition(not wrong, "; ".join(wrong) or f"{count} answer")


def _link(look: Look, *, stays: bool) -> Condition:
    out = {number: facts.outage for number, facts in look.workers.items() if facts.outage}
    return Condition(not out, _each(look, out) or "up", not stays)


def _latency(look: Look) -> Condition:
    took = [look.late_s, *(took_s for took_s in look.answers.values() if took_s is not None)]
    says = f"{max(took) * _MS:.1f} ms, of {HEALTH_LATENCY_SECONDS * _MS:.0f} at most"
    return Condition(max(took) <= HEALTH_LATENCY_SECONDS, says)


def _workers(look: Look) -> Condition:
    lost = [f"worker {number} silent for {duration(s)}" for number, s in look.lost.items()]
    says = f"{len(look.workers)} of {len(look.workers) + len(look.lost)}"
    return Condition(not lost, "; ".join((says, *lost)))


def unmet(found: Mapping[str, Condition]) -> Iterator[str]:
    """The reasons not to attract traffic, a sentence each."""
    for name, condition in found.items():
        if condition.counts and not condition.is_met:
            yield f"{name.replace('_', ' ')}: {condition.says}"


class Hysteresis:
    """Up or down: down after HEALTH_FALL bad looks in a row, up after HEALTH_RISE good ones."""

    def __init__(self, *, is_up: bool = False) -> None:
        self.is_up = is_up
        self._streak = 0

    def __repr__(self) -> str:
        return f"<Hysteresis {'up' if self.is_up else 'down'}, {self._streak} against it>"

    def note(self, is_good: bool, *, at_once: bool = False) -> bool:  # noqa: FBT001
        """One look; a bad one may count *at_once*. True if it changed."""
        self._streak = self._streak + 1 if is_good is not self.is_up else 0
        needed = HEALTH_FALL if self.is_up else HEALTH_RISE
        if self._streak < (1 if at_once and self.is_up else needed):
            return False
        self.is_up, self._streak = is_good, 0
        return True
