"""When nothing is renewed ahead of need: while we are busy or late, and what is nobody's habit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trio

from resolver.config.schema import Config, Resolution
from resolver.daemon.renewing import keep_renewing
from resolver.lab.virtual_time import VirtualClock
from resolver.limits import (
    PREFETCH_LAG_SECONDS,
)
from resolver.recurse.prefetch import NEVER, Prefetch
from tests.making import question
from tests.recurse.household import house
from tests.recurse.test_prefetch import LAMP, WWW, street
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.model import Question
    from resolver.runtime.clock import Clock


class Known:
    """Renewals that all succeed at once, for a packet each, and last a minute."""

    sent = 1000
    is_busy = False

    def __init__(self, clock: Clock) -> None:
        self.begun: list[Question] = []
        self._clock = clock
        self._ends: dict[Question, float] = {}

    def left(self, question: Question, now: float) -> tuple[float, Question]:
        return max(self._ends.get(question, 0.0) - now, 0.0), question

    def begin(self, question: Question, done: Any) -> bool:
        self.begun.append(question)
        self._ends[question] = self._clock.now() + 60
        done(1)
        return True

    def above(self, question: Question, now: float) -> list[Any]:
        del question, now
        return []

    def rtt_s(self, question: Question) -> float:
        del question
        return 0.0

    def is_barred(self, question: Question) -> bool:
        del question
        return False


@trio_test
async def test_nothing_is_renewed_while_we_are_busy() -> None:
    clock = VirtualClock()
    prefetch, known = Prefetch(clock), Known(clock)
    known.is_busy = True
    prefetch.go_by(known, (WWW,))
    assert prefetch.tick() == clock.now() + 1
    assert known.begun == []
    known.is_busy = False
    prefetch.tick()
    assert known.begun == [WWW]


@pytest.mark.reaches("PREFETCH_LAG_SECONDS")
@pytest.mark.parametrize(("lag_s", "renewed"), [(0.019, True), (0.021, False)])
def test_nothing_is_renewed_while_the_event_loop_is_late(lag_s: float, *, renewed: bool) -> None:
    """A clock that is faster than what is slept by, so much in each second."""
    assert PREFETCH_LAG_SECONDS == 0.02

    @trio_test
    async def story() -> None:
        clock = VirtualClock()
        began = clock.now()
        fast = SimpleNamespace(
            now=lambda: began + (clock.now() - began) * (1 + lag_s), wall=clock.wall
        )
        prefetch, known = Prefetch(fast), Known(fast)
        async with trio.open_nursery() as nursery:
            at_once = trio.Event()
            at_once.set()
            nursery.start_soon(keep_renewing, prefetch, fast, at_once)
            await trio.sleep(1)
            prefetch.go_by(known, (WWW,))
            await trio.sleep(120)
            assert (len(known.begun) > 1) == renewed
            nursery.cancel_scope.cancel()

    story()


@trio_test
async def test_what_is_heard_while_nothing_is_renewed_leaves_no_trace() -> None:
    async with house(street()) as home:
        answer = await home.ask(LAMP)
        idle = Prefetch(home.parts.clock)
        assert idle.heard(answer, 0.0) == NEVER
        assert len(idle.warm) == 0
        assert idle.tick() == NEVER


@trio_test
async def test_private_addresses_names_are_nobodys_habit() -> None:
    config = Config(resolution=msgspec.structs.replace(Resolution(), local_zones=False))
    async with house(street(), config) as home:
        renewals = home.parts.renewals
        assert renewals is not None
        assert renewals.is_barred(question("1.0.168.192.in-addr.arpa. PTR"))
        assert renewals.is_barred(question("lamp.example.net. ANY"))
        assert not renewals.is_barred(LAMP)
