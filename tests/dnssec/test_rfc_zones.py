"""The example zones of RFC 4035 and RFC 5155, re-signed, asked what their appendices B ask."""

from __future__ import annotations

import re

import pytest

from resolver.model import Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.nsec3 import Params, digest_in, digest_of
from tests.dnssec.data import FOLDER, MISSING, records
from tests.dnssec.signed_worlds import World, without
from tests.dnssec.signed_zones import Hashed, Zone

ZONES = FOLDER / "dnssec" / "rfc-zones"
RFC4035 = ZONES / "rfc4035-appendix-A.zone"
RFC5155 = ZONES / "rfc5155-appendix-A.zone"
pytestmark = pytest.mark.skipif(not RFC4035.exists(), reason=MISSING)
HASHED = Hashed(12, bytes.fromhex("aabbccdd"), opt_out=True)

SECURE, INSECURE = Status.SECURE, Status.INSECURE


def example(path: object, hashed: Hashed | None = None) -> World:
    zone = Zone(names.from_text("example."))
    for owner, rtype, _, rdata in records(path.read_text()):  # type: ignore[attr-defined]
        zone.data.setdefault((owner, rtype), []).append(rdata)
    return World(zone.sign(13, hashed=hashed))


@pytest.mark.rfc("RFC 4035 §5.4")
@pytest.mark.parametrize(
    ("case", "qname", "qtype", "verdict"),
    [
        ("B.1 answer", "x.w.example.", RRType.MX, Verdict.ANSWER),
        ("B.2 name error", "ml.example.", RRType.A, Verdict.NXDOMAIN),
        ("B.3 no data", "ns1.example.", RRType.MX, Verdict.NODATA),
        ("B.4 referral to a signed zone", "mc.a.example.", RRType.MX, Verdict.REFERRAL),
        ("B.5 referral to an unsigned zone", "mc.b.example.", RRType.MX, Verdict.REFERRAL),
        ("B.6 wildcard expansion", "a.z.w.example.", RRType.MX, Verdict.ANSWER),
        ("B.7 wildcard no data", "a.z.w.example.", RRType.AAAA, Verdict.NODATA),
        ("B.8 DS of an apex", "example.", RRType.DS, Verdict.NODATA),
    ],
)
def test_rfc_4035(case: str, qname: str, qtype: int, verdict: Verdict) -> None:
    world = example(RFC4035)
    link = world.zones[names.from_text("example.")].answer(names.from_text(qname), qtype)
    assert link.verdict is verdict
    validated = world.validate_link(link)
    # the DS of the anchor's own apex would need the zone above, which nobody vouches for
    expected = Status.INDETERMINATE if case.startswith("B.8") else Status.SECURE
    assert validated.status is expected, validated.sentence
    if verdict is not Verdict.ANSWER or "wildcard" in case:
        bare = world.validate_link(without(link, (RRType.NSEC, RRType.DS)))
        assert bare.status is (Status.BOGUS if expected is SECURE else expected)


@pytest.mark.rfc("RFC 5155 §8")
@pytest.mark.rfc("RFC 5155 §9.2")
@pytest.mark.parametrize(
    ("case", "qname", "qtype", "verdict", "status"),
    [
        ("B.1 name error", "a.c.x.w.example.", RRType.A, Verdict.NXDOMAIN, INSECURE),
        ("B.2 no data", "ns1.example.", RRType.MX, Verdict.NODATA, SECURE),
        ("B.2.1 empty non-terminal", "y.w.example.", RRType.A, Verdict.NODATA, SECURE),
        ("B.3 referral, opt-out", "mc.c.example.", RRType.MX, Verdict.REFERRAL, INSECURE),
        ("B.4 wildcard expansion", "a.z.w.example.", RRType.MX, Verdict.ANSWER, INSECURE),
        ("B.5 wildcard no data", "a.z.w.example.", RRType.AAAA, Verdict.NODATA, INSECURE),
    ],
)
def test_rfc_5155(case: str, qname: str, qtype: int, verdict: Verdict, status: Status) -> None:
    """Opt-out is set throughout, so what rests on an absent name is not secure (§9.2)."""
    world = example(RFC5155, HASHED)
    link = world.link(names.from_text(qname), qtype)
    assert link.verdict is verdict, case
    assert world.validate_link(link).status is status
    strict = example(RFC5155, HASHED._replace(opt_out=False))
    link = strict.link(names.from_text(qname), qtype)
    assert strict.validate_link(link).status is SECURE
    whole = link.authority
    proofs = [one for one in whole if one.rtype == RRType.NSEC3]
    for missing in proofs:
        link.authority = tuple(one for one in whole if one is not missing)
        assert strict.validate_link(link).status is Status.BOGUS, (case, missing)


@pytest.mark.rfc("RFC 5155 §5")
def test_the_hashes_of_rfc_5155() -> None:
    """As erratum 4993 lists them."""
    listed = re.findall(r"; H\((\S+)\)\s+= (\w+)", RFC5155.read_text())
    assert len(listed) == 11
    for name, digest in listed:
        ours = digest_of(names.from_text(name), Params(12, bytes.fromhex("aabbccdd")))
        assert digest_in(digest.encode()) == ours
