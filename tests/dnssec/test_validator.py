"""Whole validations over signed worlds: each kind of answer and denial, each way to lie."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resolver import limits
from resolver.dnssec.algorithms import Sha1Policy
from resolver.dnssec.anchors import AnchorRecord
from resolver.model import Link, RRset, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, RRType
from tests.dnssec.signed_worlds import World, unsigned, usual_world, usual_zone, without
from tests.dnssec.signed_zones import DAY, WALL, Hashed, Zone

CHAINS = [
    pytest.param(None, id="nsec"),
    pytest.param(Hashed(3, b"\xaa\xbb"), id="nsec3"),
    pytest.param(Hashed(0, b"", opt_out=True), id="optout"),
]
ALGORITHMS = [5, 7, 8, 10, 13, 14, 15, 16]
DENIALS = (RRType.NSEC, RRType.NSEC3)


@pytest.mark.rfc("RFC 5702 §3")
@pytest.mark.rfc("RFC 6605 §4")
@pytest.mark.rfc("RFC 8080 §4")
@pytest.mark.rfc("RFC 9904")
@pytest.mark.rfc("RFC 9905")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_validates(algorithm: int) -> None:
    """RFC 9904's table, with RSASHA1 as RFC 9905 asks of validators."""
    world = usual_world(algorithm)
    assert world.validate("www.signed.test.").status is Status.SECURE
    assert world.validate("nothing.signed.test.").status is Status.SECURE


@pytest.mark.rfc("RFC 4035 §4.3")
@pytest.mark.rfc("RFC 4035 §5.4")
@pytest.mark.parametrize("hashed", CHAINS)
@pytest.mark.parametrize(
    ("qname", "qtype"),
    [
        ("www.signed.test.", RRType.A),
        ("alias.signed.test.", RRType.A),
        ("signed.test.", RRType.DNSKEY),
        ("signed.test.", RRType.DS),
        ("www.signed.test.", RRType.ANY),
        ("x.tree.signed.test.", RRType.A),
        ("www.signed.test.", RRType.TXT),
        ("ent.signed.test.", RRType.A),
        ("www.signed.test.", RRType.DS),
    ],
)
def test_answers_and_plain_nodata_are_secure(hashed: Hashed | None, qname: str, qtype: int) -> None:
    validated = usual_world(hashed=hashed).validate(qname, qtype)
    assert (validated.status, validated.sentence) == (Status.SECURE, "")


@pytest.mark.rfc("RFC 4035 §5.4")
@pytest.mark.rfc("RFC 5155 §8.4")
@pytest.mark.rfc("RFC 5155 §9.2")
@pytest.mark.parametrize("hashed", CHAINS)
@pytest.mark.parametrize(
    ("qname", "qtype", "verdict"),
    [
        ("a.wild.signed.test.", RRType.A, Verdict.ANSWER),
        ("a.b.wild.signed.test.", RRType.A, Verdict.ANSWER),
        ("a.cwild.signed.test.", RRType.A, Verdict.CNAME),
        ("a.wild.signed.test.", RRType.MX, Verdict.NODATA),
        ("nothing.signed.test.", RRType.A, Verdict.NXDOMAIN),
        ("a.b.c.signed.test.", RRType.A, Verdict.NXDOMAIN),
        ("a.www.signed.test.", RRType.A, Verdict.NXDOMAIN),
    ],
)
def test_what_rests_on_an_absent_name(
    hashed: Hashed | None, qname: str, qtype: int, verdict: Verdict
) -> None:
    """Secure, but where opt-out leaves room for an unsigned cut (RFC 5155 §9.2)."""
    world = usual_world(hashed=hashed)
    link = world.link(names.from_text(qname), qtype)
    assert link.verdict is verdict
    expected = Status.INSECURE if hashed and hashed.opt_out else Status.SECURE
    assert world.validate_link(link).status is expected
    bare = world.validate_link(without(link, DENIALS))
    assert bare.status is Status.BOGUS
    assert [ede.code for ede in bare.ede] == [EdeCode.NSEC_MISSING, EdeCode.DNSSEC_BOGUS]


