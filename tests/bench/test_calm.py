"""What `bench.calm` counts; a short outage in virtual time is survived as its bars want."""

from __future__ import annotations

import math

import pytest

from bench.calm import real, tally, virtual
from bench.calm.tally import Cut, Heard, Kind
from resolver.protocol import names
from resolver.protocol.codes import Flag, Rcode
from resolver.protocol.edns import Edns, ede_option
from resolver.protocol.wire import build, build_query, parse_untrusted

OLD, NEW = b"\x0a\0\0\1", b"\x0a\1\0\1"
CUT = Cut(100.0, 200.0, packets=90)


def known(sent_s: float, took_ms: float = 0.0, rcode: int | None = 0, told: bytes = OLD) -> Heard:
    return Heard(Kind.KNOWN, sent_s, took_ms, rcode, told)


def test_only_what_was_asked_in_the_cut_counts() -> None:
    heard = [known(99.9, rcode=2), known(100, 3.0), known(150, 9.0, None), known(200, rcode=2)]
    found = tally.figures(heard, CUT, ())
    assert (found.asked, found.failed) == (2, 1)
    assert (found.p50_ms, found.p99_ms, found.packets_per_s) == (3.0, 9.0, 0.9)
    assert not found.is_within_bars()


def test_a_failure_says_why_and_a_proven_denial_is_none() -> None:
    rcodes = ((2, frozenset({22, 23})), (2, frozenset[int]()), (3, frozenset[int]()))
    heard = [Heard(Kind.NEW, 150, 1.0, rcode, ede=ede) for rcode, ede in rcodes]
    assert tally.figures(heard, CUT, ()).told == 1 / 2


def test_the_first_fresh_answer_is_the_first_new_address() -> None:
    """Whatever a reply says of itself: the old address is stale."""
    heard = [known(199.9, 50.0, told=NEW), known(200.1), known(200.2, 300.0, told=NEW)]
    assert tally.first_fresh_s(heard[1:], 200.0, {NEW}) == pytest.approx(0.5)
    assert tally.first_fresh_s(heard, 200.0, {OLD, NEW}) < 0.1  # it came after the return
    assert tally.first_fresh_s(heard[1:2], 200.0, {NEW}) == math.inf


def test_what_is_old_ten_seconds_after_the_return_is_late() -> None:
    heard = [known(209.9), known(210.0), known(211.0, told=NEW), known(212.0, rcode=2, told=b"")]
    assert tally.stale_after(heard, 200.0, {NEW}) == [heard[1]]


def test_a_reply_is_read_with_its_extended_errors() -> None:
    query = build_query(id=1, qname=names.from_text("www.example."), qtype=1)
    reply = parse_untrusted(query)
    octets = build(
        id=1, flags=Flag.QR | Rcode.SERVFAIL, question=(reply.qname_raw, 1, 1), answer=[],
        authority=[], additional=[], edns=Edns(options=(ede_option(22, "no"), ede_option(23))),
        max_size=1232,
    )  # fmt: skip
    found = tally.heard_of(Kind.NEW, 1.0, 2.0, octets)
    assert found == Heard(Kind.NEW, 1.0, 2.0, Rcode.SERVFAIL, b"", frozenset({22, 23}))
    assert tally.heard_of(Kind.NEW, 1.0, 2.0, None).rcode is None


def test_only_names_move_and_have_short_ttls() -> None:
    """Servers and delegations stay where they are, as long as the run."""
    moved = real.line_of("R 03777777 1 3600 97010203\n", 2, seed=1)
    assert moved.startswith("R 03777777 1 ")
    assert moved.endswith(" 99010203\n")
    assert 0 < int(moved.split()[3]) <= 10
    for line in ("A 185.0.0.53 0\n", "R 026e73 1 3600 b9000035\n", "R 03777777 28 3600 97010203\n"):
        assert real.line_of(line, 2, seed=1) == line


@pytest.mark.parametrize("cut", virtual.CUTS)
def test_a_short_outage_is_survived(cut: str) -> None:
    """As the long one, but for packets: finding out takes a few, and they count for more here."""
    found = virtual.live(virtual.Story(cut, use_s=60, cut_s=310, returns=1))
    assert found.asked >= 3100
    assert (found.failed, found.late) == (0, 0)
    assert found.p99_ms <= tally.P99_BAR_MS
    assert found.new_p99_ms <= tally.P99_BAR_MS
    assert found.told == 1
    assert found.packets_per_s <= tally.PACKETS_BAR + 30 / 310
    line = tally.row("a cut", "ours", found, watched_s=30)
    assert line.startswith(f"| a cut | ours | 0 of {found.asked} (0.0%) |")
