"""Forward and stub zones below a signed parent, and negative anchors: asked, whatever is proven."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from resolver.config.schema import Config, Forward, Stub
from resolver.errors import ResolutionFailed
from resolver.model import Status
from resolver.protocol.codes import Rcode, RRType
from tests.making import question
from tests.recurse.household import WALL, budget, house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.world import World

CORP = "corp.example.net."
HOST = "192.0.2.66"
INSIDE = question(f"www.{CORP} A")
LEARNT = ["corp.example.net. DS", "coq.example.net. A", "cos.example.net. TXT"]


def secret_world() -> World:
    """A signed village that proves away corp.example.net., which one server of ours has."""
    world = village()
    corp = world.zone(CORP)
    world.serve(corp, "ns1", HOST)
    corp.add_address("www", "192.0.2.67")
    example = world.zones[question("example.net. A").qname]
    example.add("inside", RRType.CNAME, INSIDE.qname)
    for apex in ("example.net.", "net.", "."):
        world.sign(world.zones[question(f"{apex} A").qname], wall=WALL)
    return world


def configured(kind: str, *, is_waived: bool = True) -> Config:
    config = Config()
    corp: dict[str, Any] = {"zone": CORP, "addresses": (HOST,)}
    dnssec = msgspec.structs.replace(
        config.dnssec, negative_trust_anchors=(CORP,) if is_waived else ()
    )
    if kind == "stub":
        return msgspec.structs.replace(config, stub=(Stub(**corp),), dnssec=dnssec)
    forward = Forward(**corp, first=kind == "first")
    return msgspec.structs.replace(config, forward=(forward,), dnssec=dnssec)


@pytest.mark.parametrize("kind", ["forward", "first", "stub"])
@pytest.mark.parametrize("learnt", LEARNT)
@pytest.mark.parametrize("way", ["checked", "cd"])
@trio_test
async def test_a_configured_zone_is_asked_whatever_is_proven_above_it(
    kind: str, learnt: str, way: str
) -> None:
    """Its name's NXDOMAIN, by its DS, or the gap that a neighbour's denial proved (RFC 8198)."""
    checking = way == "checked"
    async with house(secret_world(), configured(kind)) as home:
        assert (await home.ask(question(learnt))).rcode == Rcode.NXDOMAIN
        for asked in (INSIDE, question("inside.example.net. A")):
            answer = await home.resolver.resolve(asked, budget(), checking=checking)
            assert answer.rcode == Rcode.NOERROR
            assert answer.answer[-1].rdatas == (bytes([192, 0, 2, 67]),)
        gone = await home.resolver.resolve(question(f"x.{CORP} A"), budget(), checking=checking)
        assert gone.rcode == Rcode.NXDOMAIN
        apex = await home.resolver.resolve(question(f"{CORP} NS"), budget(), checking=checking)
        assert apex.rcode == Rcode.NOERROR


@pytest.mark.parametrize("kind", ["forward", "stub"])
@trio_test
async def test_without_a_negative_anchor_it_is_bogus_not_absent(kind: str) -> None:
    """A signed parent says that it is not there; the operator must say that this is known."""
    async with house(secret_world(), configured(kind, is_waived=False)) as home:
        await home.ask(question(LEARNT[1]))
        with pytest.raises(ResolutionFailed):
            await home.ask(INSIDE)


@pytest.mark.rfc("RFC 7646 §2")
@trio_test
async def test_a_name_under_a_negative_anchor_is_asked_and_not_secure() -> None:
    config = Config()
    waived = msgspec.structs.replace(config.dnssec, negative_trust_anchors=(CORP,))
    config = msgspec.structs.replace(config, dnssec=waived)
    async with house(secret_world(), config) as home:
        for learnt in LEARNT:
            await home.ask(question(learnt))
        sent = home.sent
        answer = await home.ask(INSIDE)
        assert (answer.rcode, answer.status) == (Rcode.NXDOMAIN, Status.INSECURE)
        assert home.sent > sent


@pytest.mark.parametrize("kind", ["forward", "stub"])
@pytest.mark.parametrize("way", ["checked", "cd"])
@trio_test
async def test_of_a_split_horizon_the_operators_side_is_seen(kind: str, way: str) -> None:
    """The public zone has the name too, signed, and its server appends it to an alias."""
    world = secret_world()
    example = world.zones[question("example.net. A").qname]
    example.add_address("www.corp", "203.0.113.67")
    world.anchors.clear()
    for apex in ("example.net.", "net.", "."):
        zone = world.zones[question(f"{apex} A").qname]
        world.parent_of(zone.apex).data.get(zone.apex, {}).pop(RRType.DS, None)
    for apex in ("example.net.", "net.", "."):
        world.sign(world.zones[question(f"{apex} A").qname], wall=WALL)
    async with house(world, configured(kind)) as home:
        for asked in (question("inside.example.net. A"), INSIDE):
            answer = await home.resolver.resolve(asked, budget(), checking=way == "checked")
            assert answer.answer[-1].rdatas == (bytes([192, 0, 2, 67]),)
