"""Answers nobody had to ask for: what validated gaps prove, and what they must not (RFC 8198)."""

from __future__ import annotations

import random
import string
from base64 import b32hexencode

import pytest

from resolver import limits
from resolver.cache.denial import DenialCache
from resolver.model import Link, Question, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Rcode, RRType
from resolver.protocol.message import RRset
from tests.dnssec.signed_worlds import World, usual_world
from tests.dnssec.signed_zones import Hashed

NSEC3 = Hashed(2, b"\x01\x02")
CHAINS = [pytest.param(None, id="nsec"), pytest.param(NSEC3, id="nsec3")]


class Learner:
    """A world whose secure links feed a denial cache."""

    def __init__(self, hashed: Hashed | None = None) -> None:
        self.world: World = usual_world(hashed=hashed)
        self.cache = DenialCache()

    def ask(self, text: str, qtype: int = RRType.A) -> Link:
        link = self.world.link(names.from_text(text), qtype)
        validated = self.world.validate_link(link)
        if validated.status is Status.SECURE:
            self.cache.learn(validated.secure, self.world.now)
        return link

    def made(self, text: str, qtype: int = RRType.A, now: float = 1.0) -> Link | None:
        return self.cache.synthesise(Question(names.from_text(text), qtype), now)


@pytest.mark.rfc("RFC 8198 §5.1")
@pytest.mark.rfc("RFC 8198 §5.2")
@pytest.mark.parametrize("hashed", CHAINS)
def test_whatever_is_made_validates_and_is_what_the_zone_says(hashed: Hashed | None) -> None:
    """The oracle: each made answer, validated afresh, is secure and has the zone's verdict."""
    learner = Learner(hashed)
    for seed in ("a", "m", "zz", "b.wild", "x.cwild", "n.www", "ent"):
        for qtype in (RRType.A, RRType.MX):
            learner.ask(f"{seed}.signed.test.", qtype)
    rng = random.Random(8198)
    words = ["a.wild", "ns", "www", "alias", "ent", "deep.ent", "tree", "wild", "cwild", "b.cwild"]
    words += ["".join(rng.choices(string.ascii_lowercase, k=3)) for _ in range(150)]
    words += [f"{rng.choice(words)}.{rng.choice(words)}" for _ in range(150)]
    made = 0
    for word in words:
        for qtype in (RRType.A, RRType.TXT, RRType.DS, RRType.NS):
            link = learner.made(f"{word}.signed.test.", qtype)
            if link is None:
                continue
            made += 1
            real = learner.world.link(*link.question[:2])
            assert (link.verdict, link.rcode) == (real.verdict, real.rcode), word
            assert [r.rdatas for r in link.answer] == [r.rdatas for r in real.answer]
            validated = learner.world.validate_link(link)
            assert validated.status is Status.SECURE, (word, qtype, validated.sentence)
            assert link.ede[0].code == EdeCode.SYNTHESIZED
    assert made > 500


@pytest.mark.rfc("RFC 8198 §5.1")
def test_each_gap_is_asked_once() -> None:
    """Random names in a zone of few names: questions end when the gaps are known."""
    learner = Learner()
    rng = random.Random(1)
    asked = 0
    for _ in range(500):
        text = "".join(rng.choices(string.ascii_lowercase, k=6)) + ".signed.test."
        if learner.made(text) is None:
            learner.ask(text)
            asked += 1
    # alias, cwild, ent, ns, tree, wild and www make eight gaps with the apex
    assert asked <= 8
    assert learner.cache.synthesised == 500 - asked


@pytest.mark.rfc("RFC 6840 §4.1")
@pytest.mark.parametrize("hashed", CHAINS)
def test_nothing_is_made_below_a_cut_or_a_dname(hashed: Hashed | None) -> None:
    """RFC 6840 §4.1: the parent's record of a cut does not speak for the child."""
    learner = Learner(hashed)
    for seed in ("aaa.test.", "zzz.test.", "no.such.test.", "m.test.", "q.test."):
        learner.ask(seed)
    for cut in ("plain.test.", "signed.test."):
        learner.ask(cut, RRType.DS)
        assert learner.made(f"www.{cut}") is None
        assert learner.made(cut) is None
    learner.ask("tree.test.", RRType.A)
    assert learner.made("x.tree.test.") is None


@pytest.mark.rfc("RFC 8198 §5.2")
def test_opt_out_is_never_used() -> None:
    learner = Learner(Hashed(0, b"", opt_out=True))
    for seed in ("a", "m", "zz", "www"):
        learner.ask(f"{seed}.signed.test.", RRType.MX)
    assert learner.made("b.signed.test.") is None
    assert len(learner.cache) == 0


