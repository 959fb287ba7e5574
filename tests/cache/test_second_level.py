"""What is brought back from disk, and when."""

from __future__ import annotations

import pytest
from hypothesis import given

from resolver.cache import record
from resolver.cache.basis import Basis
from resolver.cache.gaps import Proven
from resolver.cache.negative import ANY_TYPE
from resolver.cache.record import Kind, Sealed, Stamp
from resolver.cache.store import CUT, Row, number_of
from resolver.cache.store_filter import data_key
from resolver.errors import StoreFailed
from resolver.limits import (
    STORE_ASKED,
    STORE_COLD_LOOKUPS,
    STORE_COMMIT_SECONDS,
    STORE_LOOKUP_SECONDS,
    STORE_USED_SECONDS,
)
from resolver.protocol.codes import RRType
from tests.cache.shelf import KEY, NOW, WALL, WWW, Bench, delegation, denied, entry
from tests.making import name, question, rrset
from tests.properties.wire_strategies import NAMES

# --- reading ----------------------------------------------------------------------------------


def test_what_was_learnt_is_brought_once_for_each_of_its_questions(bench: Bench) -> None:
    known = entry()
    bench.learn(known)
    bench.another()
    assert bench.bring(WWW)
    assert bench.rrsets.get(WWW.qname, RRType.A, NOW) == known
    assert not bench.bring(WWW)
    assert not bench.bring(question("other.example. A"))
    assert (bench.store.found, bench.store.missing) == (1, 1)


@pytest.mark.reaches("STORE_ASKED", "STORE_COMMIT_SECONDS")
def test_a_question_is_looked_up_once_in_the_time_of_one_write(bench: Bench) -> None:
    """Another worker may have learnt it since; this one may ask a dozen times for one client."""
    assert not bench.bring(WWW)
    bench.learn(entry())
    assert not bench.bring(WWW)
    bench.clock.passed_s = STORE_COMMIT_SECONDS
    assert bench.bring(WWW)
    bench.clock.passed_s = 2 * STORE_COMMIT_SECONDS
    bench.bring(WWW)
    for at in range(STORE_ASKED - 1):
        bench.level._asked.add(question(f"n{at}.example. A"))
    assert not bench.bring(question("one.more.example. A"))
    assert len(bench.level._asked) == 1


def test_an_alias_and_a_denial_of_the_name_are_brought_for_any_type(bench: Bench) -> None:
    bench.learn(entry("a.example. 300 CNAME b.example."), denied("no.example. A"))
    bench.another()
    assert bench.bring(question("a.example. AAAA"))
    assert bench.bring(question("no.example. MX"))
    assert bench.rrsets.get(name("a.example."), RRType.CNAME, NOW) is not None
    assert bench.negatives.get(name("no.example."), RRType.MX, NOW) is not None


def test_what_has_expired_is_brought_for_who_peeks(bench: Bench) -> None:
    bench.learn(entry())
    bench.another()
    bench.clock.passed_s = 4000
    assert bench.bring(WWW)
    found = bench.rrsets.peek(WWW.qname, RRType.A)
    assert found is not None
    assert found.expires_at == NOW + 300


def test_what_the_first_level_has_and_lasts_longer_stays(bench: Bench) -> None:
    bench.learn(entry())
    bench.another()
    newer = entry("www.example. 300 A 192.0.2.9", until=NOW + 999)
    bench.rrsets.entries.put((newer.owner, newer.rtype), newer)
    bench.bring(WWW)
    assert bench.rrsets.peek(WWW.qname, RRType.A) is newer


def test_what_was_denied_since_is_no_answer_for_an_outage(bench: Bench) -> None:
    """An authoritative NXDOMAIN, though it has expired too (RFC 8767 §4)."""
    bench.learn(entry())
    bench.clock.passed_s = 400
    bench.learn(denied("www.example. A", until=NOW + 500))
    bench.another()
    bench.clock.passed_s = 900
    assert bench.bring(WWW)
    assert bench.rrsets.peek(WWW.qname, RRType.A) is None
    assert bench.negatives.peek(WWW.qname, RRType.A) is not None


