"""What the caches say together."""

from __future__ import annotations

import pytest

from resolver.cache.failure import FailureCache
from resolver.cache.negative import NegativeCache
from resolver.cache.rrset import RRsetCache
from resolver.dnssec.anchors import AnchorRecord, Anchors
from resolver.limits import FLEETING_DNAMES, ZERO_TTL_DNAME_SECONDS
from resolver.model import Link, Name, Question, RRset, Status, Verdict
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.names import from_text
from resolver.recurse.exempt import Exempt
from resolver.recurse.known import Known
from tests.making import name, question, rrset

NOW = 1000.5
ZONE = from_text("example.")
TARGET = from_text("example.net.")


def memory() -> Known:
    return Known(RRsetCache(1 << 20), NegativeCache(1 << 20), FailureCache(), None, is_checked=True)


def redirected(owner: str, *, ttl: int, status: Status) -> Link:
    """As it came for the name `a` below *owner*."""
    question = Question(from_text(f"a.{owner}"), RRType.A)
    dname = RRset(from_text(owner), RRType.DNAME, ttl, (TARGET,))
    cname = RRset(question.qname, RRType.CNAME, ttl, (from_text("a.example.net."),))
    return Link(question, ZONE, Verdict.DNAME, Rcode.NOERROR, (dname, cname), (), None, status)


def other(owner: str) -> Question:
    return Question(from_text(f"b.{owner}"), RRType.A)


@pytest.mark.reaches("ZERO_TTL_DNAME_SECONDS")
def test_secure_dname_of_ttl_0_redirects_for_a_moment_with_ttl_0() -> None:
    """As Unbound's does: the names of one page are one transaction (RFC 1035 §3.2.1)."""
    known = memory()
    known.keep(redirected("d.example.", ttl=0, status=Status.SECURE), NOW)
    found = known.recall(other("d.example."), NOW + ZERO_TTL_DNAME_SECONDS)
    assert found is not None
    assert [(rrset.rtype, rrset.ttl) for rrset in found.answer] == [
        (RRType.DNAME, 0),
        (RRType.CNAME, 0),
    ]
    assert found.status is Status.SECURE
    assert known.recall(other("d.example."), NOW + ZERO_TTL_DNAME_SECONDS + 1) is None
    assert known.recall(Question(from_text("d.example."), RRType.DNAME), NOW) is None


def test_insecure_dname_of_ttl_0_redirects_no_other_name() -> None:
    known = memory()
    known.keep(redirected("d.example.", ttl=0, status=Status.INSECURE), NOW)
    assert known.recall(other("d.example."), NOW) is None


@pytest.mark.reaches("FLEETING_DNAMES")
def test_dnames_of_ttl_0_are_few() -> None:
    known = memory()
    for at in range(FLEETING_DNAMES + 1):
        known.keep(redirected(f"d{at}.example.", ttl=0, status=Status.SECURE), NOW)
    assert known.recall(other("d0.example."), NOW) is None
    assert known.recall(other("d1.example."), NOW) is not None


# --- DS is the parent's ---------------------------------------------------------------------------

CHILD, PARENT = name("shop.example."), name("example.")
DS = question("shop.example. DS")
ALIAS = rrset("shop.example. 300 CNAME lb.example.")
CHILDS_SOA = rrset("shop.example. 300 SOA ns.example. root.example. 1 2 3 4 60")


def signed_by(signer: Name) -> RRset:
    """The alias with a signature of *signer*; who asks what is known does not check it."""
    fields = bytes.fromhex("0005 0d 02 0000012c 69000000 68000000 0330")
    return ALIAS._replace(signatures=(fields + signer + bytes(64),))


def aliased(alias: RRset, zone: Name) -> Link:
    asked = question("shop.example. A")
    return Link(asked, zone, Verdict.CNAME, Rcode.NOERROR, (alias,), (), None, Status.SECURE)


