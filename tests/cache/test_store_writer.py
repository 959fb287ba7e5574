"""What goes to disk, within the budget, and what has to leave for it."""

from __future__ import annotations

import pytest

from resolver.cache import store_budget
from resolver.cache.basis import Basis
from resolver.cache.store import CUT, Row
from resolver.cache.store_writer import Writer, batches, item_of
from resolver.delegation import Delegation
from resolver.limits import (
    STORE_BATCH,
    STORE_QUEUE,
    STORE_RECORD_OCTETS,
    STORE_SWEEP,
)
from resolver.model import Status
from resolver.protocol.codes import RRType
from tests.cache.shelf import NOW, WALL, WWW, Bench, delegation, denied, entry
from tests.making import name, question

# --- writing ----------------------------------------------------------------------------------


def test_of_one_place_the_last_is_written(bench: Bench) -> None:
    first, last = entry(status=Status.UNCHECKED), entry("www.example. 300 A 192.0.2.7")
    assert [item.what for item in bench.learn(first, last)] == [last]


def test_what_has_no_place_is_not_written(bench: Bench) -> None:
    """Bogus data, expired proofs, numbers that stand for other things, the root, forwarders."""
    bogus = entry(status=Status.BOGUS)
    odd = entry()
    odd.rtype = CUT
    nothing = denied("x.example. A")._replace(rtype=0xFFFF)
    host = name("ns.example.")
    forward = Delegation(name("example."), (host,), {}, NOW + 9, is_forward=True)
    root = Delegation(b"\0", (host,), {}, NOW + 9)
    assert bench.learn(bogus, odd, nothing, forward, root, object()) == []
    assert bench.learn(delegation("example.", until=NOW)) == []


def test_what_is_over_is_written_only_where_it_ends_something(bench: Bench) -> None:
    """As it came, or since: what was there before is over with it."""
    bench.learn(entry(until=NOW), denied("x.example. A", until=NOW))
    assert bench.store.written == 0
    bench.learn(entry(), denied("x.example. A"))
    bench.learn(entry("www.example. 300 A 192.0.2.7", until=NOW), denied("x.example. A", until=NOW))
    bench.another()
    assert bench.bring(WWW)
    found, gone = bench.rrsets.peek(WWW.qname, RRType.A), question("x.example. A")
    assert found is not None
    assert (found.ttl, found.rdatas) == (0, (bytes([192, 0, 2, 7]),))
    assert bench.bring(gone)
    assert bench.negatives.get(*gone[:2], NOW) is None


def test_an_end_is_written_before_what_is_new(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.store.filter.begin(1 << 16)
    bench.learn(entry())
    bench.store.filter.finish()
    monkeypatch.setattr(store_budget, "_MOST", float(STORE_RECORD_OCTETS))
    writer = Writer(bench.store, octets=1 << 20, believes=lambda: True)
    end = entry("www.example. 300 A 192.0.2.7", until=NOW + 1)
    bench.level.learnt.extend([entry("x.example. 300 A 192.0.2.1", until=NOW + 99), end])
    assert [item.what for item in writer.take(bench.level, NOW)] == [end]


def test_what_is_worth_less_does_not_take_the_place_of_more(bench: Bench) -> None:
    bench.learn(entry(status=Status.SECURE))
    bench.learn(entry("www.example. 300 A 192.0.2.9", status=Status.UNCHECKED))
    bench.another()
    bench.bring(WWW)
    found = bench.rrsets.peek(WWW.qname, RRType.A)
    assert found is not None
    assert found.status is Status.SECURE


def test_while_the_public_tree_does_not_validate_only_configured_zones_are_kept(
    bench: Bench,
) -> None:
    bench.another(Basis(b"p" * 8, b"t" * 8, {name("corp."): b"c" * 8}, validates=True))
    bench.writer.believes = lambda: False
    items = bench.learn(entry(), entry("a.corp. 300 A 192.0.2.1"))
    assert [item.name for item in items] == [name("a.corp.")]


@pytest.mark.reaches("STORE_QUEUE")
def test_a_disk_that_stalls_costs_no_memory(bench: Bench) -> None:
    bench.level.learnt.extend(range(STORE_QUEUE + 5))
    assert len(bench.level.learnt) == STORE_QUEUE
    assert bench.level.learnt[0] == 5


@pytest.mark.reaches("STORE_BATCH")
def test_batches_are_small() -> None:
    items = [item_of(entry(), Basis(b"", b"", {}, validates=True))] * (STORE_BATCH + 1)
    sizes = [len(batch) for batch in batches(items, STORE_BATCH)]
    assert sizes == [STORE_BATCH, 1]


@pytest.mark.reaches("STORE_SWEEP")
def test_what_is_of_no_use_any_more_goes_some_at_a_time(bench: Bench) -> None:
    old = [Row(number, 1, int(WALL) - 1, b"x") for number in range(1, STORE_SWEEP + 11)]
    bench.file.write([*old, Row(-5, 1, int(WALL) + 1, b"x")], residents=[Row(0, 1, 0, b"key")])
    bench.writer.sweep(NOW)
    assert len(bench.file.slice(-(1 << 63), 1000)) == 12
    bench.writer.sweep(NOW)
    assert [row.number for row in bench.file.slice(-(1 << 63), 1000)] == [-5]
    assert bench.file.old(0, table="resident") == b"key"


@pytest.mark.reaches("STORE_OCTETS")
def test_where_there_is_too_much_what_was_not_used_for_long_goes(bench: Bench) -> None:
    until = int(WALL) + 9999
    old = [Row(2 * at, 100, until, bytes(900)) for at in range(1, 1500)]
    new = [Row(2 * at + 1, 200, until, bytes(900)) for at in range(1, 1500)]
    bench.file.write([*old, *new])
    bench.writer.octets = 1 << 21
    for _ in range(20):
        bench.writer.sweep(NOW)
    assert bench.file.octets() <= 1 << 21
    left = [row.used for row in bench.file.slice(-(1 << 63), 5000)]
    assert left.count(200) > 3 * left.count(100)
    assert len(left) > 900


def test_a_note_is_kept_under_its_name(bench: Bench) -> None:
    bench.writer.keep_note("servers", b"[]", NOW)
    bench.clock.passed_s = 50
    note = bench.writer.note("servers", NOW + 50)
    assert note is not None
    assert (note.octets, note.age_s) == (b"[]", 50)
    assert bench.writer.note("warm", NOW) is None
