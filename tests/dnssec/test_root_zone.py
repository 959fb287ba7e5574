"""The real, signed root zone: everything that its owner signed is believed, record by record."""

from __future__ import annotations

import functools
import random
import string
from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from resolver.cache.denial import DenialCache
from resolver.dnssec.anchors import builtin_root
from resolver.dnssec.zonemd import Completeness, ZoneRecord, verify
from resolver.model import Link, Question, RRset, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType
from tests.dnssec.data import FOLDER, MISSING, grouped, quick_zone
from tests.dnssec.signed_worlds import World
from tests.dnssec.signed_zones import Zone

if TYPE_CHECKING:
    from resolver.model import Name

ZONE = FOLDER / "root" / "root.zone"
pytestmark = [pytest.mark.heavy, pytest.mark.skipif(not ZONE.exists(), reason=MISSING)]
INSIDE = 1_786_000_000.0  # 2026-08-06, inside all windows
TODAY = 1_795_000_000.0  # after all of them


@functools.cache
def records() -> tuple[tuple[Name, int, int, bytes], ...]:
    return tuple(quick_zone(ZONE))


@functools.cache
def root_zone() -> Zone:
    zone = Zone(names.ROOT)
    for rrset in grouped(records()):
        zone.data[rrset.owner, rrset.rtype] = list(rrset.rdatas)
        zone.signed[rrset.owner, rrset.rtype] = rrset
    zone.keys = [(None, None)]  # it is signed, if not by us
    return zone


def world(wall: float = INSIDE) -> World:
    made = World(root_zone())
    made.anchors, made.wall = builtin_root(), wall
    return made


@functools.cache
def cuts() -> tuple[Name, ...]:
    return tuple(o for o, rtype in root_zone().data if rtype == RRType.NS and o != names.ROOT)


def test_every_delegation_is_secure_or_proven_insecure() -> None:
    """1349 DS sets verify, 89 delegations are proven to have none."""
    root = world()
    zone = root_zone()
    found: Counter[str] = Counter()
    for cut in cuts():
        ds = zone.signed.get((cut, RRType.DS))
        proof = (ds,) if ds is not None else (zone.signed[cut, RRType.NSEC],)
        ns = zone.signed[cut, RRType.NS]
        link = Link(
            Question(cut, RRType.A), names.ROOT, Verdict.REFERRAL, Rcode.NOERROR, (), (ns, *proof)
        )
        validated = root.validate_link(link)
        assert validated.status is Status.SECURE, (cut, validated.sentence)
        (proven,) = validated.secure
        found["DS" if proven.rtype == RRType.DS else "no DS"] += 1
    assert found == {"DS": 1349, "no DS": 89}
    # one key set, and one signature each
    assert root.signatures == 1 + 1349 + 89


def test_every_signed_rrset_verifies() -> None:
    root = world()
    checked = 0
    for rrset in root_zone().signed.values():
        if rrset.signatures and rrset.owner == names.ROOT:
            question = Question(rrset.owner, rrset.rtype)
            link = Link(question, names.ROOT, Verdict.ANSWER, 0, (rrset,))
            assert root.validate_link(link).status is Status.SECURE
            checked += 1
    assert checked == 5  # SOA, NS, DNSKEY, NSEC, ZONEMD


@functools.cache
def owners() -> tuple[list[tuple[bytes, ...]], list[Name]]:
    """NSEC owners in canonical order, and their sort keys."""
    found = [owner for owner, rtype in root_zone().signed if rtype == RRType.NSEC]
    found.sort(key=names.canonical_key)
    return [names.canonical_key(owner) for owner in found], found


def span(name: Name) -> RRset:
    keys, found = owners()
    owner = found[bisect_right(keys, names.canonical_key(name)) - 1]
    return root_zone().signed[owner, RRType.NSEC]


def nxdomain(text: str) -> Link:
    """What a root server says of a name under no TLD."""
    qname = names.from_text(text)
    proof = dict.fromkeys((root_zone().soa(), span(qname), span(b"\x01*\0")))
    return Link(Question(qname, 1), names.ROOT, Verdict.NXDOMAIN, 3, (), tuple(proof))


@pytest.mark.parametrize("label", ["aaa0", "zzzzzzzz", "local", "corp", "-", "0"])
def test_tlds_that_do_not_exist_are_proven_so(label: str) -> None:
    root = world()
    link = nxdomain(f"www.{label}.")
    assert root.validate_link(link).status is Status.SECURE
    first = span(b"\x01*\0")
    if span(link.question.qname) != first:
        link.authority = (root_zone().soa(), first)
        assert root.validate_link(link).status is Status.BOGUS


def test_each_gap_of_the_root_is_asked_once() -> None:
    """RFC 8198: of 10,000 names under TLDs that do not exist, few reach a root server."""
    root, cache, rng = world(), DenialCache(), random.Random(8198)
    asked: Counter[Name] = Counter()
    total = 0
    while total < 10_000:
        text = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 12)))
        if (names.from_text(text), RRType.NS) in root_zone().data:
            continue
        total += 1
        question = Question(names.from_text(f"host.{text}."), RRType.A)
        if cache.synthesise(question, 1.0) is None:
            link = nxdomain(f"host.{text}.")
            cache.learn(root.validate_link(link).secure, 0.0)
            asked[span(question.qname).owner] += 1
    assert max(asked.values()) == 1
    # 806 of the 1439 gaps are hit, once each; 9194 packets are saved
    assert (sum(asked.values()), cache.synthesised) == (806, 9194)


def test_todays_clock_says_expired() -> None:
    root = world(TODAY)
    soa = root_zone().soa()
    question = Question(names.ROOT, RRType.SOA)
    validated = root.validate_link(Link(question, names.ROOT, Verdict.ANSWER, 0, (soa,)))
    assert validated.status is Status.BOGUS
    assert validated.ede[0].code == EdeCode.SIGNATURE_EXPIRED
    assert "expired 2026-08-" in validated.sentence
    assert ". DNSKEY" in validated.sentence


def test_zonemd_is_right() -> None:
    zone = [ZoneRecord(*record) for record in records()]
    assert len(zone) == 24_877
    assert verify(names.ROOT, zone) is Completeness.RIGHT
    assert verify(names.ROOT, zone[:-1]) is Completeness.WRONG
