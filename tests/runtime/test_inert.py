"""What others wrote moves no cursor, turns no line round, and hides nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.runtime.inert import inert


def test_what_acts_is_spelled_out() -> None:
    assert inert("a\x1b[2Jb", 99) == "a\\u001b[2Jb"
    assert inert("\u202egpj.exe\u2066", 99) == "\\u202egpj.exe\\u2066"
    assert inert("zero\u200bwidth\U000e0001", 99) == "zero\\u200bwidth\\U000e0001"


def test_what_can_be_read_stays() -> None:
    assert inert("Fürth, 東京, שלום", 99) == "Fürth, 東京, שלום"


def test_what_is_long_is_cut() -> None:
    assert inert("abcdef", 3) == "abc…"


@given(st.text())
def test_nothing_that_acts_is_left(text: str) -> None:
    assert inert(text, 50).isprintable()
