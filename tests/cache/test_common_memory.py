"""Records in memory that several workers see."""

from __future__ import annotations

import mmap
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.cache import common_memory
from resolver.cache.common_memory import CommonMemory, Kept, octets_for
from resolver.cache.store import base_of, key_of
from resolver.limits import COMMON_CHAIN, COMMON_RECORD_OCTETS, COMMON_RING_OCTETS
from tests.making import name

BASE = base_of(name("www.example."))


def _memory(workers: int = 2) -> mmap.mmap:
    return mmap.mmap(-1, octets_for(workers))


def _all(view: CommonMemory, base: int = BASE) -> list[Kept]:
    return view.found(base, view.newest(key_of(base)))


def test_what_one_puts_the_other_finds_across_a_fork() -> None:
    memory = _memory()
    child = os.fork()
    if child == 0:
        CommonMemory(memory, 1).put(BASE + 1, b"from the child")
        os._exit(0)
    os.waitpid(child, 0)
    assert _all(CommonMemory(memory, 0)) == [Kept(BASE + 1, b"from the child")]


def test_the_newest_of_each_number_is_found_whoever_put_it() -> None:
    memory = _memory()
    one, other = (CommonMemory(memory, number) for number in (0, 1))
    assert one.newest(key_of(BASE)) == 0
    assert _all(one) == []
    one.put(BASE + 1, b"old")
    before = other.newest(key_of(BASE))
    other.put(BASE + 2, b"another type")
    other.put(BASE + 1, b"new")
    assert one.newest(key_of(BASE)) != before
    assert sorted(_all(one)) == [Kept(BASE + 1, b"new"), Kept(BASE + 2, b"another type")]
    assert _all(one, base_of(name("other.example."))) == []


def test_it_says_how_much_is_filled_by_all_workers() -> None:
    memory = _memory()
    one, other = (CommonMemory(memory, number) for number in (0, 1))
    assert one.octets == 0
    for view in (one, other):
        view.put(BASE + 1, bytes(1000))
    assert octets_for(0) + 2000 < one.octets == other.octets < octets_for(0) + 2100
    for _ in range(2 * COMMON_RING_OCTETS // 60_000):
        one.put(BASE + 1, bytes(60_000))
    assert octets_for(1) < one.octets < octets_for(1) + 1100


def test_who_follows_one_that_died_writes_on_where_it_ended() -> None:
    memory = _memory()
    CommonMemory(memory, 0).put(BASE + 1, b"before it died")
    CommonMemory(memory, 0).put(BASE + 2, b"after it")
    assert {kept.octets for kept in _all(CommonMemory(memory, 1))} == {
        b"before it died",
        b"after it",
    }


def test_what_is_forgotten_nobody_finds() -> None:
    memory = _memory()
    one, other = (CommonMemory(memory, number) for number in (0, 1))
    one.put(BASE + 1, b"old")
    other.forget()
    assert _all(one) == []
    one.put(BASE + 2, b"new")
    assert _all(other) == [Kept(BASE + 2, b"new")]


@pytest.mark.reaches("COMMON_RING_OCTETS", "COMMON_RECORD_OCTETS", "COMMON_CHAIN")
def test_what_was_written_over_is_not_found_and_what_is_too_large_not_put() -> None:
    """Nor is anybody led astray: each is what was put under its number, or nothing."""
    memory = _memory(1)
    view = CommonMemory(memory, 0)
    view.put(BASE + 1, b"first")
    size = COMMON_RECORD_OCTETS - 100
    rounds = COMMON_RING_OCTETS // size + 1
    for at in range(rounds):
        view.put(base_of(name(f"n{at}.example.")) + 1, bytes(size))
    assert _all(view) == []
    last = base_of(name(f"n{rounds - 1}.example."))
    assert _all(view, last) == [Kept(last + 1, bytes(size))]
    view.put(BASE + 1, bytes(COMMON_RECORD_OCTETS))
    assert _all(view) == []
    for at in range(COMMON_CHAIN + 5):
        view.put(BASE + at, b"x")
    assert len(_all(view)) == COMMON_CHAIN


@pytest.mark.reaches("COMMON_INDEX_SLOTS")
def test_names_of_one_place_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common_memory, "_MASK", 0)
    view = CommonMemory(_memory(1), 0)
    other = base_of(name("other.example."))
    view.put(BASE + 1, b"one")
    view.put(other + 1, b"other")
    assert _all(view) == [Kept(BASE + 1, b"one")]
    assert _all(view, other) == [Kept(other + 1, b"other")]


@given(st.binary(min_size=32, max_size=400), st.integers(0, 300))
def test_found_untrusted(octets: bytes, at: int) -> None:
    """Whatever a writer that died half-way left there: octets, or nothing; never an error."""
    memory = _memory(1)
    view = CommonMemory(memory, 0)
    for number in range(3):
        view.put(BASE + number, bytes(40))
    start = common_memory._ring_at(0) + at
    memory[start : start + len(octets)] = octets
    for kept in _all(view):
        assert 0 <= kept.number - BASE < 256
        assert len(kept.octets) <= COMMON_RECORD_OCTETS