@pytest.mark.rfc("RFC 4035 §4.2")
@pytest.mark.parametrize("alias", [ALIAS, signed_by(CHILD)], ids=["unsigned", "signed"])
@pytest.mark.parametrize("zone", [CHILD, PARENT], ids=["asked", "same-server"])
def test_an_alias_at_the_childs_apex_answers_no_question_for_ds(alias: RRset, zone: Name) -> None:
    """Not even where the child's server was asked as the parent's, for it serves both."""
    known = memory()
    known.keep(aliased(alias, zone), NOW)
    assert known.recall(question("shop.example. TXT"), NOW) is not None
    assert known.recall(DS, NOW) is None


def test_an_alias_that_the_parent_signed_answers_for_ds() -> None:
    """It is no zone cut, so a client's second question needs no packet."""
    known = memory()
    known.keep(aliased(signed_by(PARENT), PARENT), NOW)
    found = known.recall(DS, NOW)
    assert found is not None
    assert found.verdict is Verdict.CNAME


def test_an_alias_beside_keys_is_no_finding_about_them() -> None:
    known = memory()
    known.keep(aliased(signed_by(CHILD), CHILD), NOW)
    keys = question("shop.example. DNSKEY")
    assert known.recall(keys, NOW, proof_only=True) is None
    assert known.recall(keys, NOW) is not None


@pytest.mark.rfc("RFC 4035 §4.2")
@pytest.mark.parametrize("rcode", [Rcode.NXDOMAIN, Rcode.NOERROR])
@pytest.mark.parametrize("zone", [CHILD, PARENT], ids=["asked", "same-server"])
def test_what_a_child_denies_at_its_apex_is_no_denial_of_ds(rcode: int, zone: Name) -> None:
    known = memory()
    known.negatives.put(DS, rcode, (CHILDS_SOA,), zone=zone, now=NOW, status=Status.SECURE)
    assert known.recall(DS, NOW, proof_only=True) is None
    other = known.recall(question("shop.example. TXT"), NOW)
    assert other is None or rcode == Rcode.NXDOMAIN


def test_a_ds_in_the_childs_answer_to_any_is_not_kept() -> None:
    known = memory()
    ds = RRset(CHILD, RRType.DS, 300, (bytes.fromhex("4f660d02") + bytes(32),))
    asked = question("shop.example. ANY")
    known.keep(Link(asked, CHILD, Verdict.ANSWER, Rcode.NOERROR, (ds,)), NOW)
    assert known.recall(DS, NOW) is None


# --- configured zones win -------------------------------------------------------------------------

SOA = rrset("example. 300 SOA ns.example. root.example. 1 2 3 4 60")
CORP = name("corp.example.")
INSIDE = question("www.corp.example. A")


def with_corp(*, yielding: bool = False, waived: bool = False) -> Known:
    """corp.example. is forwarded, or under a negative anchor."""
    known = memory()
    anchors = Anchors.of(
        [AnchorRecord(PARENT, RRType.DS, bytes(36))], [(CORP, 2000.0)] if waived else []
    )
    known.exempt = Exempt(
        [] if waived else [CORP],
        yielding=[CORP] if yielding else [],
        anchors=anchors,
        wall=lambda: NOW,
    )
    return known


def deny(known: Known, text: str, *, zone: Name = PARENT) -> None:
    asked, status = question(text), Status.SECURE
    known.negatives.put(asked, Rcode.NXDOMAIN, (SOA,), zone=zone, now=NOW, status=status)


@pytest.mark.parametrize("kind", ["forward", "first", "waived"])
@pytest.mark.parametrize("denied", ["corp.example. DS", "example. A"])
def test_what_was_learnt_above_denies_nothing_inside(kind: str, denied: str) -> None:
    """The NXDOMAIN of the zone's own name (by its DS), and that of a name above it (RFC 8020)."""
    known = with_corp(yielding=kind == "first", waived=kind == "waived")
    deny(known, denied)
    for asked in (INSIDE, question("corp.example. A"), question("www.corp.example. DS")):
        assert known.recall(asked, NOW) is None
        assert known.recall(asked, NOW, synthesise=False) is None


