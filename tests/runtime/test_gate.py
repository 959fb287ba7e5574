"""Who waits for one thing together goes on a few at a turn of the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
import trio.testing

from resolver.runtime.gate import Gate
from tests.support import trio_test
from tests.turns import counted

if TYPE_CHECKING:
    from tests.turns import Turns


async def passes(gate: Gate, turns: Turns) -> None:
    await gate.wait()
    turns.note()


@trio_test
async def test_so_many_go_on_at_a_turn_as_it_is_wide() -> None:
    gate = Gate()
    with counted() as turns:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(passes, gate, turns)
            await trio.testing.wait_all_tasks_blocked()
            assert len(gate) == 20
            gate.open(width=3)
    assert sum(turns.counts) == 20
    assert max(turns.counts) == 3


@trio_test
async def test_who_leaves_keeps_nobody_from_going_on() -> None:
    """Some leave while it is shut, some when it is open and their turn has not come."""
    gate, gone = Gate(), 0

    async def waits(patience: trio.CancelScope) -> None:
        nonlocal gone
        with patience:
            await gate.wait()
            gone += 1

    scopes = [trio.CancelScope() for _ in range(20)]
    async with trio.open_nursery() as nursery:
        for scope in scopes:
            nursery.start_soon(waits, scope)
            await trio.testing.wait_all_tasks_blocked()
        for scope in scopes[:4]:
            scope.cancel()
        gate.open(width=2)
        for scope in scopes[8:12]:
            scope.cancel()
    assert (gone, len(gate)) == (12, 0)


@trio_test
async def test_an_open_gate_keeps_nobody() -> None:
    gate = Gate()
    gate.open(width=1)
    with trio.fail_after(1):
        await gate.wait()
