"""Run a resolver through the world twice and say how it did.

`Report` is what the command prints and what the end-to-end test asserts on.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.common import peers
from bench.realworld import ask, truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.realworld.root_world import RealWorld
    from tests.simulation import netns

SERVER = ("127.0.0.1", 53)
SETTLE_S = 1.0
_UNBOUND = """do-not-query-localhost: no
msg-cache-size: 64m
rrset-cache-size: 128m"""


@dataclass(slots=True)
class Pass:
    """One pass over the questions."""

    asked: int
    right: int
    sent: int
    received: int
    seconds: float
    latencies_ms: list[float]
    wrong: list[str] = field(default_factory=list)

    def row(self, label: str) -> str:
        cuts = statistics.quantiles(self.latencies_ms, n=100)
        return (
            f"{label:8} {self.asked:7} {100 * self.right / self.asked:8.2f} % {self.sent:9}"
            f" {self.sent / self.asked:9.2f} {cuts[49]:9.2f} {cuts[94]:9.2f} {self.seconds:8.1f}"
        )


HEADER = (
    f"{'pass':8} {'names':>7} {'right':>10} {'packets':>9} {'per name':>9}"
    f" {'p50 ms':>9} {'p95 ms':>9} {'seconds':>8}"
)


def start_resolver(it: RealWorld, *, validate: bool = True) -> netns.Program:
    """Our daemon as shipped: its own root.hints, no configuration but addresses and anchor."""
    return _start(it, "ours", anchors=(it.anchor,) if validate else ())


def start_unbound(it: RealWorld) -> netns.Program:
    """Debian's Unbound on the same port: the stand-in and the comparison."""
    hints = peers.PROJECT / "root.hints"
    return _start(it, "unbound", anchors=(it.anchor,), hints=hints, extra=_UNBOUND)


def _start(
    it: RealWorld,
    name: str,
    *,
    anchors: tuple[str, ...],
    hints: Path | None = None,
    extra: str = "",
) -> netns.Program:
    directory = it.directory / name
    directory.mkdir(exist_ok=True)
    setup = peers.Setup(
        directory=directory, hints=hints, addresses=(SERVER[0], "::1"), anchors=anchors, extra=extra
    )
    it.resolver = peers.start(name, setup, it.client)
    return it.resolver


def one_pass(
    it: RealWorld, questions: Sequence[tuple[str, str]], *, validates: bool, loud: bool = False
) -> Pass:
    """Ask everything once, compare every answer, count every packet on the link."""
    right_answers = {question: truth.lookup(it.world, *question) for question in questions}
    sent, received = _settled(it)
    started = time.perf_counter()
    outcomes = ask.ask_all(
        it.client, SERVER, questions, progress=Progress(it, len(questions), loud=loud)
    )
    seconds = time.perf_counter() - started
    sent_after, received_after = _settled(it)
    wrong = []
    for outcome in outcomes:
        expected = right_answers[outcome.name, outcome.rtype]
        fault = truth.difference(expected, outcome.reply, validates=validates)
        if fault is not None:
            wrong.append(f"{outcome.name} {outcome.rtype}: {fault}")
    return Pass(
        asked=len(outcomes), right=len(outcomes) - len(wrong), sent=sent_after - sent,
        received=received_after - received, seconds=seconds,
        latencies_ms=[1000 * outcome.elapsed_s for outcome in outcomes], wrong=wrong,
    )  # fmt: skip


def _settled(it: RealWorld) -> tuple[int, int]:
    """The link's counters once nothing moves any more (late answers, closing connections)."""
    before = it.packets()
    for _ in range(10):
        time.sleep(SETTLE_S)
        after = it.packets()
        if after == before:
            break
        before = after
    return before


class Progress:
    """A line per tenth of the work, for people who wait; an end when the resolver has ended."""

    def __init__(self, it: RealWorld, total: int, *, loud: bool) -> None:
        self._it = it
        self._total = total
        self._next = total // 10 if loud else total + 1

    def __call__(self, done: int) -> None:
        self._it.check_resolver()
        if done >= self._next:
            print(f"  {done} of {self._total}", file=sys.stderr, flush=True)
            self._next += max(1, self._total // 10)
