"""captive: for a while the network's own name servers, at an operator's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.daemon.captive import Captive
from resolver.daemon.operated import Hooks, Operated
from resolver.operate.captive import CAPTIVE
from resolver.operate.verb import Refused
from tests.daemon.reloading import ADDRESSES, Forwarder, House, addresses, ask, served
from tests.support import trio_test_real

if TYPE_CHECKING:
    from resolver.operate.verb import Reply

PORTAL = bytes([10, 0, 0, 1])
UPLINK = "192.0.2.250"
NAME = "www.example.com."
OFF = {"is_on": False, "left_s": 0, "servers": []}


def operated(house: House, *offered: str) -> Operated:
    house.network.attach(UPLINK, Forwarder(PORTAL))
    running = Operated(house.daemon)
    running.hooks = Hooks(captive=Captive(house.daemon, lambda: offered))
    return running


async def do(running: Operated, *words: str) -> Reply:
    given = CAPTIVE.arguments(**dict(zip(["time"], words, strict=False)))
    reply: Reply = await CAPTIVE.run(running, given)  # type: ignore[misc]
    return reply


@trio_test_real
async def test_it_begins_is_told_and_ends() -> None:
    async with served() as house:
        running = operated(house, UPLINK)
        assert await do(running) == OFF
        begun = await do(running, "5m")
        assert begun == {"is_on": True, "left_s": 300, "servers": [UPLINK]}
        assert addresses(await ask(house.port, NAME)) == [PORTAL]
        told = await do(running)
        assert told["is_on"]
        assert 290 <= told["left_s"] <= 300
        assert await do(running, "off") == OFF
        assert addresses(await ask(house.port, NAME)) == [ADDRESSES[NAME]]
        assert await do(running, "off") == OFF


@pytest.mark.parametrize("words", ["1s", "2h", "soon", ""])
@trio_test_real
async def test_what_is_no_time_changes_nothing(words: str) -> None:
    async with served() as house:
        running = operated(house, UPLINK)
        with pytest.raises(Refused, match="is no time from 10 s to 1 h"):
            await do(running, words)
        assert await do(running) == OFF


@trio_test_real
async def test_where_the_network_offers_nobody_it_is_refused() -> None:
    async with served() as house:
        running = operated(house)
        with pytest.raises(Refused, match="no name server of the network's"):
            await do(running, "5m")
        assert await do(running) == OFF


@trio_test_real
async def test_a_process_without_a_configuration_of_its_own_has_none() -> None:
    async with served() as house:
        with trio.fail_after(5), pytest.raises(Refused, match="no configuration"):
            await do(Operated(house.daemon))
