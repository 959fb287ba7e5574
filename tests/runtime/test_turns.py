"""Turns are short while hits come."""

from __future__ import annotations

import pytest
import trio

from resolver.limits import TURNS_IDLE_SECONDS
from resolver.runtime.turns import Turns
from tests.support import trio_test


@pytest.mark.reaches("TURNS_IDLE_SECONDS")
@trio_test
async def test_turns_are_long_again_when_no_hit_came_for_a_while() -> None:
    turns = Turns()
    short = [turns.is_short]
    turns.note_hits()
    for _ in range(2):
        await trio.sleep(TURNS_IDLE_SECONDS / 2)
        short.append(turns.is_short)
    assert short == [False, True, False]
