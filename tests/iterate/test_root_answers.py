"""The real root zone's copy, asked for all of its delegations and for names that are under none."""

from __future__ import annotations

import functools
from collections import Counter

import pytest

from resolver.dnssec.anchors import builtin_root
from resolver.dnssec.whole_zone import Accepted
from resolver.dnssec.zonemd import ZoneRecord
from resolver.iterate.classify import classify
from resolver.iterate.root_answers import reply_of
from resolver.iterate.root_copy import HERE
from resolver.iterate.root_form import RootForm, pack
from resolver.model import Link, Question, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import Flag, RRClass, RRType
from tests.dnssec.data import FOLDER, MISSING, quick_zone
from tests.dnssec.signed_worlds import World
from tests.dnssec.signed_zones import Zone
from tests.dnssec.whole_root import judged

ZONE = FOLDER / "root" / "root.zone"
pytestmark = pytest.mark.skipif(not ZONE.exists(), reason=MISSING)
INSIDE = 1_786_000_000.0  # 2026-08-06, inside all windows


@functools.cache
def accepted() -> Accepted:
    records = [ZoneRecord(*record) for record in quick_zone(ZONE)]
    verdict = judged(records, builtin_root().by_name[names.ROOT], wall=INSIDE)
    assert isinstance(verdict, Accepted)
    return verdict


@functools.cache
def form() -> RootForm:
    return RootForm.read_untrusted(pack(accepted(), builtin_root().by_name[names.ROOT]))


@functools.cache
def world() -> World:
    """The validator with the real anchors, which finds keys in the copy alone."""
    zone = Zone(names.ROOT)
    for rrset in accepted().rrsets:
        zone.data[rrset.owner, rrset.rtype] = list(rrset.rdatas)
        zone.signed[rrset.owner, rrset.rtype] = rrset
    made = World(zone)
    made.anchors, made.wall = builtin_root(), INSIDE
    return made


def test_every_delegation_is_told_whole_and_as_secure_as_by_a_server() -> None:
    """NS, glue, DS or the proof that there is none: 1349 signed, 89 not."""
    held = {(rrset.owner, rrset.rtype): rrset for rrset in accepted().rrsets}
    found: Counter[str] = Counter()
    for (owner, rtype), ns in held.items():
        if rtype != RRType.NS or owner == names.ROOT:
            continue
        question = Question(b"\3www" + owner, RRType.A)
        message = reply_of(form(), question)
        assert message is not None
        assert not message.flags & Flag.AA
        referral = classify(message, question, names.ROOT, server=HERE).referral
        assert referral is not None
        assert referral.zone == owner
        assert set(referral.nameservers) == {one.lower() for one in ns.rdatas}
        for nameserver in referral.nameservers:
            known = [held.get((nameserver, one)) for one in (RRType.A, RRType.AAAA)]
            addresses = sum(len(one.rdatas) for one in known if one is not None)
            assert len(referral.glue.get(nameserver, ())) == addresses
        authority = (ns, *referral.proof)
        link = Link(question, names.ROOT, Verdict.REFERRAL, 0, (), authority)
        assert world().validate_link(link).status is Status.SECURE
        found["DS" if referral.proof[0].rtype == RRType.DS else "no DS"] += 1
    assert found == {"DS": 1349, "no DS": 89}


@pytest.mark.parametrize(
    "text", ["www.aaa0.", "zzzzzzzz.", "local.", "corp.", "-.", "0.", "*.", "a.b.c.lan."]
)
def test_junk_is_denied_with_its_proof(text: str) -> None:
    question = Question(names.from_text(text), RRType.A)
    message = reply_of(form(), question)
    assert message is not None
    classified = classify(message, question, names.ROOT, server=HERE)
    assert classified.verdict is Verdict.NXDOMAIN
    assert world().validate_link(classified.links[0]).status is Status.SECURE


@pytest.mark.parametrize(
    ("text", "rtype", "verdict"),
    [
        (".", RRType.SOA, Verdict.ANSWER),
        (".", RRType.DNSKEY, Verdict.ANSWER),
        (".", RRType.TXT, Verdict.NODATA),
        (".", RRType.DS, Verdict.NODATA),
        ("com.", RRType.DS, Verdict.ANSWER),
        ("ae.", RRType.DS, Verdict.NODATA),
    ],
)
def test_what_the_root_has_itself(text: str, rtype: int, verdict: Verdict) -> None:
    question = Question(names.from_text(text), rtype)
    message = reply_of(form(), question)
    assert message is not None
    classified = classify(message, question, names.ROOT, server=HERE)
    assert classified.verdict is verdict
    assert world().validate_link(classified.links[0]).status is Status.SECURE


@pytest.mark.parametrize(
    ("rtype", "rclass"), [(RRType.ANY, RRClass.IN), (RRType.RRSIG, RRClass.IN), (1, RRClass.CH)]
)
def test_what_only_servers_tell(rtype: int, rclass: int) -> None:
    assert reply_of(form(), Question(names.ROOT, rtype, rclass)) is None
