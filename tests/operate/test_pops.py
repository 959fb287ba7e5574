"""pops: which instances answer, how far away, where; and, on demand, by their own word."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from resolver.cli.control_shown import shown
from resolver.config.schema import Config
from resolver.config.schema_geo import Geo
from resolver.geo import codes
from resolver.geo.distance import PartialOutage
from resolver.lab.faults import Path
from resolver.model import Server
from resolver.operate import geography as geography_module
from resolver.operate import pops as pops_module
from resolver.operate.geography import distances, measured
from resolver.operate.pops import POPS, PROBE
from resolver.operate.servers import SERVERS
from resolver.operate.status import STATUS
from resolver.operate.verb import Refused
from resolver.operate.why import WHY
from resolver.upstream.instance import KeptInstance
from resolver.upstream.server_state import Hint
from tests.making import question
from tests.operate.operated import Desk, desk
from tests.recurse.household import village
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from resolver.lab.world import World

WWW = question("www.example.net. A")
NS1, NS2, ROOT = "192.0.2.20", "192.0.2.21", "198.41.0.4"


def anycast(**instances: bytes) -> World:
    world = village()
    for host, path in ((NS1, Path(0.002)), (NS2, Path(0.1))):
        world.faults.set(host, path)
    for host, instance in instances.items():
        world.servers[host].instance = instance
    return world


async def met(it: Desk, world: World, host: str) -> None:
    """The server was asked, and said which instance it is."""
    state = it.home.parts.infra.state(Server(host))
    rtt_s = 2 * world.faults.path(host, trio.current_time()).delay_s
    it.home.parts.infra.note_answer(state, rtt_s, trio.current_time())
    if world.servers[host].instance:
        state.watch.note(world.servers[host].instance, rtt_s, trio.current_time())


async def of(it: Desk, host: str) -> dict[str, Any]:
    reply = await it.do(POPS, of=(host,))
    (row,) = reply["servers"]
    return dict(row)


@trio_test
async def test_what_servers_say_is_learnt_as_questions_go_to_them() -> None:
    world = anycast(**{NS1: b"nnn1-fra5", NS2: b"\x1b[2Jowned"})
    async with desk(world) as it:
        for number in range(12):
            await it.home.pipeline.answer(question(f"n{number}.example.net. A"))
        sent = it.home.sent
        reply = await it.do(POPS, of=("example.net",))
        assert it.home.sent == sent
        near = reply["servers"][0]
        assert near["address"] == NS1
        assert near["instance"] == "nnn1-fra5"
        assert near["place"] == {
            "code": "FRA", "city": "Frankfurt", "country": "DE", "fits": True, "text": "Frankfurt?",
        }  # fmt: skip
        assert (near["distance"], near["bound_km"]) == ("local", 400)
        assert near["least_with_ms"] == pytest.approx(4.0)
        assert near["nameserver"].endswith("example.net.")
        assert reply["geography"]["access_ms"] == pytest.approx(4.0)


@trio_test
async def test_a_place_that_cannot_be_is_said_to_be_claimed() -> None:
    world = anycast(**{NS1: b"nnn1-fra5", NS2: b"gpdns-ams", ROOT: b"nnn1-sin5"})
    world.faults.set(NS2, Path(0.02))
    world.faults.set(ROOT, Path(0.0015))
    async with desk(world) as it:
        for host in (NS1, NS2, ROOT):
            await met(it, world, host)
        row = await of(it, ROOT)
        assert not row["place"]["fits"]
        assert row["place"]["text"] == "says SIN, but 3.0 ms from you"
        assert (await of(it, NS1))["place"]["fits"]
        page = "\n".join(shown("pops", await it.do(POPS)))
        assert "nnn1-sin5 (says SIN, but 3.0 ms from you)" in page


@trio_test
async def test_word_against_word_is_said_to_be_that() -> None:
    world = anycast(**{NS1: b"nnn1-fra5", ROOT: b"nnn1-sin5"})
    world.faults.set(ROOT, Path(0.0015))
    async with desk(world) as it:
        for host in (NS1, ROOT):
            await met(it, world, host)
        for host, code in ((NS1, "FRA"), (ROOT, "SIN")):
            place = (await of(it, host))["place"]
            assert (place["fits"], place["text"]) == (
                False,
                f"says {code}, which another one denies",
            )


@trio_test
async def test_what_is_remembered_of_an_earlier_run_is_held_against_the_rest_too() -> None:
    world = anycast(**{NS1: b"nnn1-fra5", NS2: b"gpdns-ams", ROOT: b"nnn1-sin5"})
    world.faults.set(NS2, Path(0.02))
    async with desk(world) as it:
        for host in (NS1, NS2):
            await met(it, world, host)
        state = it.home.parts.infra.state(Server(ROOT))
        state.expect(Hint(math.log(0.003), 0.2))
        state.watch.take_back(
            [KeptInstance(b"nnn1-sin5".hex(), 9.0, 9.0, 0.003)], away_s=5.0, now=0.0
        )
        assert (await of(it, ROOT))["place"]["text"] == "says SIN, but 3.0 ms from you"
        assert "bound_km" not in await of(it, ROOT)  # the machine may stand elsewhere now


@trio_test
async def test_what_servers_say_is_inert_on_a_terminal() -> None:
    hostile = "\x1b]0;x\x07\u202eevil\r\n".encode()
    world = anycast(**{NS1: hostile, NS2: b"<script>alert(1)</script>"})
    async with desk(world) as it:
        for host in (NS1, NS2):
            await met(it, world, host)
        it.home.parts.infra.state(Server(NS1)).watch.note(b"\x9b31m", 0.2, trio.current_time())
        for verb, given in ((POPS, {}), (SERVERS, {}), (WHY, {"name": "www.example.net"})):
            reply = await it.do(verb, **given)
            lines = list(shown(verb.name, reply))
            assert all(line.isprintable() for line in lines)
        row = await of(it, NS1)
        assert row["instance"] == "0x9b33316d"
        assert row["earlier"][0]["instance"] == "0x" + hostile.hex()


@trio_test
async def test_an_instance_that_moved_is_shown_with_old_new_and_when() -> None:
    world = anycast(**{NS1: b"nnn1-fra5"})
    async with desk(world) as it:
        await met(it, world, NS1)
        await trio.sleep(7200)
        world.servers[NS1].instance = b"nnn1-sin5"
        world.faults.set(NS1, Path(0.09))
        await met(it, world, NS1)
        await trio.sleep(60)
        row = await of(it, NS1)
        assert (row["instance"], row["instance_since_s"]) == ("nnn1-sin5", 60.0)
        (before,) = row["earlier"]
        assert (before["instance"], before["place"]) == ("nnn1-fra5", "Frankfurt")
        assert "nameserver" not in row
        assert before["last_s_ago"] == 7260.0
        assert row["bound_km"] == 18_000  # what was near says nothing any more
        assert "unstable" not in row
        world.servers[NS1].instance = b"nnn1-fra5"
        await trio.sleep(60)
        await met(it, world, NS1)
        assert "unstable" not in await of(it, NS1)  # two hours and more lie between
        world.servers[NS1].instance = b"nnn1-sin5"
        await met(it, world, NS1)
        assert (await of(it, NS1))["unstable"]
        page = "\n".join(shown("pops", await it.do(POPS)))
        assert f"  {NS1}  nnn1-fra5 (Frankfurt?) until 0 s ago, 4.0 ms at best" in page


@trio_test
async def test_status_and_servers_say_where_far_begins() -> None:
    world = anycast()
    async with desk(world, Config(geo=Geo(far_ms=150.0))) as it:
        await it.home.ask(WWW)
        for host in (NS1, NS2):
            await met(it, world, host)
        for verb in (STATUS, SERVERS):
            told = (await it.do(verb))["geography"]
            assert (told["link_ms"], told["link_from"]) == (150.0, "configured")
            assert told["far"] >= 1
        rows = {row["address"]: row for row in (await it.do(SERVERS))["servers"]}
        assert rows[NS2]["distance"] == "far"
        assert rows[NS1]["distance"] == "local"


@trio_test
async def test_what_an_outage_showed_of_a_server_counts_for_more_than_its_round_trip() -> None:
    world = anycast()
    async with desk(world) as it:
        for host in (NS1, NS2):
            await met(it, world, host)
        parts = it.home.parts
        assert distances(parts).is_far(200.0, NS2)
        hosts = frozenset({NS2}), frozenset({NS1})
        parts.dispatcher.shared.experiments.kept.append(PartialOutage(0.0, 60.0, *hosts))
        assert (await of(it, NS2))["distance"] == "regional"
        assert (await of(it, NS1))["distance"] == "far"


@trio_test
async def test_names_are_told_of_servers_that_everybody_asks_and_of_no_others() -> None:
    """Else who may only look would see which zones clients ask for."""
    world = anycast(**{NS1: b"ns1", "192.0.2.10": b"nnn1-fra5", ROOT: b"nnn1-ams5"})
    async with desk(world) as it:
        await it.home.ask(WWW)
        for host in (NS1, "192.0.2.10", ROOT):
            await met(it, world, host)
        rows = {row["address"]: row for row in (await it.do(POPS))["servers"]}
        assert rows["192.0.2.10"]["nameserver"].endswith(".")
        assert rows[ROOT]["nameserver"] == "a.root-servers.net."
        assert "nameserver" not in rows[NS1]


@trio_test
async def test_nothing_is_known_at_first() -> None:
    world = anycast()
    async with desk(world) as it:
        reply = await it.do(POPS)
        assert reply["servers"] == []
        assert list(shown("pops", reply)) == [
            "servers: none measured yet",
            "no instance is known: servers are asked as questions go to them",
        ]
        reply = await it.do(POPS, of=("192.0.2.99",))
        assert reply["servers"] == []
        assert list(shown("pops", reply))[1:] == ["192.0.2.99 was not asked yet"]
        with pytest.raises(Refused):
            await it.do(POPS, of=("a..b",))


@pytest.mark.reaches("POPS_SECONDS", "POPS_ASKED")
@trio_test
async def test_on_demand_servers_are_asked_by_the_names_of_rfc_4892(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One query a second, and NSID beside it; a refusal is an answer, and blames nobody."""
    set_limit(monkeypatch, pops_module, "POPS_ASKED", 2)
    world = anycast(**{NS1: b"nnn1-fra5"})
    async with desk(world) as it:
        await it.home.ask(WWW)
        began, sent = trio.current_time(), it.home.sent
        items = await it.items(PROBE, of=("example.net", ROOT))
        assert it.home.sent - sent == 4
        assert 3.0 <= trio.current_time() - began < 5.0
        rows = {item["server"]["address"]: item["server"] for item in items[:-1]}
        assert len(rows) == 2
        assert rows[NS1]["chaos"] == {"id.server.": "nnn1-fra5", "hostname.bind.": "nnn1-fra5"}
        assert rows[NS1]["instance"] == "nnn1-fra5"
        (other,) = rows.keys() - {NS1}
        assert rows[other]["chaos"] == {"id.server.": None, "hostname.bind.": None}
        assert not it.home.parts.infra.state(Server(other)).marks
        assert items[-1]["known"] == 3
        lines = [line for item in items for line in shown("probe", item)]
        assert any("id.server. nnn1-fra5, hostname.bind. nnn1-fra5" in line for line in lines)


