"""What the caches say together."""

from __future__ import annotations

import pytest

from resolver.cache.failure import FailureCache
from resolver.cache.negative import NegativeCache
from resolver.cache.rrset import RRsetCache
from resolver.limits import FLEETING_DNAMES, ZERO_TTL_DNAME_SECONDS
from resolver.model import Outcome, Question, RRset, Status, Verdict
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.names import from_text
from resolver.recurse.memory import Memory

NOW = 1000.5
ZONE = from_text("example.")
TARGET = from_text("example.net.")


def memory() -> Memory:
    return Memory(
        RRsetCache(1 << 20), NegativeCache(1 << 20), FailureCache(), None, is_checked=True
    )


def redirected(owner: str, *, ttl: int, status: Status) -> Outcome:
    """As it came for the name `a` below *owner*."""
    question = Question(from_text(f"a.{owner}"), RRType.A)
    dname = RRset(from_text(owner), RRType.DNAME, ttl, (TARGET,))
    cname = RRset(question.qname, RRType.CNAME, ttl, (from_text("a.example.net."),))
    return Outcome(question, ZONE, Verdict.DNAME, Rcode.NOERROR, (dname, cname), (), None, status)


def other(owner: str) -> Question:
    return Question(from_text(f"b.{owner}"), RRType.A)


@pytest.mark.reaches("ZERO_TTL_DNAME_SECONDS")
def test_secure_dname_of_ttl_0_redirects_for_a_moment_with_ttl_0() -> None:
    """As Unbound's does: the names of one page are one transaction (RFC 1035 §3.2.1)."""
    known = memory()
    known.keep(redirected("d.example.", ttl=0, status=Status.SECURE), NOW)
    found = known.recall(other("d.example."), NOW + int(ZERO_TTL_DNAME_SECONDS))
    assert found is not None
    assert [(rrset.rtype, rrset.ttl) for rrset in found.answer] == [
        (RRType.DNAME, 0),
        (RRType.CNAME, 0),
    ]
    assert found.status is Status.SECURE
    assert known.recall(other("d.example."), NOW + int(ZERO_TTL_DNAME_SECONDS) + 1) is None
    assert known.recall(Question(from_text("d.example."), RRType.DNAME), NOW) is None


def test_insecure_dname_of_ttl_0_redirects_no_other_name() -> None:
    known = memory()
    known.keep(redirected("d.example.", ttl=0, status=Status.INSECURE), NOW)
    assert known.recall(other("d.example."), NOW) is None


@pytest.mark.reaches("FLEETING_DNAMES")
def test_dnames_of_ttl_0_are_few() -> None:
    known = memory()
    for at in range(int(FLEETING_DNAMES) + 1):
        known.keep(redirected(f"d{at}.example.", ttl=0, status=Status.SECURE), NOW)
    assert known.recall(other("d0.example."), NOW) is None
    assert known.recall(other("d1.example."), NOW) is not None
