"""What need not be signed although its reply looks bogus: names below a cut without DS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from resolver.model import Link, Question, RRset, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType
from tests.dnssec.signed_worlds import World, usual_world, usual_zone
from tests.dnssec.signed_zones import TTL, Hashed, Zone

if TYPE_CHECKING:
    from resolver.dnssec.steps import Need

OPT_OUT = Hashed(0, b"", opt_out=True)
CHAINS = [
    pytest.param(None, id="nsec"),
    pytest.param(Hashed(3, b"\xaa\xbb"), id="nsec3"),
    pytest.param(OPT_OUT, id="optout"),
]
NAME = names.from_text("www.plain.test.")
CUT = names.from_text("plain.test.")
TEST = names.from_text("test.")


class SilentWorld(World):
    """Nobody there knows DS of what is no signed zone, as with some forwarders."""

    def find(self, need: Need) -> Link | None:
        is_known = need.rtype == RRType.DNSKEY or need.name in self.zones
        return super().find(need) if is_known and need.name != CUT else None


def silent(hashed: Hashed | None) -> World:
    world = usual_world(hashed=hashed)
    world.__class__ = SilentWorld
    return world


def denied_from_above(world: World, verdict: Verdict = Verdict.NODATA) -> Link:
    """The signed parent's SOA, and no proof."""
    rcode = Rcode.NXDOMAIN if verdict is Verdict.NXDOMAIN else Rcode.NOERROR
    soa = world.zones[TEST].soa()
    return Link(Question(NAME, RRType.A), names.ROOT, verdict, rcode, (), (soa,))


def unsigned_data() -> Link:
    data = RRset(NAME, RRType.A, TTL, (b"\xc0\x00\x02\x07",))
    return Link(Question(NAME, RRType.A), names.ROOT, Verdict.ANSWER, Rcode.NOERROR, (data,))


def proof_of_cut(world: World) -> tuple[RRset, ...]:
    return world.zones[TEST].deny_type(CUT, CUT)


@pytest.mark.rfc("RFC 4035 §5.2")
@pytest.mark.rfc("RFC 5155 §8.9")
@pytest.mark.parametrize("hashed", CHAINS)
@pytest.mark.parametrize("verdict", [Verdict.NODATA, Verdict.NXDOMAIN, Verdict.ANSWER])
def test_the_proof_of_a_cut_beside_an_alias_makes_its_target_insecure(
    hashed: Hashed | None, verdict: Verdict
) -> None:
    world = silent(hashed)
    is_data = verdict is Verdict.ANSWER
    link = unsigned_data() if is_data else denied_from_above(world, verdict)
    assert world.validate_link(link).status is Status.BOGUS
    world.now += 3600  # what was found bogus is forgotten
    proof = proof_of_cut(world)
    validated = world.validate_link(link, proof)
    assert (validated.status, validated.ede) == (Status.INSECURE, ())
    assert {one[:2] for one in validated.cut_proof} == {one[:2] for one in proof}


@pytest.mark.rfc("RFC 4035 §5.2")
@pytest.mark.parametrize("hashed", CHAINS)
def test_a_cut_once_shown_is_known_while_its_proof_lasts(hashed: Hashed | None) -> None:
    world = silent(hashed)
    link = denied_from_above(world)
    world.validate_link(link, proof_of_cut(world))
    assert world.validate_link(link).status is Status.INSECURE
    assert world.questions() == []
    world.now += TTL + 1
    assert world.validate_link(link).status is Status.BOGUS


@pytest.mark.rfc("RFC 4035 §5.2")
@pytest.mark.parametrize("hashed", CHAINS)
def test_what_beside_an_alias_does_not_verify_or_does_not_show_the_cut_is_nothing(
    hashed: Hashed | None,
) -> None:
    world = silent(hashed)
    link = denied_from_above(world)
    proof = proof_of_cut(world)
    test = world.zones[TEST]
    www = names.from_text("www.test.")
    spoiled = [
        tuple([one._replace(signatures=()) for one in proof]),
        tuple([one._replace(rdatas=(one.rdatas[0] + b"\x01\x01\x80",)) for one in proof]),
        tuple([one._replace(signatures=(one.signatures[0][:-1] + b"\0\0",)) for one in proof]),
        test.deny_type(www, www),
        world.zones[names.from_text("signed.test.")].deny_type(
            names.from_text("www.signed.test."), names.from_text("www.signed.test.")
        ),
    ]
    for beside in spoiled:
        world.now += 3600
        validated = world.validate_link(link, beside)
        assert validated.status is Status.BOGUS
        assert validated.ede[0].code == EdeCode.NSEC_MISSING
        assert validated.cut_proof == ()


@pytest.mark.rfc("RFC 4035 §5.2")
@pytest.mark.parametrize("hashed", CHAINS)
def test_a_zone_known_as_secure_is_not_made_insecure_by_what_comes_beside(
    hashed: Hashed | None,
) -> None:
    """A proof from before the zone was signed, played back while its signature lasts."""
    world = usual_world(hashed=hashed)
    apex, www = names.from_text("signed.test."), names.from_text("www.signed.test.")
    before = usual_zone("test.").add("signed.test.", "NS", "ns.signed.test.")
    before.keys = world.zones[TEST].keys
    before.data[TEST, RRType.DNSKEY] = world.zones[TEST].data[TEST, RRType.DNSKEY]
    old = before.sign(hashed=hashed).deny_type(apex, apex)
    assert world.validate("www.signed.test.").status is Status.SECURE
    signed: Zone = world.zones[apex]
    link = Link(Question(www, RRType.TXT), apex, Verdict.NODATA, Rcode.NOERROR, (), (signed.soa(),))
    assert world.validate_link(link, old).status is Status.BOGUS
    from_above = replace(link, authority=(world.zones[TEST].soa(),))
    assert world.validate_link(from_above, old).status is Status.BOGUS


@pytest.mark.rfc("RFC 4035 §5.2")
@pytest.mark.parametrize("hashed", CHAINS)
def test_a_denial_without_proof_has_its_cuts_asked_for(hashed: Hashed | None) -> None:
    """What opt-out may hide is not enough then: that a cut is there must be proven."""
    world = usual_world(hashed=hashed)
    validated = world.validate_link(denied_from_above(world))
    expected = Status.BOGUS if hashed == OPT_OUT else Status.INSECURE
    assert validated.status is expected
    assert (names.to_text(CUT), RRType.DS) in world.questions()


@pytest.mark.rfc("RFC 4035 §5.2")
@pytest.mark.parametrize("hashed", CHAINS)
def test_a_forwarders_denial_may_show_the_cut_itself(hashed: Hashed | None) -> None:
    """From a server of the zone above it contradicts itself; opt-out shows no cut."""
    world = silent(hashed)
    bare = denied_from_above(world, Verdict.NXDOMAIN)
    link = replace(bare, authority=(*bare.authority, *proof_of_cut(world)))
    assert world.validate_link(link).status is Status.BOGUS
    expected = Status.BOGUS if hashed == OPT_OUT else Status.INSECURE
    world.now += 3600
    assert world.validate_link(link, is_forwarded=True).status is expected


def test_what_is_proven_looks_at_nothing_beside() -> None:
    """The common case costs no signature more."""
    plain, other = usual_world(), usual_world()
    link = plain.link(names.from_text("alias.signed.test."), RRType.MX)
    plain.validate_link(link)
    other.validate_link(link, proof_of_cut(other))
    assert (plain.signatures, plain.hashes) == (other.signatures, other.hashes)
