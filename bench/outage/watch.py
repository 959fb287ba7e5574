"""One outage and what follows, as a client of each resolver sees it.

Each second one and the same name is asked, and half a second later one that nobody ever asked; ten
times a second once the cut is mended. A question is waited for as long as a patient stub waits.
"""

import dataclasses
import random
import selectors
import statistics
import time
from typing import TYPE_CHECKING

from bench.latency.client import Stub
from bench.latency.latency_world import Lookup
from bench.latency.run import Run
from bench.outage.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

WARM_S = 5
WATCH_S = 120  # some are not back for minutes
PATIENCE_S = 12.0
STEP_S = 0.5
BACK_STEP_S = 0.1  # between questions once it is mended: who fails at once shall not seem late
SAME = "same"


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """Of one resolver. *back_s* None: not within WATCH_S; *told_s*: until unknown names failed."""

    resolver: str
    back_s: float | None
    told_s: list[float]
    silent: int

    def told(self) -> tuple[float, float]:
        """Median and worst of what unknown names took to fail; silence counts as PATIENCE_S."""
        return (statistics.median(self.told_s), max(self.told_s)) if self.told_s else (0.0, 0.0)


class _Watch:
    """The clients of one run."""

    def __init__(self, run: Run, rng: random.Random) -> None:
        self._run = run
        lookups = run.world.lookups(rng, 2000, first_round=0)
        self._same = dataclasses.replace(lookups[0], zone=SAME)
        self._fresh: Iterator[Lookup] = iter(lookups[1:])
        self._started = time.monotonic()
        self._selector = selectors.DefaultSelector()
        for stub in run.stubs:
            self._selector.register(stub.socket, selectors.EVENT_READ, stub)

    def now(self) -> float:
        return time.monotonic() - self._started

    def warm(self) -> None:
        """What a household has asked before."""
        for _ in range(WARM_S * 10):
            self._ask(next(self._fresh))
            self._listen(0.1)
        self._listen(2.0)
        for stub in self._run.stubs:
            stub.outcomes.clear()

    def suffer(self, seconds: int) -> None:
        for _ in range(seconds):
            self._ask(self._same)
            self._listen(STEP_S)
            self._ask(next(self._fresh))
            self._listen(STEP_S)

    def recover(self, healed: float) -> None:
        """Until everybody has answered, or WATCH_S are over."""
        while self.now() - healed < WATCH_S and not all(
            back(stub, healed) is not None for stub in self._run.stubs
        ):
            self._ask(self._same)
            self._listen(BACK_STEP_S)
        self._listen(STEP_S)

    def _ask(self, lookup: Lookup) -> None:
        for stub in self._run.stubs:
            stub.ask(lookup, self.now())

    def _listen(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                key.data.receive()
            for stub in self._run.stubs:
                stub.give_up(older_than_s=PATIENCE_S)


def back(stub: Stub, healed: float) -> float | None:
    """Seconds from *healed* to the first answer for the name asked once a second."""
    times = [
        outcome.sent_s + outcome.took_ms / 1000 - healed
        for outcome in stub.outcomes
        if outcome.zone == SAME and outcome.rcode == 0
    ]
    return min((at for at in times if at > 0), default=None)


def watch(run: Run, kind: Kind, seconds: int) -> list[Row]:
    """Cut, wait *seconds*, mend, and see."""
    watched = _Watch(run, random.Random(run.world.seed))
    watched.warm()
    cut = watched.now()
    kind.cut(run)
    watched.suffer(seconds)
    kind.mend(run)
    healed = watched.now()
    watched.recover(healed)
    rows = []
    for name, stub in zip(run.plan.resolvers, run.stubs, strict=True):
        failed = [
            outcome
            for outcome in stub.outcomes
            if outcome.zone != SAME and cut < outcome.sent_s < healed and outcome.rcode != 0
        ]
        told = [outcome.took_ms / 1000 for outcome in failed]
        silent = sum(outcome.rcode is None for outcome in failed)
        rows.append(Row(name.rstrip("*"), back(stub, healed), told, silent))
    return rows