@pytest.mark.parametrize("kind", ["forward", "first", "waived"])
def test_the_ds_of_a_configured_zone_is_still_its_parents(kind: str) -> None:
    known = with_corp(yielding=kind == "first", waived=kind == "waived")
    deny(known, "corp.example. DS")
    assert known.recall(question("corp.example. DS"), NOW) is not None


def test_names_beside_a_configured_zone_are_denied_as_ever() -> None:
    known = with_corp()
    deny(known, "other.example. A")
    assert known.recall(question("www.other.example. A"), NOW) is not None


def test_what_a_configured_zone_said_itself_counts_in_it() -> None:
    known = with_corp()
    deny(known, "gone.corp.example. A", zone=CORP)
    assert known.recall(question("x.gone.corp.example. A"), NOW) is not None


def test_an_alias_or_address_learnt_above_does_not_answer_inside() -> None:
    known = with_corp()
    for text in ("corp.example. 300 CNAME elsewhere.", "www.corp.example. 300 A 192.0.2.1"):
        shown = rrset(text)
        asked = Question(shown.owner, shown.rtype)
        known.keep(Link(asked, PARENT, Verdict.ANSWER, Rcode.NOERROR, (shown,)), NOW)
    assert known.recall(question("corp.example. A"), NOW) is None
    assert known.recall(INSIDE, NOW) is None


def test_what_the_public_tree_said_instead_of_failing_forwarders_is_kept() -> None:
    """`first`: else each client's question waits for the forwarders again."""
    known = with_corp(yielding=True)
    shown = rrset("www.corp.example. 300 A 192.0.2.1")
    known.keep(Link(INSIDE, PARENT, Verdict.ANSWER, Rcode.NOERROR, (shown,)), NOW)
    assert known.recall(INSIDE, NOW) is not None


def test_a_dname_above_redirects_nothing_inside() -> None:
    known = with_corp()
    known.keep(redirected("example.", ttl=300, status=Status.SECURE), NOW)
    assert known.recall(INSIDE, NOW) is None
    assert known.recall(question("www.other.example. A"), NOW) is not None


# --- below what does not exist --------------------------------------------------------------------

BELOW = question("deep.www.gone.example. TXT")


@pytest.mark.rfc("RFC 8020 §2")
def test_below_a_name_that_was_proven_absent_there_is_nothing() -> None:
    known = memory()
    deny(known, "gone.example. A")
    found = known.recall(BELOW, NOW)
    assert found is not None
    assert (found.rcode, found.status) == (Rcode.NXDOMAIN, Status.SECURE)
    assert known.recall(question("went.example. TXT"), NOW) is None
    assert known.recall(BELOW, NOW + SOA.ttl) is None


@pytest.mark.rfc("RFC 8020 §2")
def test_an_unproven_denial_ends_only_its_own_name() -> None:
    """Unsigned servers say NXDOMAIN of empty non-terminals."""
    known = memory()
    asked = question("gone.example. A")
    for status in (Status.INSECURE, Status.UNCHECKED):
        known.negatives.put(asked, Rcode.NXDOMAIN, (SOA,), zone=PARENT, now=NOW, status=status)
        assert known.recall(BELOW, NOW) is None


@pytest.mark.rfc("RFC 2308 §5")
@pytest.mark.parametrize("soa", ["3600 SOA ns.example. root.example. 1 2 3 4 0",
                                 "0 SOA ns.example. root.example. 1 2 3 4 3600"])  # fmt: skip
def test_a_denial_of_ttl_0_is_told_with_ttl_0(soa: str) -> None:
    """Else whatever keeps the reply keeps it as long as its SOA says."""
    known = memory()
    asked = question("gone.example. A")
    denied = Link(
        asked, ZONE, Verdict.NXDOMAIN, Rcode.NXDOMAIN, (), (rrset(f"example. {soa}"),), None
    )
    told = known.keep(denied, NOW)
    assert [one.ttl for one in told.authority] == [0]
    assert known.recall(asked, NOW) is None
