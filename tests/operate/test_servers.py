"""servers: of a zone or of all, the nearest first, and whether they answer."""

from __future__ import annotations

import pytest
import trio

from resolver.config.schema import Config, Stub
from resolver.lab.faults import Path
from resolver.limits import SHOWN_ROWS
from resolver.model import Verdict
from resolver.operate.servers import SERVERS
from resolver.protocol.transport import Transport
from resolver.upstream.server_state import EdnsState
from tests.making import name, question
from tests.operate.operated import desk
from tests.recurse.household import village
from tests.support import trio_test

WWW = question("www.example.net. A")


@trio_test
async def test_of_a_zone_all_addresses_are_told_the_nearest_first() -> None:
    world = village()
    world.faults.set("192.0.2.20", Path(delay_s=0.2))
    world.faults.set("192.0.2.21", Path(delay_s=0.01))
    async with desk(world) as it:
        await it.home.ask(WWW)
        states = it.home.parts.infra.states
        for host, rtt_s in (("192.0.2.20", 0.2), ("192.0.2.21", 0.01)):
            state = it.home.parts.infra.state_of((host, 53, Transport.UDP, ""))
            it.home.parts.infra.note_answer(state, rtt_s, trio.current_time())
        far = states[("192.0.2.20", 53, Transport.UDP, "")]
        it.home.parts.infra.mark(far, name("example.net."), Verdict.LAME, trio.current_time())
        far.note_edns(EdnsState.BROKEN, trio.current_time())
        reply = await it.do(SERVERS, zone="www.example.net")
        assert (reply["zone"], reply["known"]) == ("example.net.", 2)
        near, other = reply["servers"]
        assert (near["address"], other["address"]) == ("192.0.2.21", "192.0.2.20")
        assert near["nameserver"] == "ns2.example.net."
        assert near["state"] == "answers"
        assert near["rtt_ms"] < other["rtt_ms"]
        assert (other["passed_over"], other["edns"]) == ("lame", "broken")
        assert "passed_over" not in near


@trio_test
async def test_silence_shows() -> None:
    world = village()
    for host in ("192.0.2.20", "192.0.2.21"):
        world.faults.set(host, Path(dead=True))
    async with desk(world) as it:
        await it.home.pipeline.answer(WWW)
        reply = await it.do(SERVERS, zone="example.net")
        assert {row["state"] for row in reply["servers"]} == {"silent"}
        assert {row["answered_s_ago"] for row in reply["servers"]} == {None}


@trio_test
async def test_a_configured_zone_says_so_and_its_servers_have_no_names() -> None:
    config = Config(stub=(Stub(zone="corp.", addresses=("198.51.100.9",)),))
    async with desk(village(), config) as it:
        reply = await it.do(SERVERS, zone="host.corp")
        assert (reply["zone"], reply["configured"]) == ("corp.", "stub")
        (row,) = reply["servers"]
        assert (row["address"], row["state"]) == ("198.51.100.9", "new")
        assert "nameserver" not in row


@pytest.mark.reaches("SHOWN_ROWS")
@trio_test
async def test_of_very_many_the_nearest_are_told_and_how_many_there_are() -> None:
    async with desk(village()) as it:
        infra = it.home.parts.infra
        before = len(infra)
        for number in range(SHOWN_ROWS + 10):
            infra.state_of((f"10.0.{number >> 8}.{number & 255}", 53, Transport.UDP, ""))
        reply = await it.do(SERVERS)
        assert reply["known"] == before + SHOWN_ROWS + 10
        assert len(reply["servers"]) == SHOWN_ROWS
        assert "zone" not in reply