def test_delegations_come_along_where_somebody_must_be_asked(bench: Bench) -> None:
    bench.learn(entry(), delegation("example."), delegation("sub.example."))
    bench.another()
    bench.bring(WWW)
    assert bench.delegations.get(name("example."), NOW) is None  # nobody has to be asked
    bench.bring(question("x.sub.example. A"))
    assert bench.delegations.get(name("sub.example."), NOW) == delegation("sub.example.")
    bench.another()
    bench.clock.passed_s = 3500
    bench.bring(question("x.sub.example. A"))
    assert bench.delegations.entries.get(name("sub.example.")) is None  # a lease that is over


def cold(bench: Bench) -> bool:
    return bench.store.is_cold


@pytest.mark.reaches("STORE_LOOKUP_SECONDS", "STORE_COLD_LOOKUPS")
def test_where_the_disk_was_waited_for_a_thread_looks_until_memory_has_it_all(bench: Bench) -> None:
    """And only a disk: a look-up is late, too, on a machine that is busy."""
    bench.learn(entry())
    bench.another()
    level, store = bench.level, bench.store
    store.filter.begin(0)
    store.filter.add([data_key(question(f"{at}.example. A").qname) for at in range(-2, 1000)])
    store.filter.add([data_key(WWW.qname)])
    store.filter.finish()
    bench.reads += 1  # something else's
    bench.slow_s = STORE_LOOKUP_SECONDS * 0.99
    bench.bring(question("-2.example. A"))
    assert not cold(bench)
    bench.slow_s = STORE_LOOKUP_SECONDS * 1.01
    bench.bring(question("-1.example. A"))
    assert cold(bench)
    assert store.slow == 1
    for at in range(STORE_COLD_LOOKUPS + 3):
        asked = question(f"{at}.example. A")
        assert cold(bench)
        assert not bench.bring(asked)
        found = level.read(level.waiting.pop(asked))
        assert found == ([], [])
        if at == 2:
            store.note_cold(has_waited=True)
    assert not cold(bench)
    assert store.slow == 2
    assert bench.bring(WWW)


def test_what_nobody_came_for_waits_no_longer_than_the_rest(bench: Bench) -> None:
    """Who may not wait asks too: what it leaves behind would take all places in the end."""
    bench.store.note_cold(has_waited=True)
    for at in range(STORE_ASKED):
        bench.bring(question(f"n{at}.example. A"))
    assert len(bench.level.waiting) == STORE_ASKED
    bench.clock.passed_s = STORE_COMMIT_SECONDS
    assert not bench.bring(WWW)
    assert list(bench.level.waiting) == [WWW]


def test_what_waits_for_the_disk_is_looked_up_and_put_like_the_rest(bench: Bench) -> None:
    bench.learn(entry(), delegation("example."))
    bench.another()
    bench.store.note_cold(has_waited=True)
    level = bench.level
    for asked, is_there in ((WWW, True), (question("x.example. A"), False)):
        assert not bench.bring(asked)
        lookup = level.waiting.pop(asked)
        found = level.read(lookup)
        assert found is not None
        assert level.take(asked, lookup, found, NOW) is is_there
    assert bench.rrsets.get(WWW.qname, RRType.A, NOW) == entry()
    assert bench.delegations.get(name("example."), NOW) == delegation("example.")
    assert not bench.bring(question("y.example. A"))
    bench.file.close()
    assert level.read(level.waiting.popitem()[1]) is None
    assert isinstance(bench.store.trouble, StoreFailed)


def test_a_file_that_fails_is_asked_no_more_until_it_was_seen_to(bench: Bench) -> None:
    bench.learn(entry())
    bench.another()
    bench.file.close()
    assert not bench.bring(WWW)
    assert isinstance(bench.store.trouble, StoreFailed)
    bench.store.file = None
    bench.store.trouble = None
    assert not bench.bring(question("other.example. A"))


@pytest.mark.parametrize("value", [b"", b"rubbish" * 20, "text", 5])
def test_a_record_that_is_none_is_dropped_and_told_once(
    bench: Bench, caplog: pytest.LogCaptureFixture, value: bytes
) -> None:
    for asked in (WWW, question("other.example. A")):
        bench.file.write([Row(number_of(asked.qname, RRType.A), 0, 0, value)])
        bench.file.let_go()
        assert not bench.bring(asked)
    assert bench.store.damaged == 2
    assert len(caplog.records) == 1