@pytest.mark.rfc("RFC 4035 §4.3")
@pytest.mark.rfc("RFC 4035 §5.2")
@pytest.mark.parametrize("hashed", CHAINS)
def test_stripped_signatures_are_bogus_and_unsigned_delegations_insecure(
    hashed: Hashed | None,
) -> None:
    world = usual_world(hashed=hashed)
    for qname in ("www.signed.test.", "nothing.signed.test.", "www.test."):
        if hashed and hashed.opt_out and qname.startswith("nothing"):
            continue  # under opt-out an unsigned zone may well live there
        link = world.link(names.from_text(qname), RRType.A)
        validated = world.validate_link(unsigned(link))
        assert validated.status is Status.BOGUS, qname
        assert validated.ede[0].code == EdeCode.RRSIGS_MISSING
    for qname in ("www.plain.test.", "nothing.plain.test.", "a.wild.plain.test."):
        assert world.validate(qname).status is Status.INSECURE, qname


@pytest.mark.rfc("RFC 4035 §4.2")
@pytest.mark.parametrize("hashed", CHAINS)
def test_only_what_is_needed_is_asked(hashed: Hashed | None) -> None:
    """One DS and one DNSKEY per zone; nothing for a second question in the same zone."""
    world = usual_world(hashed=hashed)
    world.validate("www.signed.test.")
    assert sorted(world.questions()) == [
        (".", RRType.DNSKEY),
        ("signed.test.", RRType.DS),
        ("signed.test.", RRType.DNSKEY),
        ("test.", RRType.DS),
        ("test.", RRType.DNSKEY),
    ]
    world.validate("nothing.signed.test.")
    assert world.questions() == []
    world.validate("www.plain.test.")
    assert world.questions() == [("plain.test.", RRType.DS)]
    world.validate("a.wild.plain.test.")
    assert world.questions() == []


@pytest.mark.rfc("RFC 4035 §5.3.1")
@pytest.mark.parametrize(
    ("wall", "code", "word"),
    [
        (WALL + 8 * DAY, EdeCode.SIGNATURE_EXPIRED, "expired"),
        (WALL - 8 * DAY, EdeCode.SIGNATURE_NOT_YET_VALID, "valid from"),
    ],
)
def test_times_are_told(wall: float, code: int, word: str) -> None:
    world = usual_world()
    world.wall = wall
    validated = world.validate("www.signed.test.")
    assert validated.status is Status.BOGUS
    assert validated.ede[0].code == code
    assert word in validated.sentence
    assert "key tag" in validated.sentence


@pytest.mark.rfc("RFC 8914 §4.9")
def test_a_signature_that_ends_before_it_begins_was_never_valid() -> None:
    """EDE 8."""
    world = usual_world()
    zone = world.zones[names.from_text("signed.test.")]
    owner = names.from_text("www.signed.test.")
    link = zone.answer(owner, RRType.A)
    zone.window = (WALL + 7 * DAY, WALL - 7 * DAY)
    never = zone.signed_rrset(owner, RRType.A, list(link.answer[0].rdatas))
    validated = world.validate_link(replace(link, answer=(never,)))
    assert validated.status is Status.BOGUS
    assert validated.ede[0].code == EdeCode.SIGNATURE_EXPIRED_BEFORE_VALID


@pytest.mark.rfc("RFC 8914 §4.10")
def test_a_zone_without_the_key_that_its_ds_means_lacks_it() -> None:
    """EDE 9."""
    world = usual_world()
    zone = world.zones[names.from_text("signed.test.")]
    zone.keys.clear()
    zone.prepare_keys(15).sign()
    validated = world.validate("www.signed.test.")
    assert validated.status is Status.BOGUS
    assert validated.ede[0].code == EdeCode.DNSKEY_MISSING
    assert "no DNSKEY of signed.test. matches key tag" in validated.sentence


@pytest.mark.reaches("SIGNATURE_SKEW_SECONDS")
@pytest.mark.rfc("RFC 4035 §5.3.1")
def test_a_clock_one_hour_off_is_forgiven() -> None:
    world = usual_world()
    world.wall = WALL + 7 * DAY + 3500
    validated = world.validate("www.signed.test.")
    assert validated.status is Status.SECURE
    assert validated.ttl_cap == 0
    world = usual_world()
    world.wall = WALL + 7 * DAY + limits.SIGNATURE_SKEW_SECONDS + 1
    assert world.validate("www.signed.test.").status is Status.BOGUS


@pytest.mark.rfc("RFC 4035 §5.3.3")
def test_ttl_ends_with_the_signature() -> None:
    """RFC 4035 §5.3.3."""
    world = usual_world()
    world.wall = WALL + 7 * DAY - 100
    validated = world.validate("www.signed.test.")
    assert validated.ttl_cap == 100
    assert validated.secure[0].ttl == 100


