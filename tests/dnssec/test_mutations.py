"""One octet changed anywhere in what proves an answer: secure becomes bogus, never insecure.

The world has one key and one signature per role, so nothing can stand in for what was damaged. The
changed record goes through our own parser first: what it refuses never reaches the validator. Left
out: TTLs, and the case of letters in names (neither is signed as such).
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from resolver.errors import WireError
from resolver.model import Link, RRset, Status
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.message import Record
from resolver.protocol.wire import build, parse_untrusted
from tests.dnssec.signed_worlds import World, usual_world
from tests.dnssec.signed_zones import Hashed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.dnssec.steps import Need

pytestmark = pytest.mark.heavy
FLIPS = (0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80)  # 0x20 is a letter's case
CASES = [
    ("www.signed.test.", RRType.A, None),
    ("alias.signed.test.", RRType.A, None),
    ("www.signed.test.", RRType.TXT, None),
    ("nothing.signed.test.", RRType.A, None),
    ("nothing.signed.test.", RRType.A, Hashed(1, b"s")),
    ("www.signed.test.", RRType.TXT, Hashed(1, b"s")),
    ("a.wild.signed.test.", RRType.A, Hashed(1, b"s")),
]
PLAIN = [("www.plain.test.", RRType.A, None), ("www.plain.test.", RRType.A, Hashed(1, b"s"))]


def accepted(rrset: RRset) -> bool:
    """True if our parser takes the records of *rrset*."""
    records = [Record(rrset.owner, rrset.rtype, 1, 60, rdata) for rdata in rrset.rdatas]
    records += [Record(rrset.owner, RRType.RRSIG, 1, 60, rdata) for rdata in rrset.signatures]
    try:
        parse_untrusted(raw(records))
    except WireError:
        return False
    return True


def raw(records: list[Record]) -> bytes:
    """A message whose rdata is written as it is, not as what it should be."""
    head = build(
        id=0, flags=0x8000, question=None, answer=(), authority=(), additional=(), edns=None,
        max_size=65_535,
    )  # fmt: skip
    body = b"".join(
        one.owner
        + one.rtype.to_bytes(2, "big")
        + b"\0\1\0\0\0\x3c"
        + len(one.rdata).to_bytes(2, "big")
        + one.rdata
        for one in records
    )
    return head[:6] + len(records).to_bytes(2, "big") + head[8:] + body


def variants(rrset: RRset, rng: random.Random) -> Iterator[RRset]:
    """*rrset* with each octet of its rdata and of its signatures changed once."""
    for rdatas in damaged_once(rrset.rdatas, rng):
        yield rrset._replace(rdatas=rdatas)
    for signatures in damaged_once(rrset.signatures, rng):
        yield rrset._replace(signatures=signatures)


def damaged_once(whole: tuple[bytes, ...], rng: random.Random) -> Iterator[tuple[bytes, ...]]:
    for number, octets in enumerate(whole):
        for at in range(len(octets)):
            changed = bytearray(octets)
            changed[at] ^= rng.choice(FLIPS)
            yield (*whole[:number], bytes(changed), *whole[number + 1 :])


class Damaged(World):
    """A world in which one RRset is not what it was, wherever it is served."""

    def __init__(self, world: World) -> None:
        self.__dict__.update(world.__dict__)
        self.world = world
        self.damage: dict[tuple[bytes, int], RRset] = {}

    def link(self, qname: bytes, qtype: int) -> Link:
        outcome = self.world.link(qname, qtype)

        def one(rrset: RRset) -> RRset:
            return self.damage.get((rrset.owner, rrset.rtype), rrset)

        return replace(
            outcome,
            answer=tuple(map(one, outcome.answer)),
            authority=tuple(map(one, outcome.authority)),
        )

    def find(self, need: Need) -> Link | None:
        return None if need.tries else self.link(need.name, need.rtype)


def involved(world: World, qname: bytes, qtype: int) -> list[RRset]:
    """Every signed RRset that the verdict rests on."""
    outcome = world.link(qname, qtype)
    found = [*outcome.answer, *outcome.authority]
    world.validate_link(outcome)
    for need in world.asked:
        link = world.link(need.name, need.rtype)
        found += [*link.answer, *link.authority]
    return [rrset for rrset in dict.fromkeys(found) if rrset.signatures]


@pytest.mark.rfc("RFC 4035 §5.3.1")
@pytest.mark.rfc("RFC 4035 §5.5")
@pytest.mark.parametrize(("text", "qtype", "hashed"), CASES + PLAIN)
def test_one_octet_makes_it_bogus(text: str, qtype: int, hashed: Hashed | None) -> None:
    qname, rng = names.from_text(text), random.Random(text)
    world = usual_world(hashed=hashed)
    expected = Status.INSECURE if "plain" in text else Status.SECURE
    assert world.validate(text, qtype).status is expected
    damaged = Damaged(world)
    seen: Counter[Status] = Counter()
    for rrset in involved(usual_world_like(world), qname, qtype):
        for variant in variants(rrset, rng):
            if not accepted(variant):
                continue
            damaged.damage = {(rrset.owner, rrset.rtype): variant}
            damaged.keystore = type(world.keystore)()
            validated = damaged.validate_link(damaged.link(qname, qtype))
            assert validated.status is Status.BOGUS, (rrset, variant, validated)
            assert validated.sentence
            assert not validated.secure
            seen[validated.status] += 1
    assert seen[Status.BOGUS] > 300


def usual_world_like(world: World) -> World:
    """The same zones with an empty key store, so that all that is needed is asked."""
    fresh = World(*world.zones.values())
    fresh.anchors = world.anchors
    return fresh