def test_a_record_of_another_place_is_no_answer(bench: Bench) -> None:
    """Two of one number: the later one stays, and each says what it is of."""
    bench.learn(entry())
    bench.another()
    (row,) = bench.file.slice(-(1 << 63), 9, values=True)
    other = question("other.example. A")
    bench.file.write([row._replace(number=number_of(other.qname, RRType.A))])
    bench.file.let_go()
    assert not bench.bring(other)
    assert bench.bring(WWW)


@pytest.mark.reaches("STORE_USED_SECONDS")
def test_that_it_was_of_use_is_noted_once_a_day(bench: Bench) -> None:
    bench.learn(entry(until=NOW + 3 * STORE_USED_SECONDS))
    for passed_s, is_noted in (
        (STORE_USED_SECONDS, False),
        (STORE_USED_SECONDS + 10, True),
        (STORE_USED_SECONDS + 20, False),
    ):
        bench.another()
        bench.clock.passed_s = passed_s
        assert bench.bring(WWW)
        assert bool(bench.store.used) is is_noted
        bench.learn(entry("x.example. 9999999 A 192.0.2.1", until=NOW + 1e6))
        assert bench.store.used == {}


@given(NAMES)
def test_a_number_is_one_that_a_database_has(owner: bytes) -> None:
    for rtype in (RRType.A, ANY_TYPE, CUT, 0xFFFF):
        assert -(1 << 63) <= number_of(owner, rtype) < 1 << 63


def test_what_is_below_one_domain_lies_together() -> None:
    near = [number_of(name(text), RRType.A) >> 40 for text in ("a.b.example.com.", "example.com.")]
    far = number_of(name("a.b.example.net."), RRType.A) >> 40
    assert near[0] == near[1] != far


def test_proven_gaps_and_dnames_are_taken_back_as_a_whole(bench: Bench) -> None:
    ends, begins = int(WALL + 900), int(WALL - 900)
    times = ends.to_bytes(4, "big") + begins.to_bytes(4, "big")
    signature = b"\0\x2f\x0d\x02" + bytes(4) + times + b"\0\1" + name("example.") + b"?"
    nsec = rrset("a.example. 300 NSEC c.example. A")._replace(signatures=(signature,))
    dname = entry("d.example. 300 DNAME e.example.")
    bench.learn(Proven(nsec, NOW + 300), dname)
    rows = bench.file.slice(-(1 << 63), 9, table="resident", values=True)
    bench.clock.passed_s = 100
    found = list(bench.level.residents([row.value for row in rows], NOW + 100))
    assert sorted(map(repr, found)) == sorted(
        map(repr, [Proven(nsec._replace(ttl=200), NOW + 300), dname])
    )
    assert list(bench.level.residents([row.value for row in rows], NOW + 400)) == []
    other = bench.another(Basis(b"p" * 8, b"other..." * 1, {}, validates=True))
    assert list(other.residents([row.value for row in rows], NOW + 100)) == []


def test_a_proven_gap_whose_signature_has_ended_is_none(bench: Bench) -> None:
    signature = b"\0\x2f\x0d\x02" + bytes(14) + name("example.") + b"?"
    for signatures in ((signature,), ()):
        nsec = rrset("a.example. 300 NSEC c.example. A")._replace(signatures=signatures)
        stamp = Stamp(7, WALL, NOW, 300.0)
        body = record.denial_body(nsec)
        sealed = Sealed(Kind.DENIAL, 0, stamp, b"p" * 8, b"t" * 8, body)
        assert list(bench.level.residents([record.seal(sealed, KEY)], NOW)) == []


def test_the_wall_clock_is_asked_once_a_second(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who vouches for it costs more than the rest of a look-up."""
    bench.learn(entry(), entry("b.example. 300 A 192.0.2.1"), entry("c.example. 300 A 192.0.2.1"))
    bench.another()
    asked: list[float] = []

    def is_sure() -> bool:
        asked.append(bench.clock.now())
        return True

    monkeypatch.setattr(bench.store, "_is_sure", is_sure)
    for passed_s, text in ((0.0, "www"), (0.9, "b"), (1.0, "c")):
        bench.clock.passed_s = passed_s
        assert bench.bring(question(f"{text}.example. A"))
    assert asked == [NOW, NOW + 1.0]
    assert bench.store.times_of_late(NOW + 1.5).wall == WALL + 1.5
    assert bench.store.times_of_late(NOW).wall == WALL + 1.0  # a clock that was set back: anew
