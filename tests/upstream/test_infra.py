"""What is remembered of an address, and what is not."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import limits
from resolver.model import Server, Verdict
from resolver.protocol.names import from_text
from resolver.protocol.transport import Transport
from resolver.upstream.infra import Infra
from resolver.upstream.server_state import EdnsState, ServerState, owner_domain_of, prefix_of

ONE, TWO = from_text("one.test"), from_text("two.test")


def state() -> ServerState:
    return ServerState(Server("192.0.2.1").key)


@pytest.mark.reaches("EXPIRY_FLOOR_SECONDS")
def test_the_first_answer_is_the_estimate() -> None:
    """Unlike Unbound's, which starts at an eighth of it with a variance that hides the rest."""
    address = state()
    address.note_answer(0.02, now=1.0)
    assert address.srtt == 0.02
    assert address.expiry_s == limits.EXPIRY_FLOOR_SECONDS


def test_improvement_is_believed_faster_than_decline() -> None:
    up, down = state(), state()
    for address, rtt in ((up, 0.08), (down, 0.02)):
        address.note_answer(0.05, now=1.0)
        address.note_answer(rtt, now=2.0)
    assert up.srtt - 0.05 < 0.05 - down.srtt


def test_an_answer_ends_all_doubt() -> None:
    address = state()
    for owner_domain in (ONE, TWO):
        address.note_sent(owner_domain, 1.0)
        address.note_silence(owner_domain, 1.0, 2.0)
    assert address.is_silent(from_text("three.test"))
    address.note_answer(0.01, now=3.0)
    assert not address.is_silent(ONE)
    assert address.fails == 0


def test_packets_of_one_burst_are_one_failure() -> None:
    address = state()
    for _ in range(4):
        address.note_silence(ONE, 1.0, 2.0)
    assert address.fails == 1


def test_one_loss_of_a_server_that_answers_is_not_its_death() -> None:
    address = state()
    address.note_answer(0.01, now=1.0)
    address.note_silence(ONE, 2.0, 2.3)
    assert not address.is_silent(ONE)
    address.note_silence(ONE, 3.0, 3.3)
    assert address.is_silent(ONE)
    assert not address.is_silent(TWO)


def test_icmp_counts_for_all_zones_at_once() -> None:
    address = state()
    address.note_unreachable(ONE, 1.0)
    assert address.is_silent(TWO)


def test_in_flight_age_casts_doubt_before_anything_expires() -> None:
    address = state()
    address.note_answer(0.02, now=1.0)
    address.note_sent(ONE, 2.0)
    assert not address.is_overdue(ONE, 2.03)
    assert address.is_overdue(ONE, 2.2)
    assert not address.is_overdue(TWO, 2.2)
    address.note_sent(TWO, 2.0)
    assert address.is_overdue(from_text("three.test"), 2.2)


@pytest.mark.reaches("REVIVE_SECONDS", "REVIVE_CEILING_SECONDS")
def test_a_silent_server_is_tried_again_ever_more_rarely() -> None:
    address = state()
    address.note_answer(0.02, now=0.0)
    waits = []
    now = 0.0
    for _ in range(12):
        address.note_silence(ONE, now, now)
        start = now
        while not address.may_revive(now):
            now += 1.0
        waits.append(now - start)
    assert waits[0] == limits.REVIVE_SECONDS
    assert waits == sorted(waits)
    assert waits[-1] == limits.REVIVE_CEILING_SECONDS


@pytest.mark.reaches("LAME_SECONDS")
def test_lameness_is_of_address_and_zone_and_lapses() -> None:
    infra = Infra(rng=random.Random(0))
    address = infra.state(Server("192.0.2.1"))
    infra.mark(address, ONE, Verdict.LAME, now=1.0)
    assert infra.marked(address, ONE, 2.0)
    assert not infra.marked(address, TWO, 2.0)
    assert not infra.marked(address, ONE, 1.0 + limits.LAME_SECONDS)


