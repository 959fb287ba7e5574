"""Where several servers that used to answer are silent, the others are asked two at a time."""

from __future__ import annotations

from collections import Counter

import pytest
import trio

from resolver import limits
from resolver.lab.faults import Path
from resolver.model import Server
from tests.support import trio_test
from tests.upstream.virtual_servers import World

HOSTS = [f"192.0.{number}.1" for number in range(8)]


async def sends_at(*dead: str) -> Counter[float]:
    """How many packets left at each moment for one question, while *dead* of eight are silent."""
    world = World()
    moments: Counter[float] = Counter()
    for number, host in enumerate(HOSTS):
        world.serve(host, rtt_s=0.02 + number / 1000)

    async def story() -> None:
        for host in HOSTS[:3]:
            await world.ask(host)
        for host in dead:
            world.faults.set(host, Path(dead=True))
        await trio.sleep(1)
        world.network.observers.append(
            lambda packet: moments.update(
                [trio.current_time()] if packet.destination[1] == Server("").port else []
            )
        )
        await world.ask(*HOSTS)

    await world.run(story)
    return moments


@pytest.mark.reaches("DYING_SERVERS")
@trio_test
async def test_behind_known_servers_that_are_silent_two_are_asked_at_a_time() -> None:
    """One of eight was left, and each had its turn alone: 0.8 s."""
    moments = await sends_at(*HOSTS[:-1])
    assert max(moments.values()) == limits.RACE_WIDTH


@trio_test
async def test_one_silent_server_has_the_next_asked_alone() -> None:
    moments = await sends_at(HOSTS[0])
    assert max(moments.values()) == 1