@pytest.mark.rfc("RFC 8198 §5.4")
@pytest.mark.rfc("RFC 9077 §3")
def test_what_is_made_ends_with_its_proof() -> None:
    """RFC 8198 §5.4, RFC 9077: the shortest of SOA, its minimum (300 s here) and the NSEC."""
    learner = Learner()
    learner.ask("m.signed.test.")
    fresh = learner.made("n.signed.test.")
    assert fresh is not None
    assert fresh.rcode == Rcode.NXDOMAIN
    assert {rrset.ttl for rrset in fresh.authority} == {300}
    late = learner.made("n.signed.test.", now=3590.0)
    assert late is not None
    assert {rrset.ttl for rrset in late.authority} == {10}
    assert learner.made("n.signed.test.", now=3600.0) is None


@pytest.mark.rfc("RFC 4592 §2")
@pytest.mark.rfc("RFC 8198 §5.3")
def test_wildcards_that_were_seen_answer_for_others() -> None:
    """RFC 8198 §5.3; the client gets the wildcard's signature and the proof."""
    learner = Learner()
    learner.ask("a.wild.signed.test.")
    learner.ask("b.wild.signed.test.", RRType.MX)
    link = learner.made("c.wild.signed.test.")
    assert link is not None
    assert link.verdict is Verdict.ANSWER
    assert link.answer[0].owner == names.from_text("c.wild.signed.test.")
    assert link.answer[0].signatures
    assert link.authority


@pytest.mark.reaches("DENIAL_RANGE_OCTETS")
def test_memory_is_bounded() -> None:
    """Whole zones leave, the one asked for longest ago first."""
    learner = Learner()
    assert learner.cache._limit == limits.DENIAL_RANGE_OCTETS
    learner.cache = DenialCache(octets=9000)
    for zone in ("signed.test.", "test.", "."):
        at = "" if zone == "." else f".{zone}"
        for word in "abcdefgnopuvxyz":
            learner.ask(f"{word}{at}")
            assert learner.cache.octets <= 9000
    learner.cache.clear()
    assert learner.cache.octets == 0


def test_flush_forgets() -> None:
    learner = Learner()
    learner.ask("m.signed.test.")
    assert learner.made("n.signed.test.") is not None
    learner.cache.forget(names.from_text("n.signed.test."))
    assert learner.made("n.signed.test.") is None
    assert learner.cache.octets == 0


@pytest.mark.reaches("AGGRESSIVE_NSEC3_ITERATIONS", "AGGRESSIVE_NSEC3_LABELS")
@pytest.mark.rfc("CVE-2023-50868")
def test_hashing_for_denials_is_bounded() -> None:
    """Zones with many iterations, and names with many labels, are asked instead."""
    learner = Learner(Hashed(limits.AGGRESSIVE_NSEC3_ITERATIONS + 1, b""))
    learner.ask("m.signed.test.")
    assert len(learner.cache) == 0
    learner = Learner(Hashed(limits.AGGRESSIVE_NSEC3_ITERATIONS, b""))
    learner.ask("m.signed.test.")
    assert len(learner.cache) > 0
    learner = Learner(Hashed(0, b""))
    for at in range(60):  # until every gap of the zone is known
        learner.ask(f"n{at}.signed.test.")
    deep = "a." * limits.AGGRESSIVE_NSEC3_LABELS
    assert learner.made(f"{deep}signed.test.") is not None
    assert learner.made(f"a.{deep}signed.test.") is None


@pytest.mark.rfc("RFC 8198 §5.4")
def test_the_operators_cap_for_denials_binds_those_made_here() -> None:
    learner = Learner()
    learner.cache = DenialCache(max_ttl=20)
    learner.ask("m.signed.test.")
    made = learner.made("mm.signed.test.", now=11.0)
    assert made is not None
    assert {rrset.ttl for rrset in made.authority} == {9}
    assert learner.made("mm.signed.test.", now=21.0) is None


@pytest.mark.reaches("NSEC3_GAP_BITS")
def test_a_gap_that_hardly_any_name_falls_into_is_not_kept() -> None:
    """White lies (RFC 7129 appendix B): one for each name asked, and of no use for another."""
    least = 1 << limits.NSEC3_GAP_BITS
    for width, kept in ((least - 1, 0), (least, 1)):
        cache = DenialCache()
        cache.learn([_gap_of(width)], 0.0)
        assert len(cache) == kept


def _gap_of(width: int) -> RRset:
    """A signed NSEC3 record of the zone test. whose hash and the next are *width* apart."""
    low, zone = 1 << 100, names.from_text("test.")
    label = b32hexencode(low.to_bytes(20, "big"))
    rdata = b"\1\0\0\0\0\x14" + (low + width).to_bytes(20, "big")
    signature = RRType.NSEC3.to_bytes(2, "big") + b"\x0d\2" + bytes(14) + zone + b"signature"
    return RRset(names.prepend(label, zone), RRType.NSEC3, 60, (rdata,), (signature,))
