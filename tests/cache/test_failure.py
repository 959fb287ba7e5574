"""Failures: one second, doubling, five minutes at most (RFC 9520)."""

from __future__ import annotations

import pytest

from resolver.cache.failure import FailureCache
from resolver.limits import FAILURE_CACHE_OCTETS, FAILURE_TTL_SECONDS
from resolver.protocol.names import from_text
from tests.making import question

ASKED = question("www.example. A")


@pytest.mark.rfc("RFC 9520 §3.2")
def test_a_failure_is_remembered_a_second() -> None:
    kept = FailureCache()
    kept.note(ASKED, (), 100.0)
    assert kept.get(ASKED, 100.9) is not None
    assert kept.get(ASKED, 101.0) is None


@pytest.mark.reaches("FAILURE_TTL_SECONDS", "FAILURE_TTL_MAX_SECONDS")
@pytest.mark.rfc("RFC 9520 §3.2")
def test_lasting_failures_double_up_to_five_minutes() -> None:
    kept = FailureCache()
    now, waits = 0.0, []
    for _ in range(12):
        failure = kept.note(ASKED, (), now)
        waits.append(failure.wait_s)
        now = failure.until
    assert waits[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert waits[-1] == 300.0


def test_a_failure_long_ago_does_not_count() -> None:
    kept = FailureCache()
    kept.note(ASKED, (), 0.0)
    assert kept.note(ASKED, (), 50.0).wait_s == 1.0


def test_what_our_link_did_to_a_zone_is_forgiven_there_and_nowhere_else() -> None:
    for zone, is_forgiven in (("example.", True), (".", True), ("net.", False)):
        kept = FailureCache()
        kept.note(ASKED, (), 0.0)
        kept.forgive(from_text(zone))
        assert (kept.get(ASKED, 0.5) is None) is is_forgiven


@pytest.mark.rfc("RFC 9520 §3.2")
def test_a_failure_that_somebody_else_remembers_does_not_grow() -> None:
    kept = FailureCache()
    waits = []
    now = 0.0
    for _ in range(5):
        failure = kept.note(ASKED, (), now, grows=False)
        waits.append(failure.wait_s)
        now = failure.until
    assert waits == [FAILURE_TTL_SECONDS] * 5


@pytest.mark.reaches("FAILURE_CACHE_OCTETS")
def test_memory_is_bounded() -> None:
    """RFC 9520 §3.2: failures of names that anybody can make up must not fill memory."""
    kept = FailureCache()
    octets = kept.note(ASKED, (), 0.0).octets()
    most = FAILURE_CACHE_OCTETS // octets
    for at in range(most + 10):
        kept.note(ASKED._replace(qname=b"\4%04x\0" % at), (), 0.0)
    assert len(kept) == most
    assert kept.get(ASKED, 0.5) is None
