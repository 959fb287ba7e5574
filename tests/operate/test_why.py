"""why: what is known of a name, whose fault it is; and not one packet is sent to find out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trio

from resolver.config.schema import Config, Stub
from resolver.config.schema_local import Local
from resolver.config.schema_resolution import Resolution
from resolver.lab.authority import Manners
from resolver.lab.faults import Path
from resolver.limits import CHAIN_LENGTH
from resolver.model import Answer, Ede, Source
from resolver.operate.touched import said
from resolver.operate.why import WHY
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from tests.making import question
from tests.operate.operated import Desk, desk
from tests.recurse.household import WALL, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.world import World

WWW = question("www.example.net. A")
EXAMPLE = ("192.0.2.20", "192.0.2.21")


async def asked(it: Desk, name: str, rtype: str = "A") -> dict[str, Any]:
    sent = it.home.sent
    reply = await it.do(WHY, name=name, type=rtype)
    assert it.home.sent == sent
    return reply


def kill(world: World, *hosts: str) -> None:
    for host in hosts:
        world.faults.set(host, Path(dead=True))


@trio_test
async def test_what_is_kept_is_told_with_its_aliases_cuts_and_trust() -> None:
    async with desk(village(is_signed=True)) as it:
        await it.home.ask(question("alias.example.net. A"))
        reply = await asked(it, "alias.example.net")
        assert reply["because"].startswith(
            "alias.example.net. A, an alias to www.example.net., is told from memory for "
        )
        assert reply["because"].endswith(" s still, secure")
        assert [(one["name"], one["state"]) for one in reply["links"]] == [
            ("alias.example.net.", "kept"), ("www.example.net.", "kept"),
        ]  # fmt: skip
        assert [cut["zone"] for cut in reply["cuts"]] == [".", "net.", "example.net."]
        assert [cut["is_next"] for cut in reply["cuts"]] == [False, False, True]
        assert reply["cuts"][2]["servers"][0]["nameserver"].endswith(".example.net.")
        trust = {row["zone"]: row for row in reply["trust"]}
        assert trust["."]["anchor"]
        assert [trust[zone]["status"] for zone in (".", "net.", "example.net.")] == ["secure"] * 3


@trio_test
async def test_what_is_not_known_says_who_would_be_asked() -> None:
    async with desk(village()) as it:
        reply = await asked(it, "www.example.net")
        assert reply["because"].startswith("www.example.net. A is not known; servers of . would be")
        assert reply["links"] == [{"name": "www.example.net.", "type": "A", "state": "unknown"}]


@trio_test
async def test_a_dead_zone_is_theirs() -> None:
    world = village()
    async with desk(world) as it:
        await it.home.ask(question("www.glueless.net. A"))
        kill(world, *EXAMPLE)
        await it.home.pipeline.answer(WWW)
        reply = await asked(it, "www.example.net")
        assert "www.example.net. A failed 0 s ago" in reply["because"]
        assert "no server of example.net. (2) has answered" in reply["because"]
        assert reply["because"].endswith("it is theirs")
        assert reply["way"]["is_up"]
        assert "failure" in reply["links"][0]


@trio_test
async def test_what_is_over_is_said_to_be_kept_for_bad_times() -> None:
    world = village()
    async with desk(world) as it:
        await it.home.ask(WWW)
        await trio.sleep(400)
        reply = await asked(it, "www.example.net")
        assert "what is kept has been over for 1 min" in reply["because"]
        assert reply["links"][0]["state"] == "over"
        assert reply["links"][0]["left_s"] < -90


@trio_test
async def test_a_dead_link_is_ours() -> None:
    world = village()
    async with desk(world) as it:
        await it.home.ask(WWW)
        kill(world, *world.servers)
        for number in range(40):
            await it.home.pipeline.answer(question(f"n{number}.glueless.net. A"))
            await trio.sleep(5)
            if it.home.parts.dispatcher.is_offline:
                break
        reply = await asked(it, "other.example.net")
        assert reply["because"].startswith(
            "our own link is down: nobody answers on the way to the "
        )
        assert " the public tree, for " in reply["because"]
        assert not reply["way"]["is_up"]


@trio_test
async def test_bogus_data_says_what_is_wrong_with_it() -> None:
    world = village()
    for apex in ("example.net.", "net.", "."):
        spoils = frozenset({RRType.A}) if apex == "example.net." else frozenset[int]()
        world.sign(world.zones[names.from_text(apex)], wall=WALL, spoils=spoils)
    async with desk(world) as it:
        await it.home.pipeline.answer(WWW)
        reply = await asked(it, "www.example.net")
        assert reply["because"].startswith("www.example.net. A failed validation 0 s ago")
        assert "it is theirs" in reply["because"]
        assert "the signature over www.example.net. A" in reply["because"]
        assert reply["links"][0]["state"] == "bogus"


@trio_test
async def test_aliases_in_a_circle_are_theirs() -> None:
    async with desk(village()) as it:
        await it.home.pipeline.answer(question("here.example.net. A"))
        reply = await asked(it, "here.example.net")
        assert reply["because"] == (
            "here.example.net. A fails, for its aliases lead in a circle: it is theirs"
        )
        assert [one["name"] for one in reply["links"]] == [
            "here.example.net.",
            "there.example.net.",
        ]


@pytest.mark.reaches("CHAIN_LENGTH")
@trio_test
async def test_aliases_without_end_are_theirs() -> None:
    world = village()
    zone = world.zones[names.from_text("example.net.")]
    for number in range(CHAIN_LENGTH + 5):
        zone.add(f"n{number}", RRType.CNAME, zone.name(f"n{number + 1}"))
    async with desk(world) as it:
        for number in range(0, CHAIN_LENGTH + 5, 4):
            await it.home.pipeline.answer(question(f"n{number}.example.net. A"))
        reply = await asked(it, "n0.example.net")
        assert "its aliases are more than" in reply["because"]
        assert len(reply["links"]) == CHAIN_LENGTH


@trio_test
async def test_an_alias_is_told_with_the_cuts_and_the_trust_of_each_of_its_names() -> None:
    """Its own zone may be where it fails."""
    world = village()
    other = world.zones[names.from_text("glueless.net.")]
    other.add("out", RRType.CNAME, names.from_text("www.example.net."))
    for apex in ("glueless.net.", "example.net.", "net.", "."):
        world.sign(world.zones[names.from_text(apex)], wall=WALL)
    async with desk(world) as it:
        await it.home.ask(question("out.glueless.net. A"))
        reply = await asked(it, "out.glueless.net")
        zones = [".", "net.", "glueless.net.", "example.net."]
        assert [cut["zone"] for cut in reply["cuts"]] == zones
        assert [cut["zone"] for cut in reply["cuts"] if cut["is_next"]] == ["example.net."]
        trust = {row["zone"]: row for row in reply["trust"]}
        assert [trust[zone]["status"] for zone in zones] == ["secure"] * 4
        alone = await asked(it, "out.glueless.net", "CNAME")
        assert [one["name"] for one in alone["links"]] == ["out.glueless.net."]
        it.home.parts.memory.rrsets.drop(WWW.qname, RRType.A)
        broken = (await asked(it, "out.glueless.net"))["because"]
        assert broken.startswith("out.glueless.net. A is an alias to www.example.net.; www.example")


@trio_test
async def test_servers_that_refuse_are_at_fault_though_they_answer() -> None:
    world = village()
    for host in EXAMPLE:
        world.servers[host].manners = Manners(rcode=Rcode.REFUSED)
        world.faults.set(host, Path(0.01))
    async with desk(world) as it:
        await it.home.pipeline.answer(WWW)
        assert (await asked(it, "www.example.net"))["because"].endswith(
            "servers of example.net. answer, 2 of 2, but not this: it is theirs"
        )


@trio_test
async def test_what_is_answered_here_says_so() -> None:
    async with desk(village()) as it:
        reply = await asked(it, "localhost")
        assert reply["because"].startswith("it is answered here, without asking anybody")


@trio_test
async def test_a_stub_zone_and_a_negative_anchor_show() -> None:
    config = Config(stub=(Stub(zone="corp.example.net.", addresses=("198.51.100.9",)),))
    dnssec = msgspec.structs.replace(config.dnssec, negative_trust_anchors=("corp.example.net.",))
    config = msgspec.structs.replace(config, dnssec=dnssec)
    async with desk(village(is_signed=True), config) as it:
        reply = await asked(it, "www.corp.example.net")
        assert reply["cuts"][-1]["zone"] == "corp.example.net."
        assert reply["cuts"][-1]["left_s"] is None
        assert reply["way"]["is"] == "the servers for corp.example.net."
        assert {"zone": "corp.example.net.", "negative_anchor_left_s": None} in reply["trust"]


@trio_test
async def test_the_story_says_whom_it_would_ask_and_when_it_is_renewed() -> None:
    world = village()
    for host in EXAMPLE:
        world.servers[host].instance = b"nnn1-fra5"
        world.faults.set(host, Path(0.01))
    async with desk(world) as it:
        for number in range(4):
            await it.home.pipeline.answer(question(f"n{number}.example.net. A"))
        await it.home.ask(WWW)
        reply = await asked(it, "www.example.net")
        assert reply["links"][0]["renewal"] == {
            "when": "by who asks in its last 30 s, or later", "in_s": None,
        }  # fmt: skip
        (cut,) = [one for one in reply["cuts"] if one["is_next"]]
        assert " = nnn1-fra5 (Frankfurt?), udp, " in cut["asks"]
        assert " km at most, for " in cut["asks"]
        row = cut["servers"][0]
        assert row["instance"] == "nnn1-fra5"
        prefetch = it.home.parts.base.prefetch
        for _ in range(3):
            prefetch.heard(await it.home.ask(WWW), 0.0)
        prefetch.warm.entries[WWW].by_hand = True
        renewal = (await asked(it, "www.example.net"))["links"][0]["renewal"]
        assert renewal["when"] == "unasked, for it is kept warm"
        assert 0 < renewal["in_s"] < 300


@trio_test
async def test_the_story_names_the_policy_that_has_a_hand_in_it() -> None:
    world = village()
    zone = world.zones[names.from_text("example.net.")]
    zone.add_address("router", "192.168.1.1")
    config = Config(resolution=Resolution(rebinding=True))
    async with desk(world, config) as it:
        (local,) = (await asked(it, "localhost"))["policy"]
        assert (local["when"], local["does"]) == ("before", "answers NOERROR, local")
        await it.home.ask(question("router.example.net. A"))
        (after,) = (await asked(it, "router.example.net"))["policy"]
        assert (after["step"], after["when"]) == ("rebinding", "after")
        assert after["does"].startswith("makes it ")
        assert (await asked(it, "www.example.net"))["policy"] == []


@trio_test
async def test_what_a_list_or_a_record_of_ones_own_does_to_it_stands_in_the_sentence() -> None:
    text = "tv.home.arpa. 300 CNAME www.example.net."
    config = Config(local=Local(records=text))
    async with desk(village(), config) as it:
        await it.home.ask(WWW)
        reply = await asked(it, "tv.home.arpa")
        assert reply["because"].startswith(
            "tv.home.arpa. is made an alias to www.example.net. here; www.example.net. A is told"
        )
    ede = Ede(15, "list ads"), Ede(4)
    answer = Answer(WWW, Rcode.NOERROR, sources=(Source.BLOCKED,), ede=ede)
    assert said(answer) == "NOERROR, blocked: list ads"
