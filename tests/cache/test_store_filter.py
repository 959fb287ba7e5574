"""A name that the file cannot know costs no look-up; one that it knows is always found."""

from __future__ import annotations

import mmap
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.cache.negative import ANY_TYPE
from resolver.cache.store import CUT, key_of, number_of
from resolver.cache.store_filter import Filter, cut_key, data_key
from resolver.limits import STORE_FILTER_FILL, STORE_FILTER_OCTETS, STORE_SLOT_OCTETS
from resolver.protocol.codes import RRType
from tests.cache.shelf import NOW, WWW, Bench, delegation, entry
from tests.making import name, question
from tests.properties.wire_strategies import NAMES

KEYS = st.integers(0, (1 << 32) - 1)


def whole(octets: int = 0) -> Filter:
    made = Filter()
    made.begin(octets)
    made.finish()
    return made


@given(st.lists(KEYS), st.lists(KEYS))
def test_what_was_added_is_never_missed(before: list[int], after: list[int]) -> None:
    made = Filter()
    made.begin(0)
    made.add(before)
    made.finish()
    made.add(after)
    assert not any(map(made.lacks, before + after))


@given(NAMES, st.sampled_from([RRType.A, RRType.CNAME, RRType.HTTPS, ANY_TYPE, 65_280]))
def test_a_record_is_found_by_the_key_of_its_name(owner: bytes, rtype: int) -> None:
    assert key_of(number_of(owner, rtype)) == data_key(owner)
    assert key_of(number_of(owner, CUT)) == cut_key(owner) != data_key(owner)


def test_until_it_is_whole_every_name_may_be_known() -> None:
    made = Filter()
    assert not made.lacks(5)
    made.begin(0)
    assert not made.lacks(5)
    made.finish()
    assert made.lacks(5)


def test_workers_see_what_others_add() -> None:
    memory = mmap.mmap(-1, STORE_FILTER_OCTETS)
    first, second = Filter(memory), Filter(memory)
    assert not second.lacks(7)
    first.begin(0)
    first.finish()
    assert second.lacks(7)
    second.add([7])
    assert not first.lacks(7)
    assert first.lacks(8)


def test_what_is_added_while_it_is_made_anew_is_in_both() -> None:
    made = whole()
    made.begin(0)
    made.add([1])
    assert not made.lacks(1)
    made.finish()
    assert not made.lacks(1)
    assert made.lacks(2)


def test_made_anew_it_has_forgotten_what_is_gone() -> None:
    made = whole()
    for _ in range(3):
        made.add([1])
        made.begin(0)
        made.add([2])
        made.finish()
        assert made.lacks(1)
        assert not made.lacks(2)


def test_who_begins_again_is_told_from_who_began_before() -> None:
    """Another worker began, died, and its successor began: what was added between is to be added
    again."""
    made = whole()
    made.begin(0)
    before = made.add([1])
    made.begin(0)
    assert made.state != before


@pytest.mark.reaches("STORE_FILTER_FILL")
def test_it_is_full_when_half_of_it_is() -> None:
    made, rng = whole(), random.Random(1)
    made.add([rng.getrandbits(32) for _ in range(20_000)])  # 46 % of 65,536 slots
    assert not made.is_full()
    made.add([rng.getrandbits(32) for _ in range(4000)])  # 52 %
    assert made.is_full()
    assert STORE_FILTER_FILL == 0.5


@pytest.mark.reaches("STORE_SLOT_OCTETS", "STORE_FILTER_OCTETS")
def test_a_larger_file_has_more_slots() -> None:
    assert STORE_FILTER_OCTETS == (1 << 16) + (2 << 24)
    made = whole()
    assert not made.may_grow((1 << 16) * 32 - 1)
    assert made.may_grow((1 << 16) * 32)
    large = whole((1 << 24) * 32)
    assert not large.may_grow(1 << 50)
    assert STORE_SLOT_OCTETS == 32
    rng = random.Random(1)
    large.add([rng.getrandbits(32) for _ in range(200_000)])
    assert sum(not large.lacks(rng.getrandbits(32)) for _ in range(2000)) < 20


# --- the second level asks it -------------------------------------------------------------------


def filled(bench: Bench) -> None:
    bench.store.filter.begin(0)
    last, keys = bench.file.keys(-(1 << 63), 9)
    bench.store.filter.add(keys)
    assert bench.file.keys(last or 0, 9) == (None, [])
    bench.store.filter.finish()


def test_a_name_that_is_not_there_is_not_looked_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.learn(entry(), delegation("example."))
    filled(bench)
    bench.another()
    bench.delegations.take_back(delegation("example."))
    asked, real = [], bench.file.at

    def at(base: int) -> list[tuple[int, int, bytes]]:
        asked.append(base)
        return real(base)

    monkeypatch.setattr(bench.file, "at", at)
    monkeypatch.setattr(bench.file, "read", at)
    assert not bench.bring(question("other.example. A"))
    assert asked == []
    assert bench.store.missing == 1
    assert bench.bring(WWW)
    assert len(asked) == 1


def test_what_is_written_later_is_found_too(bench: Bench) -> None:
    filled(bench)
    bench.learn(entry())
    bench.another()
    assert bench.bring(WWW)


def test_what_is_written_while_it_is_read_is_found_too(bench: Bench) -> None:
    """The file is read first, then written: the one who writes fills what is being made."""
    filled(bench)
    bench.store.filter.begin(0)
    assert bench.file.keys(-(1 << 63), 9) == (None, [])
    bench.learn(entry())
    bench.store.filter.finish()
    bench.another()
    assert bench.bring(WWW)


def test_what_is_committed_after_another_began_is_added_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(bench)
    write = bench.file.write

    def begins_meanwhile(*args: object, **named: object) -> None:
        bench.store.filter.begin(0)
        assert bench.file.keys(-(1 << 63), 9) == (None, [])
        write(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.file, "write", begins_meanwhile)
    bench.learn(entry())
    bench.store.filter.finish()
    bench.another()
    assert bench.bring(WWW)


def test_cuts_are_brought_for_a_name_that_is_not_there(bench: Bench) -> None:
    bench.learn(delegation("example."), delegation("sub.example."))
    filled(bench)
    bench.another()
    bench.bring(question("x.sub.example. A"))
    assert bench.delegations.get(name("sub.example."), NOW) == delegation("sub.example.")
    bench.another()
    assert not bench.bring(question("sub.example. A"))  # its own
    assert bench.delegations.get(name("sub.example."), NOW) == delegation("sub.example.")


def test_that_there_is_no_cut_above_is_known_for_a_second_only(bench: Bench) -> None:
    filled(bench)
    assert not bench.bring(question("a.sub.example. A"))
    bench.learn(delegation("sub.example."))
    assert not bench.bring(question("b.sub.example. A"))
    assert bench.delegations.get(name("sub.example."), NOW) is None
    bench.clock.passed_s = 1.0
    bench.bring(question("c.sub.example. A"))
    assert bench.delegations.get(name("sub.example."), NOW) == delegation("sub.example.")
