"""A breaker opens after failures running, and is tried again ever later until it is of use."""

from __future__ import annotations

from random import Random

from resolver.runtime.breaker import Breaker, State


class _Never(Random):
    """Chance takes nothing away."""

    def random(self) -> float:
        return 1.0


def _closed() -> Breaker:
    breaker = Breaker(failures=3, least_s=1.0, most_s=4.0)
    breaker.try_again()
    breaker.close()
    return breaker


def test_it_begins_open_and_one_try_decides() -> None:
    breaker = Breaker(failures=3, least_s=1.0, most_s=4.0)
    assert (breaker.state, breaker.is_closed) == (State.OPEN, False)
    breaker.try_again()
    assert breaker.state is State.HALF_OPEN
    breaker.close()
    assert breaker.is_closed


def test_only_failures_running_are_too_many() -> None:
    breaker = _closed()
    assert [breaker.note_failure(), breaker.note_failure()] == [False, False]
    breaker.note_use()
    said = [breaker.note_failure() for _ in range(3)]
    assert said == [False, False, True]


def test_only_what_was_closed_counts_as_opened() -> None:
    breaker = _closed()
    breaker.open()
    breaker.open()
    breaker.try_again()
    breaker.open()
    assert breaker.opened == 1


def test_pauses_double_up_to_the_most_and_begin_anew_after_use() -> None:
    breaker, rng = _closed(), _Never()
    assert [breaker.pause_s(rng) for _ in range(4)] == [1.0, 2.0, 4.0, 4.0]
    breaker.close()  # connected, and of no use yet
    assert breaker.pause_s(rng) == 4.0
    breaker.note_use()
    assert breaker.pause_s(rng) == 1.0


def test_half_of_a_pause_is_chance() -> None:
    made = (Breaker(failures=1, least_s=1.0, most_s=4.0) for _ in range(50))
    found = [breaker.pause_s(Random(seed)) for seed, breaker in enumerate(made)]
    assert 0.5 <= min(found) < 0.6
    assert 0.9 < max(found) <= 1.0