@pytest.mark.reaches("LAME_SECONDS", "SERVFAIL_SECONDS", "REFUSED_SECONDS")
@pytest.mark.parametrize(
    ("verdict", "limit"),
    [
        (Verdict.LAME, limits.LAME_SECONDS),
        (Verdict.SERVFAIL, limits.SERVFAIL_SECONDS),
        (Verdict.REFUSED, limits.REFUSED_SECONDS),
        (Verdict.USELESS, limits.REFUSED_SECONDS),
    ],
)
def test_a_mark_lasts_as_long_as_its_reason_may(verdict: Verdict, limit: float) -> None:
    infra = Infra(rng=random.Random(0))
    address = infra.state(Server("192.0.2.1"))
    infra.mark(address, ONE, verdict, now=1.0)
    assert infra.marked(address, ONE, 0.9 + limit)
    assert not infra.marked(address, ONE, 1.0 + limit)


def test_who_answers_other_names_is_not_marked_for_those_it_fails() -> None:
    """Not at first, when nobody knows; and not for ever, for a server may lose a zone."""
    infra = Infra(rng=random.Random(0))
    address = infra.state(Server("192.0.2.1"))
    infra.mark(address, ONE, Verdict.REFUSED, now=1.0)
    assert infra.marked(address, ONE, 1.0)
    infra.unmark(address, ONE, now=2.0)
    infra.mark(address, ONE, Verdict.REFUSED, now=3.0)
    assert not infra.marked(address, ONE, 3.0)
    infra.mark(address, TWO, Verdict.REFUSED, now=3.0)
    assert infra.marked(address, TWO, 3.0)
    later = 2.0 + limits.REFUSED_SECONDS
    infra.mark(address, ONE, Verdict.REFUSED, now=later)
    assert infra.marked(address, ONE, later)


@pytest.mark.reaches("ZONE_MARKS")
def test_zones_do_not_fill_the_memory_of_an_address() -> None:
    infra = Infra(rng=random.Random(0))
    address = infra.state(Server("192.0.2.1"))
    zones = [from_text(f"z{at}.test") for at in range(limits.ZONE_MARKS + 1)]
    for zone in zones:
        infra.mark(address, zone, Verdict.LAME, now=1.0)
    assert len(address.marks) == limits.ZONE_MARKS
    assert not infra.marked(address, zones[0], 2.0)
    assert infra.marked(address, zones[-1], 2.0)


@pytest.mark.reaches("OWNER_DOMAINS_PER_ADDRESS")
def test_witnesses_of_a_silence_are_bounded() -> None:
    address = state()
    for at in range(limits.OWNER_DOMAINS_PER_ADDRESS + 5):
        address.note_sent(from_text(f"z{at}.test"), 1.0)
    assert len(address.waiting) == limits.OWNER_DOMAINS_PER_ADDRESS
    for at in range(limits.OWNER_DOMAINS_PER_ADDRESS + 5):
        address.note_silence(from_text(f"z{at}.test"), 1.0, 2.0)
    assert len(address.silent_domains) == limits.OWNER_DOMAINS_PER_ADDRESS


@pytest.mark.reaches("EXPIRY_UNKNOWN_SECONDS", "OVERDUE_UNKNOWN_SECONDS", "OVERDUE_FLOOR_SECONDS")
def test_strangers_get_more_time_and_neighbours_not_too_little() -> None:
    """RFC 6298 §2.1 and §2.4."""
    address = state()
    assert address.expiry_s == limits.EXPIRY_UNKNOWN_SECONDS
    assert address.overdue_s == limits.OVERDUE_UNKNOWN_SECONDS
    address.note_answer(0.0002, now=1.0)
    assert address.overdue_s == limits.OVERDUE_FLOOR_SECONDS


@pytest.mark.reaches("EDNS_BROKEN_SECONDS")
@pytest.mark.rfc("RFC 6891 §6.2.2")
def test_broken_edns_is_tried_again_after_a_while() -> None:
    """RFC 6891 §6.2.2."""
    address = state()
    address.note_edns(EdnsState.BROKEN, 1.0)
    assert not address.knows_edns(0.9 + limits.EDNS_BROKEN_SECONDS)
    assert address.knows_edns(1.0 + limits.EDNS_BROKEN_SECONDS)


@pytest.mark.rfc("RFC 7873 §5.3")
def test_cookies_are_per_server() -> None:
    """RFC 7873 §6: two servers must not recognise the client by its cookie."""
    infra = Infra(rng=random.Random(0))
    cookies = {infra.cookie(infra.state(Server(f"192.0.2.{i}"))) for i in range(20)}
    assert len(cookies) == 20
    assert all(len(cookie) == 8 for cookie in cookies)