@trio_test
async def test_of_a_zone_that_is_not_known_that_is_said() -> None:
    """What is shown then is whom it would ask."""
    async with desk(anycast()) as it:
        await it.home.ask(WWW)
        assert (await it.do(POPS, of=("example.net",)))["notes"] == []
        reply = await it.do(POPS, of=("www.example.net", "nosuch"))
        assert reply["notes"] == [
            "no servers of www.example.net. are known: those of example.net.",
            "no servers of nosuch. are known: those of .",
        ]
        assert reply["notes"][1] in list(shown("pops", reply))


@trio_test
async def test_an_address_that_was_never_asked_is_asked_on_demand() -> None:
    world = anycast(**{NS1: b"nnn1-fra5"})
    async with desk(world) as it:
        first, last = await it.items(PROBE, of=(NS1,))
        assert first["server"]["chaos"]["id.server."] == "nnn1-fra5"
        assert first["server"]["instance"] == "nnn1-fra5"
        assert last["notes"] == []


@trio_test
async def test_a_server_that_is_silent_is_said_to_say_nothing() -> None:
    world = anycast(**{NS1: b"nnn1-fra5"})
    async with desk(world) as it:
        await it.home.ask(WWW)
        world.faults.set(NS1, Path(dead=True))
        items = await it.items(PROBE, of=(NS1,))
        assert items[0]["server"]["chaos"] == {"id.server.": None, "hostname.bind.": None}


