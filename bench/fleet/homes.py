"""Homes on a few machines, question by question: of few clients, popularity says too little.

Who lives in a home asks again for what was asked there before, so a cache near it answers more than
the popularity of names among strangers lets one expect. The queries are those of `bench.week`, in
the evening of a day that filled the caches. Each home asks one machine; a single one has the second
machine as a spare. At the end the first machine is lost, and its homes ask the next.
"""

import dataclasses
import heapq
from collections.abc import Iterator

from bench.week.household import HOUR, Household, Question

CLIENTS_A_HOME = 20  # about as many devices and machines as `Household` has
EVENING = (18 * HOUR, 21 * HOUR)
LOST_AT = 21 * HOUR
AFTER_S = 600


@dataclasses.dataclass(slots=True)
class Phase:
    """Questions of a time: all, those fetched from authorities, those from the shared level."""

    asked: int = 0
    fetched: int = 0
    shared: int = 0


@dataclasses.dataclass(slots=True)
class Played:
    """The evening, the minutes after the loss, and the most entries of the shared level."""

    evening: Phase
    after: Phase
    entries: int = 0


def evening_of(homes: int, seed: int) -> list[tuple[float, int, Question]]:
    """All questions of a day's first 21 hours and AFTER_S more: when, of which home."""

    def of_home(home: int) -> Iterator[tuple[float, int, Question]]:
        for at, question in Household(seed * 100_003 + home, ()).queries(1):
            if at < LOST_AT + AFTER_S:
                yield at, home, question

    return list(heapq.merge(*(of_home(home) for home in range(homes)), key=lambda one: one[0]))


def play(
    questions: list[tuple[float, int, Question]], machines: int, *, has_shared: bool
) -> Played:
    """Through so many machines; the first is lost at LOST_AT if there is another."""
    played = Played(Phase(), Phase())
    caches: list[dict[Question, float]] = [{} for _ in range(machines)]
    shared: dict[Question, float] = {}
    for at, home, question in questions:
        machine = home % machines
        if at >= LOST_AT and machine == 0:
            machine = 1 % machines
        phase = _phase(played, at)
        phase.asked += 1
        cache = caches[machine]
        if cache.get(question, 0.0) > at:
            continue
        if has_shared and shared.get(question, 0.0) > at:
            phase.shared += 1
            cache[question] = shared[question]
        else:
            phase.fetched += 1
            cache[question] = shared[question] = at + question.ttl
    if has_shared:
        played.entries = sum(until > LOST_AT for until in shared.values())
    return played


def _phase(played: Played, at: float) -> Phase:
    if at >= LOST_AT:
        return played.after
    return played.evening if at >= EVENING[0] else Phase()


def row(played: Played, machines: int, entry_octets: float, *, has_shared: bool) -> str:
    """One line of the table."""
    evening, after = played.evening, played.after
    seconds = EVENING[1] - EVENING[0]
    looked = f"{(evening.fetched * 2 + evening.shared) / seconds:.1f}" if has_shared else "–"
    memory = f"{played.entries * entry_octets / (1 << 20):.2f}" if has_shared else "–"
    loss = f"{after.fetched / after.asked:.1%}" if machines > 1 else "–"
    return (
        f"| {machines} | {'yes' if has_shared else 'no'} | {hits(evening):.1%} "
        f"| {evening.shared / evening.asked:.1%} | {evening.fetched / evening.asked:.1%} "
        f"| {looked} | {memory} | {loss} |"
    )


def hits(phase: Phase) -> float:
    """The part that the machine asked had itself."""
    return 1 - (phase.fetched + phase.shared) / phase.asked


HEADER = (
    "| machines | shared level | answered from memory | from the shared level | fetched "
    "| Valkey gets + sets a second | Valkey MiB | fetched in the ten minutes after a loss |"
)
