"""What the attack bench says of a run is what it measured, and its authority speaks DNS."""

from __future__ import annotations

import math

import dns.flags
import dns.message
import dns.rdatatype
import pytest

from bench.attack import __main__ as bench
from bench.attack.authority import FLUSH_SERVERS, SERVERS, answer, refer
from bench.attack.bed import Usage
from bench.attack.client import Phase, quantile, query
from bench.attack.run import Report


@pytest.mark.parametrize(
    ("name", "qtype", "answers", "authority"),
    [
        ("a.good.world", "A", 1, 0),
        ("good.world", "A", 0, 1),
        (".", "NS", 1, 0),
        ("ns.world", "A", 1, 0),
        ("b.big.world", "TXT", 1, 0),
        ("a.b.flush.world", "A", 0, FLUSH_SERVERS),
    ],
)
def test_the_authority_answers_in_whole_messages(
    name: str, qtype: str, answers: int, authority: int
) -> None:
    asked = dns.message.make_query(name, qtype)
    reply = dns.message.from_wire(answer(asked.to_wire(), is_stream=True))
    assert asked.is_response(reply)
    assert sum(map(len, reply.answer)) == answers
    assert sum(map(len, reply.authority)) == authority


def test_the_root_refers_to_a_zones_own_server() -> None:
    asked = dns.message.make_query("a.good.world", "A")
    reply = dns.message.from_wire(refer(asked.to_wire()))
    assert not reply.flags & dns.flags.AA
    assert [str(rrset.name) for rrset in reply.authority] == ["good.world."]
    assert [rrset[0].to_text() for rrset in reply.additional] == [SERVERS[b"good"]]


def test_what_is_big_is_truncated_over_udp() -> None:
    asked = dns.message.make_query("b.big.world", "TXT")
    assert dns.message.from_wire(answer(asked.to_wire(), is_stream=False)).flags & dns.flags.TC


def test_its_queries_are_queries() -> None:
    asked = dns.message.from_wire(query("known.good.world", qtype=16, number=5))
    assert asked.id == 5
    assert asked.question[0].to_text() == "known.good.world. IN TXT"


def test_a_loss_counts_as_the_longest_time() -> None:
    times = [1.0] * 98 + [math.inf] * 2
    assert quantile(times, 0.5) == 1.0
    assert quantile(times, 0.99) == math.inf
    assert math.isnan(quantile([], 0.5))


def _report(name: str, *, growth_mb: float, hits_ms: float, recovered_s: float) -> Report:
    quiet, attacked = Phase([1.0], [2.0]), Phase([hits_ms], [2.0])
    return Report(
        name,
        before=Usage(40.0, 10, 1.0),
        peak_mb=40.0 + growth_mb,
        after=Usage(40.0, 10, 2.0),
        phases=[quiet, attacked, quiet],
        recovered_s=recovered_s,
    )


def test_the_bars_are_those_of_the_table() -> None:
    """RSS to twice Unbound's and 16 MB, hits to twice their quiet p99 and 1 ms, ten seconds."""
    peer = _report("unbound", growth_mb=5, hits_ms=9.0, recovered_s=1)
    good = _report("ours", growth_mb=26, hits_ms=3.0, recovered_s=10)
    assert bench.missed([good, peer]) == []
    bad = _report("ours", growth_mb=27, hits_ms=3.1, recovered_s=math.nan)
    assert bench.missed([bad, peer]) == [
        "RSS grew 27 MB, Unbound's 5",
        "hits p99 3.1 ms, bar 3.0",
        "not back to the start within 10 s",
    ]
    bad.is_alive = False
    assert bench.missed([bad, peer]) == ["dead"]
