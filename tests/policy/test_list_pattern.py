"""Regular expressions that cannot run away, and those that are refused."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import LIST_PATTERN_OCTETS, LIST_PATTERN_REPEATS, LIST_PATTERN_SECONDS
from resolver.policy.list_pattern import checked, from_adblock, is_slow, needed
from resolver.policy.list_rules import Bad


@pytest.mark.parametrize(
    "pattern",
    [
        r"^ads[0-9]+\.", r"(^|\.)track(er|ing)?\.", r"^(.+[_.-])?adse?rv(er?|ice)?s?[0-9]*[_.-]",
        r"^[a-z]{3,5}\.example$", r"ad[[:digit:]]{1,2}\.", r"\.(zip|mov)$", r"(?:abc){3}",
        r"a.*b.*c",
    ],
)  # fmt: skip
def test_what_lists_have_is_taken(pattern: str) -> None:
    re.compile(checked(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$", r"(a|a)*b", r"(a|ab)*c", r"(x+x+)+y", r"([a-z]+\.)+evil", r"(a?){30}",
        r"(?:(?:a{2,90})){2,90}", r"(a)\1", r"(?P<x>a)(?P=x)", r"(?=a)b", r"(?!a)b", r"(?<=a)b",
        r"(?>a+)b", r"(?(1)a|b)", r".*.*.*.*x", r"[a", r"a{99999999999}", "(" * 500 + ")" * 500,
    ],
)  # fmt: skip
def test_what_could_run_away_is_refused(pattern: str) -> None:
    with pytest.raises(Bad):
        checked(pattern)


@pytest.mark.reaches("LIST_PATTERN_REPEATS", "LIST_PATTERN_OCTETS")
def test_repetitions_and_length_are_bounded() -> None:
    checked("x".join([".*"] * LIST_PATTERN_REPEATS))
    with pytest.raises(Bad, match="repetitions"):
        checked("x".join([".*"] * (LIST_PATTERN_REPEATS + 1)))
    checked("a" * LIST_PATTERN_OCTETS)
    with pytest.raises(Bad, match="longer"):
        checked("a" * (LIST_PATTERN_OCTETS + 1))


@pytest.mark.reaches("LIST_PATTERN_SECONDS")
def test_what_is_slow_all_the_same_shows_when_it_is_tried() -> None:
    """Three repetitions of the same are three loops, one in the other."""
    assert is_slow(checked(r"a*a*a*b"), time.process_time, LIST_PATTERN_SECONDS) is True
    assert is_slow(r"^ads[0-9]+\.", time.process_time, LIST_PATTERN_SECONDS) is False


@given(st.from_regex(r"[ab.*+?()|\[\]{}0-9^$\\]{0,16}", fullmatch=True))
def test_whatever_is_taken_compiles(pattern: str) -> None:
    try:
        taken = checked(pattern)
    except Bad:
        return
    re.compile(taken)
    assert needed(taken) == needed(taken).lower()


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^ads\.example[0-9]+", "ads.example"), (r"a[bc]d", ""), (r"(abc)+tracker", "tracker"),
        (r"Tracker", "tracker"), (r"(?:^|\.)ads.*\.example\.com$", ".example.com"), (r"ab?", ""),
    ],
)  # fmt: skip
def test_a_text_that_every_match_holds(pattern: str, text: str) -> None:
    assert needed(pattern) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("||ads*.example^", r"(?:^|\.)ads.*\.example$"), ("|ads", "^ads"), ("ads^", "ads$"),
        ("*ads*", "ads"), ("a**b", "a.*b"),
    ],
)  # fmt: skip
def test_an_adblock_pattern_is_an_expression(text: str, expected: str) -> None:
    assert from_adblock(text) == expected