@pytest.mark.reaches("DISTANCES_READ", "CLAIMS_READ")
@trio_test
async def test_a_report_looks_at_a_fair_part_of_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, geography_module, "CLAIMS_READ", 1)
    world = anycast(**{NS1: b"nnn1-fra5", NS2: b"nnn1-ams5"})
    async with desk(world) as it:
        parts = it.home.parts
        for number in range(40):
            state = parts.infra.state(Server(f"203.0.113.{number}"))
            parts.infra.note_answer(state, 0.05 + number / 1000, trio.current_time())
        for host in (NS1, NS2):
            await met(it, world, host)
        assert len(measured(parts)) >= 42
        report = geography_module.Geography(parts)
        assert [claim.place.code for claim in report._agreement.standing] == ["FRA"]
        set_limit(monkeypatch, geography_module, "DISTANCES_READ", 5)
        assert 4 <= geography_module.Geography(parts).summary()["measured"] <= 6


@trio_test
async def test_airports_are_read_for_the_next_report_once_one_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codes, "AIRPORTS", fresh := codes.Airports())
    monkeypatch.setattr(geography_module, "AIRPORTS", fresh)
    geography_module._placed.cache_clear()
    world = anycast(**{NS1: b"nnn1-brn5"})
    async with desk(world) as it:
        await met(it, world, NS1)
        assert "place" not in await of(it, NS1)
        await trio.testing.wait_all_tasks_blocked()
        assert (await of(it, NS1))["place"]["country"] == "CH"