@pytest.mark.rfc("RFC 7646 §2")
def test_a_negative_anchor_waives_until_it_lapses() -> None:
    """RFC 7646; EDE 33."""
    world = usual_world()
    world.anchors.add_negative(names.from_text("signed.test."), WALL + 10)
    spoilt = unsigned(world.link(names.from_text("www.signed.test."), RRType.A))
    validated = world.validate_link(spoilt)
    assert validated.status is Status.INSECURE
    assert validated.ede[0].code == EdeCode.NEGATIVE_TRUST_ANCHOR
    world.wall += 11
    assert world.validate_link(spoilt).status is Status.BOGUS


@pytest.mark.rfc("RFC 4035 §4.3")
def test_without_an_anchor_nothing_can_be_said() -> None:
    world = usual_world()
    world.anchors.by_name.clear()
    validated = world.validate("www.signed.test.")
    assert validated.status is Status.INDETERMINATE
    assert validated.ede[0].code == EdeCode.DNSSEC_INDETERMINATE
    assert world.questions() == []


@pytest.mark.rfc("RFC 6840 §4.1")
@pytest.mark.parametrize("hashed", [None, Hashed(1, b"x")])
def test_nsec_of_the_parent_side_cannot_deny_below_the_cut(hashed: Hashed | None) -> None:
    """RFC 6840 §4.1: an ancestor delegation's record must not be used for names below it."""
    world = usual_world(hashed=hashed)
    test = world.zones[names.from_text("test.")]
    cut, qname = names.from_text("signed.test."), names.from_text("www.signed.test.")
    proof = (test.soa(), *test.deny_type(cut, cut), *test.deny_closer(qname, cut))
    for verdict in (Verdict.NXDOMAIN, Verdict.NODATA):
        link = replace(test.answer(names.from_text("no.test."), 1), authority=proof)
        link.verdict, link.question = verdict, link.question._replace(qname=qname)
        assert world.validate_link(link).status is Status.BOGUS
        apex = replace(link, question=link.question._replace(qname=cut))
        assert world.validate_link(apex).status is Status.BOGUS


@pytest.mark.rfc("RFC 4035 §5.4")
@pytest.mark.rfc("RFC 6840 §4.3")
def test_nodata_that_lists_the_type_is_bogus() -> None:
    world = usual_world()
    link = world.link(names.from_text("www.signed.test."), RRType.TXT)
    link.question = link.question._replace(qtype=RRType.A)
    assert world.validate_link(link).status is Status.BOGUS


def test_junk_beside_an_answer_does_not_hurt() -> None:
    """Only what the proof needs is looked at (RFC 6840 §5: be liberal)."""
    world = usual_world()
    link = world.link(names.from_text("www.signed.test."), RRType.A)
    ns = RRset(names.from_text("signed.test."), RRType.NS, 60, (names.from_text("evil.test."),))
    link.authority = (ns, ns._replace(owner=names.from_text("x.test.")))
    validated = world.validate_link(link)
    assert validated.status is Status.SECURE
    assert [rrset.rtype for rrset in validated.secure] == [RRType.A]


@pytest.mark.rfc("RFC 6672 §5.3.1")
def test_a_cname_that_its_dname_does_not_make_is_bogus() -> None:
    """RFC 6672 §5.3.1."""
    world = usual_world()
    link = world.link(names.from_text("x.tree.signed.test."), RRType.A)
    dname, cname = link.answer
    link.answer = (dname, cname._replace(rdatas=(names.from_text("x.evil.test."),)))
    assert world.validate_link(link).status is Status.BOGUS


def test_an_island_without_ds_is_insecure() -> None:
    world = usual_world()
    island = usual_zone("plain.test.").sign()
    world.zones[island.apex] = island
    assert world.validate("www.plain.test.").status is Status.INSECURE
    assert world.questions()[0] == ("plain.test.", RRType.DS)
    assert ("plain.test.", RRType.DNSKEY) not in world.questions()


@pytest.mark.rfc("RFC 4035 §5.2")
@pytest.mark.rfc("RFC 6840 §5.2")
def test_an_unsupported_algorithm_or_digest_is_insecure() -> None:
    """RFC 4035 §5.2, EDE 1 and 2."""
    for at, value, code in (
        (2, 12, EdeCode.UNSUPPORTED_DNSKEY_ALGORITHM),
        (3, 3, EdeCode.UNSUPPORTED_DS_DIGEST),
    ):
        signed = usual_zone("signed.test.").sign()
        ds = bytearray(signed.ds[0])
        ds[at] = value
        test = usual_zone("test.").add("signed.test.", "NS", "ns.signed.test.")
        test.data[signed.apex, RRType.DS] = [bytes(ds)]
        world = World(test.sign(), signed)
        validated = world.validate("www.signed.test.")
        assert validated.status is Status.INSECURE
        assert validated.ede[0].code == code