def test_a_snapshot_is_a_guess_after_the_restart() -> None:
    before, after = Infra(rng=random.Random(0)), Infra(rng=random.Random(0))
    before.note_answer(before.state(Server("192.0.2.1")), 0.025, 10.0)
    before.state(Server("192.0.2.2"))
    kept = before.snapshot(20.0)
    assert [entry.host for entry in kept] == ["192.0.2.1"]
    after.restore(kept, away_s=60.0, now=5.0)
    address = after.state(Server("192.0.2.1"))
    assert address.n == 0
    assert address.hint
    assert math.isclose(math.exp(address.hint.log_rtt), 0.025)
    assert 0.15 <= address.hint.spread < 0.16


def test_who_was_not_asked_in_this_run_is_kept_for_the_next() -> None:
    """The second restart knows what the first run measured, as a wider guess."""
    first, second, third = (Infra(rng=random.Random(0)) for _ in range(3))
    first.note_answer(first.state(Server("192.0.2.1")), 0.025, 10.0)
    second.restore(first.snapshot(20.0), away_s=60.0, now=1000.0)
    (kept,) = second.snapshot(1100.0)
    assert kept[:6] == ("192.0.2.1", 53, "udp", "", 0.025, 170.0)
    third.restore([kept], away_s=7200.0, now=0.0)
    hint = third.state(Server("192.0.2.1")).hint
    assert hint is not None
    assert math.isclose(hint.spread, math.hypot(0.15, (7200 + 170) / 43_200))


def test_what_was_measured_long_ago_is_worth_no_more_than_nothing() -> None:
    """And no less: the others of the list count."""
    infra = Infra(rng=random.Random(0))
    infra.note_answer(infra.state(Server("192.0.2.1")), 0.025, 10.0)
    after = Infra(rng=random.Random(0))
    after.restore(infra.snapshot(20.0), away_s=1e12, now=1000.0)
    hint = after.state(Server("192.0.2.1")).hint
    assert hint is not None
    assert hint.spread == limits.GLOBAL_SPREAD


def taught(now: float) -> Infra:
    """Two servers: one bears everything, the other neither EDNS, cookies nor mixed case."""
    infra = Infra(rng=random.Random(0))
    able, unable = infra.state(Server("192.0.2.1")), infra.state(Server("192.0.2.2"))
    for state in (able, unable):
        infra.note_answer(state, 0.025, now)
    able.note_edns(EdnsState.WORKS, now)
    able.bears_cookies = able.bears_mixing = True
    unable.note_edns(EdnsState.BROKEN, now)
    unable.note_no_cookies(now)
    unable.case_broken_until = now + limits.CASE_BROKEN_SECONDS
    return infra


def test_what_a_server_does_not_bear_is_known_over_a_restart_for_as_long_as_before() -> None:
    """Each had cost a time-out (RFC 6891 §6.2.2: remember, but try again)."""
    kept = taught(0.0).snapshot(100.0)
    for away_s, is_known in ((400.0, True), (501.0, False)):
        after = Infra(rng=random.Random(0))
        after.restore(kept, away_s=away_s, now=7.0)
        state = after.state(Server("192.0.2.2"))
        assert state.knows_edns(7.0) is not is_known
        assert (state.no_cookies_until > 7.0) is is_known
        assert (state.case_broken_until > 7.0) is is_known
        assert state.knows_edns(7.0 + 101.0)
        assert state.no_cookies_until <= 7.0 + 101.0


def test_what_is_so_for_ever_is_told_in_seconds_and_stays_so() -> None:
    """A snapshot has numbers only; who is never sent a cookie is not after a restart either."""
    infra = taught(0.0)
    infra.states[Server("192.0.2.2").key].no_cookies_until = math.inf
    kept = infra.snapshot(100.0)
    assert all(math.isfinite(left_s) for one in kept for left_s in one.habits[1:4])
    after = Infra(rng=random.Random(0))
    state = after.state(Server("192.0.2.2"))
    state.no_cookies_until = math.inf
    after.restore(kept, away_s=1.0, now=7.0)
    assert state.no_cookies_until == math.inf


