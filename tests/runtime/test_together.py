"""What is sent together: in order, once, at the end of a turn or sooner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver.limits import SENT_TOGETHER
from resolver.runtime.together import Together
from resolver.runtime.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Sequence


class Sent:
    """What was sent, by the call. *fails*: there is no memory for the next."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.fails = False

    def __call__(self, what: Sequence[int]) -> None:
        if self.fails:
            raise MemoryError
        self.calls.append([*what])


def counted() -> Turns:
    turns = Turns()
    turns.number = 1
    return turns


def test_it_waits_for_the_end_of_the_turn() -> None:
    turns, sent = counted(), Sent()
    together = Together(turns, sent)
    together.add(1)
    together.add(2)
    assert sent.calls == []
    turns.end()
    assert (sent.calls, turns.ending) == ([[1, 2]], [])
    turns.end()
    together.flush()
    assert sent.calls == [[1, 2]]


@pytest.mark.reaches("SENT_TOGETHER")
def test_many_do_not_wait() -> None:
    turns, sent = counted(), Sent()
    together = Together(turns, sent)
    for number in range(SENT_TOGETHER + 1):
        together.add(number)
    assert sent.calls == [[*range(SENT_TOGETHER)]]
    turns.end()
    assert sent.calls[1:] == [[SENT_TOGETHER]]


def test_nobody_waits_where_nobody_counts_turns() -> None:
    turns, sent = Turns(), Sent()
    together = Together(turns, sent)
    together.add(1)
    together.add(2)
    assert (sent.calls, turns.ending) == ([[1], [2]], [])


def test_what_there_is_no_memory_for_is_lost_and_all_else_is_sent() -> None:
    turns, sent, other = counted(), Sent(), Sent()
    one, two = Together(turns, sent), Together(turns, other)
    one.add(1)
    two.add(2)
    sent.fails = True
    turns.end()
    sent.fails = False
    one.add(3)
    turns.end()
    assert (sent.calls, other.calls) == ([[3]], [[2]])
