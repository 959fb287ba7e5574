"""The real, signed root zone: everything that its owner signed is believed, record by record."""

from __future__ import annotations

import functools
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from resolver.dnssec.anchors import builtin_root
from resolver.dnssec.zonemd import Completeness, ZoneRecord, verify
from resolver.model import Outcome, Question, RRset, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType
from tests.dnssec.data import FOLDER, MISSING, grouped, quick_zone
from tests.dnssec.world import World, Zone

if TYPE_CHECKING:
    from resolver.model import Name

ZONE = FOLDER / "root" / "root.zone"
pytestmark = pytest.mark.skipif(not ZONE.exists(), reason=MISSING)
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
    """1349 DS sets verify, 89 delegations are proven to have none (issue 6)."""
    root = world()
    zone = root_zone()
    found: Counter[str] = Counter()
    for cut in cuts():
        ds = zone.signed.get((cut, RRType.DS))
        proof = (ds,) if ds is not None else (zone.signed[cut, RRType.NSEC],)
        ns = zone.signed[cut, RRType.NS]
        outcome = Outcome(
            Question(cut, RRType.A), names.ROOT, Verdict.REFERRAL, Rcode.NOERROR, (), (ns, *proof)
        )
        judgement = root.judge_outcome(outcome)
        assert judgement.status is Status.SECURE, (cut, judgement.sentence)
        (proven,) = judgement.secure
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
            outcome = Outcome(question, names.ROOT, Verdict.ANSWER, 0, (rrset,))
            assert root.judge_outcome(outcome).status is Status.SECURE
            checked += 1
    assert checked == 5  # SOA, NS, DNSKEY, NSEC, ZONEMD


@pytest.mark.parametrize("label", ["aaa0", "zzzzzzzz", "local", "corp", "-", "0"])
def test_tlds_that_do_not_exist_are_proven_so(label: str) -> None:
    root = world()
    zone = root_zone()
    qname = names.from_text(f"www.{label}.")
    owners = sorted((o for o, t in zone.signed if t == RRType.NSEC), key=names.canonical_key)

    def span(name: Name) -> RRset:
        key = names.canonical_key(name)
        below = [owner for owner in owners if names.canonical_key(owner) <= key]
        return zone.signed[below[-1], RRType.NSEC]

    proof = dict.fromkeys((span(qname), span(b"\x01*\0")))
    authority = (zone.soa(), *proof)
    outcome = Outcome(Question(qname, 1), names.ROOT, Verdict.NXDOMAIN, 3, (), authority)
    assert root.judge_outcome(outcome).status is Status.SECURE
    outcome.authority = (zone.soa(), span(b"\x01*\0"))
    if len(proof) > 1:
        assert root.judge_outcome(outcome).status is Status.BOGUS


def test_todays_clock_says_expired() -> None:
    root = world(TODAY)
    soa = root_zone().soa()
    question = Question(names.ROOT, RRType.SOA)
    judgement = root.judge_outcome(Outcome(question, names.ROOT, Verdict.ANSWER, 0, (soa,)))
    assert judgement.status is Status.BOGUS
    assert judgement.ede[0].code == EdeCode.SIGNATURE_EXPIRED
    assert "expired 2026-08-" in judgement.sentence
    assert ". DNSKEY" in judgement.sentence


def test_zonemd_is_right() -> None:
    zone = [ZoneRecord(*record) for record in records()]
    assert len(zone) == 24_877
    assert verify(names.ROOT, zone) is Completeness.RIGHT
    assert verify(names.ROOT, zone[:-1]) is Completeness.WRONG
