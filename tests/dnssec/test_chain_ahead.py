"""What a chain of trust will rest on is known from names, and nothing else is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from resolver import limits
from resolver.dnssec.chain_ahead import chain_ahead
from resolver.model import Question, RRset, Status
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.dnssec.signed_worlds import World, unsigned, usual_world, usual_zone

if TYPE_CHECKING:
    from resolver.model import Link


def forwarded(world: World, text: str, qtype: int = RRType.A) -> Link:
    """The link as a forwarder for everything gives it."""
    return replace(world.link(names.from_text(text), qtype), zone=names.ROOT)


def told(world: World, link: Link) -> list[tuple[str, int]]:
    return [(names.to_text(name), rtype) for name, rtype, *_ in chain_ahead(link, world.context())]


@pytest.mark.parametrize(
    "text", ["www.signed.test.", "nothing.signed.test.", "x.wild.signed.test."]
)
def test_of_signed_data_it_is_what_the_validator_goes_on_to_ask(text: str) -> None:
    world = usual_world()
    link = forwarded(world, text)
    ahead = told(world, link)
    assert world.validate_link(link).status is Status.SECURE
    assert sorted(ahead) == sorted(world.questions())
    assert len(ahead) == 5, "DNSKEY of the root; DS and DNSKEY of test. and of signed.test."


def test_what_is_known_is_not_asked_again() -> None:
    world = usual_world()
    world.validate("www.test.")
    assert told(world, forwarded(world, "www.signed.test.")) == [
        ("signed.test.", RRType.DS),
        ("signed.test.", RRType.DNSKEY),
    ]
    world.validate("www.signed.test.")
    assert told(world, forwarded(world, "www.signed.test.")) == []


@pytest.mark.parametrize("text", ["www.plain.test.", "nothing.plain.test."])
def test_of_unsigned_data_nothing_is_asked_in_vain(text: str) -> None:
    world = usual_world()
    link = forwarded(world, text)
    ahead = told(world, link)
    assert world.validate_link(link).status is Status.INSECURE
    assert set(ahead) <= set(world.questions())
    assert len(ahead) == 4, "DNSKEY of the root, DS and DNSKEY of test., DS of plain.test."
    assert told(world, link) == [], "it is known to be unsigned"


def test_the_question_itself_is_not_asked_again() -> None:
    world = usual_world()
    link = forwarded(world, "signed.test.", RRType.DNSKEY)
    assert ("signed.test.", RRType.DNSKEY) not in told(world, link)
    assert ("signed.test.", RRType.DS) in told(world, link)


def test_who_may_not_have_signed_leads_nowhere() -> None:
    """A signer beside the name, as a forger would write it."""
    world = usual_world()
    mine = forwarded(world, "www.signed.test.")
    other = world.link(names.from_text("www.test."), RRType.A)
    forged = tuple(one._replace(owner=names.from_text("www.other.")) for one in other.answer)
    link = replace(mine, question=Question(names.from_text("www.other."), RRType.A), answer=forged)
    assert all("test." not in name for name, _ in told(world, link))


def test_where_there_is_no_anchor_nothing_is_asked() -> None:
    world = usual_world()
    link = forwarded(world, "www.signed.test.")
    world.anchors.add_negative(names.from_text("signed.test."), 2.0 * world.wall)
    assert told(world, link) == []
    world.anchors.by_name.clear()
    world.anchors.negative.clear()
    assert told(world, link) == []


@pytest.mark.reaches("AHEAD_ZONES")
def test_a_deep_name_costs_no_more_than_others() -> None:
    """The top, where zones are, and the zone that signed."""
    root = usual_zone(".").sign()
    deep = usual_zone("g.f.e.d.c.b.a.").sign()
    world = World(root, deep)
    link = forwarded(world, "www.g.f.e.d.c.b.a.")
    asked = dict.fromkeys(name for name, _ in told(world, link))
    assert len(asked) == 1 + limits.AHEAD_ZONES
    assert list(asked) == [".", "a.", "b.a.", "c.b.a.", "g.f.e.d.c.b.a."]


def test_an_unsigned_name_tells_little() -> None:
    """Where its zone ends nobody says: a TLD and what is registered there, for all to see."""
    world = usual_world()
    link = unsigned(forwarded(world, "a.b.c.d.example."))
    link.answer = (RRset(names.from_text("a.b.c.d.example."), RRType.A, 60, (bytes(4),)),)
    link.authority = ()
    assert told(world, link) == [
        (".", RRType.DNSKEY),
        ("example.", RRType.DS),
        ("example.", RRType.DNSKEY),
        ("d.example.", RRType.DS),
    ]