@pytest.mark.reaches("SERVER_HABITS_SECONDS")
def test_what_a_server_bears_is_not_taken_away_by_a_restart_but_after_a_day() -> None:
    kept = taught(0.0).snapshot(100.0)
    for away_s, is_known in (
        (limits.SERVER_HABITS_SECONDS - 100, True),
        (limits.SERVER_HABITS_SECONDS - 99, False),
    ):
        after = Infra(rng=random.Random(0))
        after.restore(kept, away_s=away_s, now=7.0)
        state = after.state(Server("192.0.2.1"))
        assert (state.edns is EdnsState.WORKS) is is_known
        assert state.bears_cookies is is_known
        assert state.bears_mixing is is_known


@pytest.mark.reaches("ADDRESS_STATES")
def test_the_table_is_bounded() -> None:
    infra = Infra(rng=random.Random(0))
    for i in range(limits.ADDRESS_STATES + 10):
        infra.state(Server(f"2001:db8::{i:x}"))
    assert len(infra) == limits.ADDRESS_STATES


@pytest.mark.reaches("ADDRESS_CHANCES")
def test_an_address_that_was_not_used_lately_is_forgotten() -> None:
    """It is looked for among the oldest; where these were all used, the next one goes."""
    most = 3 * limits.ADDRESS_CHANCES
    servers = [Server(f"2001:db8::{i:x}") for i in range(most + 1)]
    for idle, gone in ((3, 3), (most - 1, limits.ADDRESS_CHANCES)):
        infra = Infra(rng=random.Random(0), most=most)
        for server in servers[:most]:
            infra.state(server)
        infra.states[servers[idle].key].was_used = False
        infra.state(servers[most])
        assert [i for i, one in enumerate(servers) if one.key not in infra.states] == [gone]


@pytest.mark.parametrize(
    ("host", "prefix"),
    [
        ("192.0.2.77", "192.0.2"),
        ("2001:db8:1:2::3", "2001:db8:1"),
        ("2001:db8::1", "2001:db8:0"),
        ("::1", "0:0:0"),
        ("2001::5:6:7:8", "2001:0:0"),
    ],
)
def test_prefixes_are_a_24_or_a_48(host: str, prefix: str) -> None:
    assert prefix_of(host) == prefix


def test_a_site_is_the_last_two_labels() -> None:
    assert owner_domain_of(from_text("a.b.example.com")) == from_text("example.com")
    assert owner_domain_of(from_text("com")) == from_text("com")
    assert owner_domain_of(from_text(".")) == from_text(".")


@given(st.lists(st.floats(0.0001, 5.0), min_size=1, max_size=50))
def test_the_estimate_stays_among_the_samples(rtts: list[float]) -> None:
    address = state()
    for at, rtt in enumerate(rtts):
        address.note_answer(rtt, float(at))
    assert min(rtts) - 1e-9 <= address.srtt <= max(rtts) + 1e-9
    assert address.var >= 0.0
    assert address.overdue_s <= max(address.expiry_s, limits.OVERDUE_FLOOR_SECONDS)


def test_what_is_known_is_known_of_an_address_over_one_transport() -> None:
    """TLS on port 853 is another server's business than plain DNS on 53; so is another proof."""
    infra = Infra(rng=random.Random(1))
    plain = Server("192.0.2.1")
    tls = plain._replace(port=853, transport=Transport.TLS, auth_name="dns.test")
    other = tls._replace(auth_name="other.test")
    infra.note_answer(infra.state(plain), 0.02, 1.0)
    infra.note_answer(infra.state(tls), 0.06, 1.0)
    assert [infra.state(one).n for one in (plain, tls, other)] == [1, 1, 0]
    assert infra.state(plain._replace(nameserver=b"\2ns\0")) is infra.state(plain)

    after = Infra(rng=random.Random(1))
    after.restore(infra.snapshot(2.0), away_s=0.0, now=5.0)
    assert [after.state(one).hint is not None for one in (plain, tls, other)] == [True, True, False]


@pytest.mark.reaches("OWNER_DOMAINS")
def test_owner_domains_do_not_fill_memory() -> None:
    for at in range(limits.OWNER_DOMAINS + 10):
        owner_domain_of(from_text(f"n{at}.example.com"))
    assert owner_domain_of.cache_info().currsize == limits.OWNER_DOMAINS
