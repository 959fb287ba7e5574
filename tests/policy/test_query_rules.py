"""Queries that are no ordinary ones, and those that only look odd."""

from __future__ import annotations

import pytest

from resolver.policy import query_rules
from resolver.protocol.codes import Rcode
from resolver.protocol.wire import build_query, parse_untrusted


def judged(qtype: int) -> int | None:
    refusal = query_rules.check(parse_untrusted(build_query(id=1, qname=b"\3www\0", qtype=qtype)))
    return None if refusal is None else refusal.rcode


@pytest.mark.rfc("RFC 6895 §3.1")
def test_type_zero_is_a_type_like_any_other() -> None:
    """Reserved, but a question all the same: Unbound, Knot, PowerDNS and BIND look it up."""
    assert judged(0) is None
    assert judged(65_535) is None
    assert judged(41) == Rcode.FORMERR
