"""Forgetting names on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.cache import record
from resolver.cache.gaps import Proven
from resolver.cache.store import number_of
from resolver.cache.store_forget import TABLES, Meant, forget_places, forget_some, without
from resolver.limits import STORE_BATCH
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.cache.shelf import NOW, Bench, delegation, denied, entry
from tests.making import name, question, rrset

if TYPE_CHECKING:
    from collections.abc import Iterable


def forget(bench: Bench, text: str, *, below: bool) -> None:
    meant = Meant(name(text), below)
    for table in TABLES:
        at: int | None = meant.first(table)
        while at is not None:
            at, _ = forget_some(bench.store, meant, table, at)
            bench.file.let_go()


def left(bench: Bench, texts: Iterable[str]) -> set[str]:
    """Of which of these there is an address on disk."""
    bench.another()
    return {text for text in texts if bench.bring(question(f"{text} A"))}


HOSTS = ("www.example.", "a.www.example.", "example.", "wwwexample.", "www.other.", "b.c.example.")


@pytest.mark.parametrize(
    ("text", "below", "gone"),
    [
        ("www.example.", False, {"www.example."}),
        ("www.example.", True, {"www.example.", "a.www.example."}),
        ("example.", True, {"www.example.", "a.www.example.", "example.", "b.c.example."}),
        ("example.", False, {"example."}),
        (".", True, set(HOSTS)),
        (".", False, set()),
        ("c.example.", True, {"b.c.example."}),
    ],
)
def test_a_name_is_forgotten_alone_or_with_all_below(
    bench: Bench, text: str, *, below: bool, gone: set[str]
) -> None:
    bench.learn(*(entry(f"{host} 300 A 192.0.2.1") for host in HOSTS))
    assert left(bench, HOSTS) == set(HOSTS)
    forget(bench, text, below=below)
    assert left(bench, HOSTS) == set(HOSTS) - gone


def test_denials_and_delegations_go_too(bench: Bench) -> None:
    bench.learn(denied("gone.www.example. A"), delegation("www.example."), delegation("example."))
    forget(bench, "www.example.", below=True)
    assert not left(bench, ["gone.www.example."])
    bench.bring(question("x.www.example. A"))
    assert bench.delegations.get(name("www.example."), NOW) is None
    assert bench.delegations.get(name("example."), NOW) is not None


NSEC = (
    "a.example. 300 NSEC z.example. A RRSIG NSEC",
    "a.example. 300 RRSIG NSEC 13 2 300 20380101000000 20200101000000 1 example. AAAA",
)


def proven() -> Proven:
    nsec, signature = rrset(NSEC[0]), rrset(NSEC[1])
    return Proven(nsec._replace(signatures=signature.rdatas), NOW + 300)


@pytest.mark.parametrize(
    ("text", "below", "is_there"),
    [
        ("m.example.", False, False),
        ("example.", False, False),
        (".", True, False),
        ("m.other.", True, True),
        ("other.", True, True),
    ],
)
def test_gaps_of_a_zone_that_may_deny_the_name_go(
    bench: Bench, text: str, *, below: bool, is_there: bool
) -> None:
    bench.learn(proven())
    bench.writer.keep_note("servers", b"[]", NOW)
    forget(bench, text, below=below)
    values = [row.value for row in bench.file.slice(-(1 << 63), 9, table="resident", values=True)]
    assert len(list(bench.another().residents(values, NOW))) == is_there
    assert bench.writer.note("servers", NOW) is not None


def test_what_waits_to_be_written_goes_too() -> None:
    meant = Meant(name("www.example."), below=True)
    kept = [entry("www.other. 300 A 192.0.2.1"), delegation("example.")]
    gone = [
        entry("a.www.example. 300 A 192.0.2.1"), denied("www.example. A"),
        delegation("www.example."), proven(),
    ]  # fmt: skip
    assert list(without([*kept, *gone, object()], meant))[:-1] == kept


def test_denials_alone_may_be_meant(bench: Bench) -> None:
    bench.learn(entry("www.example. 300 A 192.0.2.1"), denied("gone.example. A"), proven())
    meant = Meant(name("."), below=True, only_denials=True)
    gone = [forget_some(bench.store, meant, table, meant.first(table)).gone for table in TABLES]
    assert gone == [1, 1]
    bench.file.let_go()
    assert left(bench, ["www.example.", "gone.example."]) == {"www.example."}
    learnt = [entry("www.example. 300 A 192.0.2.1"), delegation("example."), denied("b.example. A")]
    assert list(without([*learnt, proven()], meant)) == learnt[:2]


def test_single_records_are_forgotten(bench: Bench) -> None:
    bench.learn(*(entry(f"{host} 300 A 192.0.2.1") for host in HOSTS))
    places = [(name("www.example."), RRType.A), (name("www.example."), RRType.AAAA)]
    assert forget_places(bench.store, places) == 1
    bench.file.let_go()
    assert left(bench, HOSTS) == set(HOSTS) - {"www.example."}


def test_a_damaged_record_is_no_hindrance(bench: Bench) -> None:
    bench.learn(entry(), proven())
    for table in TABLES:
        (row,) = bench.file.slice(-(1 << 63), 9, table=table, values=True)
        damaged = [row._replace(value=row.value[:-1] + b"\xff")]
        is_record = table == "record"
        bench.file.write(damaged if is_record else (), residents=() if is_record else damaged)
    forget(bench, "www.example.", below=False)
    assert not left(bench, ["www.example."])


def test_many_are_gone_through_a_few_at_a_time(bench: Bench) -> None:
    hosts = [f"h{number}.www.example." for number in range(3 * STORE_BATCH)]
    bench.learn(*(entry(f"{host} 300 A 192.0.2.1") for host in hosts))
    meant = Meant(name("www.example."), below=True)
    before = len(bench.file.slice(-(1 << 63), 1000))
    assert forget_some(bench.store, meant, "record", meant.first("record")).gone == STORE_BATCH
    assert before - len(bench.file.slice(-(1 << 63), 1000)) == STORE_BATCH
    forget(bench, "www.example.", below=True)
    assert not left(bench, hosts)


@given(st.binary(max_size=120))
def test_places_untrusted(octets: bytes) -> None:
    kind, owner = record.place_untrusted(octets)
    assert 0 <= kind < 256
    for text in ("www.example.", "."):
        assert Meant(name(text), below=True)(owner) in (True, False)


@given(st.lists(st.sampled_from([b"a", b"bc", b"example"]), min_size=2, max_size=6))
def test_numbers_of_what_is_below_lie_within(labels: list[bytes]) -> None:
    owner = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    for above in list(names.ancestors(owner))[:-1]:
        meant = Meant(above, below=True)
        assert meant.first("record") < number_of(owner, 1) <= meant.last("record")
