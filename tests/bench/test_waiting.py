"""Who waits is counted by when it was replied to, and hits by when they were asked."""

from __future__ import annotations

import math

from bench.attack.client import query
from bench.waiting import authority
from bench.waiting.__main__ import Times, cells, held
from bench.waiting.clients import Asked, Hit
from resolver.protocol.codes import RRType
from resolver.protocol.wire import parse_untrusted


def test_who_is_never_replied_to_is_not_said_to_wait() -> None:
    crowd = [Asked(0.0, 5.0), Asked(1.0, 2.0), Asked(3.0, 9.0), Asked(0.5, math.inf)]
    assert [held(crowd, at) for at in (0.9, 1.5, 4.0, 10.0)] == [1, 2, 2, 0]


def test_hits_count_for_when_they_were_asked() -> None:
    hits = [Hit(0.5, 0.001), Hit(1.5, 0.002), Hit(1.6, math.inf), Hit(3.5, 0.003), Hit(9.0, 1.0)]
    crowd = [Asked(1.0, 3.5), Asked(1.1, 1.9), Asked(1.2, math.inf)]
    row = cells(hits, crowd, Times(1.0, 3.0, 4.0), 0.3)
    assert row[:3] == ["1, 0", "1", "1"]
    assert row[3] == "1.00–1.00 (1)"
    assert row[5] == "3.00–3.00 (1)"
    assert row[6:] == ["1", "0.3", "100000"]


def test_the_root_delegates_zones_to_a_silent_server_each_and_answers_the_rest() -> None:
    delegated = parse_untrusted(authority.reply(query("w1.z300.world")))
    assert not delegated.answer
    assert [rrset.rtype for rrset in delegated.authority] == [RRType.NS]
    assert delegated.additional[0].rdata == bytes([10, 80, 1, 44])
    known = parse_untrusted(authority.reply(query("known.good.world")))
    assert known.answer[0].rdata == bytes([203, 0, 113, 7])