@pytest.mark.rfc("RFC 9905")
def test_sha1_can_be_declared_insecure() -> None:
    world = usual_world(8)
    weak = usual_zone("weak.test.").sign(5)
    test = usual_zone("test.").add("weak.test.", "NS", "ns.weak.test.").add_ds(weak).sign(8)
    world = World(test, weak)
    assert world.validate("www.weak.test.").status is Status.SECURE
    world = World(test, weak)
    world.settings = {"sha1": Sha1Policy.INSECURE}
    assert world.validate("www.weak.test.").status is Status.INSECURE


@pytest.mark.reaches("NSEC3_ITERATIONS")
@pytest.mark.rfc("RFC 9276 §3.2")
def test_iterations_above_the_cap_are_insecure_only_once_their_signature_holds() -> None:
    """RFC 9276 §3.2; EDE 27. Else anybody could waive validation with a forged record."""
    most = limits.NSEC3_ITERATIONS
    within = usual_world(hashed=Hashed(most, b""))
    assert within.validate("nothing.signed.test.").status is Status.SECURE
    world = usual_world(hashed=Hashed(most + 1, b""))
    validated = world.validate("nothing.signed.test.")
    assert validated.status is Status.INSECURE
    assert validated.ede[0].code == EdeCode.UNSUPPORTED_NSEC3_ITERATIONS
    link = world.link(names.from_text("nothing.signed.test."), RRType.A)
    link.authority = tuple(
        one._replace(signatures=(one.signatures[0][:-1] + b"?",)) for one in link.authority
    )
    assert world.validate_link(link).status is Status.BOGUS


def test_an_anchor_below_another_counts() -> None:
    world = usual_world()
    island = usual_zone("plain.test.").sign()
    world = World(*world.zones.values(), island)
    world.anchors.add([AnchorRecord(island.apex, RRType.DS, ds) for ds in island.ds])
    assert world.validate("www.plain.test.").status is Status.SECURE
    assert world.questions() == [("plain.test.", RRType.DNSKEY)]


def test_nothing_came_is_bogus_and_forgotten() -> None:
    """No DNSKEY to be had is a failure of the moment: it must not stay in the key store."""
    world = usual_world()

    def find(_: object) -> Link | None:
        return None

    kept = world.find
    world.find = find  # type: ignore[method-assign, assignment]
    validated = world.validate("www.signed.test.")
    assert validated.status is Status.BOGUS
    world.find = kept  # type: ignore[method-assign]
    assert world.validate("www.signed.test.").status is Status.SECURE


@pytest.mark.rfc("RFC 4035 §4.7")
def test_a_bad_finding_is_asked_for_again() -> None:
    """A lying server must not take the zone down (BAD cache, RFC 4035 §4.7)."""
    world = usual_world()
    good = world.find

    def find(need: object) -> Link | None:
        need_, tries = need, need.tries  # type: ignore[attr-defined]
        link = good(need_._replace(tries=0))  # type: ignore[attr-defined]
        if tries == 0 and link is not None:
            bad = tuple(
                one._replace(signatures=(one.signatures[0][:-1] + b"?",)) for one in link.answer
            )
            return replace(link, answer=bad)
        return link

    world.find = find  # type: ignore[method-assign]
    assert world.validate("www.signed.test.").status is Status.SECURE


@pytest.mark.rfc("RFC 4035 §5.2")
def test_a_referral_is_judged_by_its_ds_or_its_proof() -> None:
    for hashed in (None, Hashed(0, b""), Hashed(0, b"", opt_out=True)):
        world = usual_world(hashed=hashed)
        test = world.zones[names.from_text("test.")]
        for qname in ("www.signed.test.", "www.plain.test."):
            link = test.answer(names.from_text(qname), RRType.A)
            assert link.verdict is Verdict.REFERRAL
            expected = Status.SECURE
            if hashed and hashed.opt_out and "plain" in qname:
                expected = Status.INSECURE  # the record may be anybody's: it opts out
            assert world.validate_link(link).status is expected
            bare = replace(link, authority=link.authority[:1])
            assert world.validate_link(bare).status is Status.BOGUS


def test_a_single_signed_zone_at_the_anchor() -> None:
    zone: Zone = usual_zone("example.").sign(15)
    world = World(zone)
    assert world.validate("www.example.").status is Status.SECURE
    assert world.questions() == [("example.", RRType.DNSKEY)]
