"""A compiled file: what is in it is found, nothing else is, and damage is seen."""

from __future__ import annotations

import struct
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.policy import list_compile, list_file
from resolver.policy.list_compile import Compiler
from resolver.policy.list_file import FILTERED, HEAD, Head, ListInfo, Table, checksum_of
from resolver.protocol import names
from tests.policy.list_making import compiler_of, report_of, table_of
from tests.support import set_limit


def found(table: Table, text: str) -> list[tuple[int, int, int]]:
    return [(one.depth, one.number, one.line) for one in table.find(names.from_text(text))]


def test_names_are_found_the_most_specific_first() -> None:
    table = table_of("||example^\n0.0.0.0 a.b.example\nb.example\n", "*.b.example\n||other^\n")
    assert found(table, "a.b.example.") == [(0, 0, 2), (2, 0, 3), (2, 1, 1), (4, 0, 1)]
    assert found(table, "x.a.b.example.") == [(4, 0, 3), (4, 1, 1), (6, 0, 1)]
    assert found(table, "b.example.") == [(0, 0, 3), (0, 1, 1), (2, 0, 1)]
    assert found(table, "deep.other.") == [(5, 1, 2)]
    assert found(table, "example.net.") == found(table, ".") == []


@pytest.mark.parametrize("near", ["bexample.", "example.example2.", "xample.", "b-example."])
def test_a_name_that_is_nearly_listed_is_not(near: str) -> None:
    assert found(table_of("b.example.org\n"), near) == []


def test_labels_are_compared_whole() -> None:
    """\\x03com inside a label is no label."""
    table = table_of("example.com\n")
    assert found(table, "evilexample.com.") == []
    assert found(table, "www.x\\007example.com.") == []
    assert found(table, "www.example.com.") == [(4, 0, 1)]


def test_below_only_is_not_the_name_itself() -> None:
    table = table_of("||*.example.org^\n")
    assert found(table, "example.org.") == []
    assert found(table, "a.example.org.") == [(2, 0, 1)]


def test_a_name_twice_in_a_list_is_there_once_and_in_two_lists_twice() -> None:
    table = table_of("a.example\na.example\n0.0.0.0 a.example\n", "a.example\n")
    assert found(table, "a.example.") == [(0, 0, 1), (0, 0, 3), (0, 1, 1)]


def test_a_rule_with_conditions_comes_with_them() -> None:
    table = table_of("||a.example^$important\n||a.example^$dnstype=A\n")
    rules = [one.rule for one in table.find(names.from_text("www.a.example."))]
    assert [rule.line for rule in rules if rule is not None] == [1, 2]


@pytest.mark.reaches("LIST_ENDINGS")
def test_what_is_remembered_of_endings_is_bounded_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, list_file, "LIST_ENDINGS", 5)
    table = table_of("||ads.example.com^\n||whole.example^\n")
    asked = ["ads.example.com.", "www.example.com.", "a.whole.example.", "x.other.example."]
    wanted = [1, 0, 1, 0]
    assert [len(found(table, one)) for one in asked] == wanted
    for at in range(50):
        assert found(table, f"www.d{at}.example.") == []
        assert len(table._endings) <= 5
    assert [len(found(table, one)) for one in asked * 2] == wanted * 2


def test_a_file_from_before_the_filter_had_whole_names_is_as_good() -> None:
    """It is in use until a list changes."""
    text = "||ads.example.com^\n||whole.example^\nnet.example.org\n"
    octets = bytearray(compiler_of(text).octets())
    head = Head(*HEAD.unpack_from(octets))
    assert head.flags & FILTERED
    octets[head.filter_at : head.names_at] = _tails_only(
        head, "example.com", "whole.example", "example.org"
    )
    head = head._replace(flags=head.flags & ~FILTERED)
    HEAD.pack_into(octets, 0, *head._replace(checksum=checksum_of(octets, head)))
    table = Table.read_untrusted(bytes(octets))
    asked = ["x.ads.example.com.", "www.example.com.", "a.whole.example.", "net.example.org."]
    assert [len(found(table, one)) for one in asked * 2] == [1, 0, 1, 1] * 2


def _tails_only(head: Head, *tails: str) -> bytes:
    out = bytearray(head.names_at - head.filter_at)
    for tail in tails:
        bit = crc32(names.from_text(f"{tail}.")[:-1]) >> 32 - head.filter_bits
        out[bit >> 3] |= 1 << (bit & 7)
    return bytes(out)


def test_a_rule_for_everything_is_found_for_every_name() -> None:
    table = table_of("*$denyallow=com\n")
    assert [one.line for one in table.find(names.from_text("www.example."))] == [1]
    assert [one.line for one in table.find(names.ROOT)] == [1]


def test_addresses_are_looked_up_apart_from_names() -> None:
    table = table_of("192.0.2.66\n2001:db8::1\na.example\n")
    assert [one.line for one in table.find_address(bytes([192, 0, 2, 66]))] == [1]
    assert table.find_address(bytes([192, 0, 2, 67])) == []
    assert [one.line for one in table.find_address(bytes.fromhex("20010db8" + "0" * 23 + "1"))] == [
        2
    ]


def test_what_is_refused_leaves_nothing_behind() -> None:
    compiler = compiler_of("a.example\n")
    with pytest.raises(WireError):
        compiler.add(ListInfo("page", "page", is_allow=False), [b"b.example\n", b"no thing\n"])
    compiler.add(
        ListInfo("more", "more", is_allow=False), [b"c.example\n", b"||d.example^$important\n"]
    )
    table = Table.read_untrusted(bytes(compiler.octets()))
    assert [info.name for info in table.info.lists] == ["block 0", "more"]
    assert (table.info.names, found(table, "b.example.")) == (3, [])
    assert found(table, "c.example.") == [(0, 1, 1)]
    assert found(table, "d.example.") == [(0, 1, 2)]


@pytest.mark.reaches("LISTED_NAMES")
def test_names_beyond_the_bound_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, list_compile, "LISTED_NAMES", 2)
    table = table_of("a.example\nb.example\nc.example\nd.example\n")
    assert (table.info.names, table.info.left_out) == (2, 2)


@pytest.mark.reaches("LIST_CHAIN")
def test_names_made_to_collide_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list may want to make every look-up slow; it loses names of its own."""
    set_limit(monkeypatch, list_compile, "LIST_CHAIN", 3)
    named = [f"n{number}.example" for number in range(4000)]
    bucket = [
        one for one in named if crc32(names.from_text(f"{one}.")[:-1]) >> 28 == 5
    ][:16]  # fmt: skip
    table = table_of("\n".join(bucket) + "\n")
    assert table.info.names == 3
    assert table.info.left_out == 13


@pytest.mark.reaches("LIST_SPECIAL_OCTETS")
def test_rules_with_conditions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, list_compile, "LIST_SPECIAL_OCTETS", 60)
    table = table_of("".join(f"||n{number}.example^$important\n" for number in range(9)))
    assert 0 < table.info.names < 9
    assert table.info.names + table.info.left_out == 9


@pytest.mark.reaches("LIST_PATTERNS")
def test_regular_expressions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, list_compile, "LIST_PATTERNS", 3)
    good = "".join(f"n{number}.example\n" for number in range(40))
    report = report_of(good + "".join(f"/^ads{number}/\n" for number in range(5)))
    assert report.bad == 2
    assert "regular expressions already" in report.shown[0]


def test_a_regular_expression_that_takes_long_is_bad() -> None:
    seconds = iter(float(number) for number in range(10_000))
    compiler = Compiler(lambda: next(seconds))
    good = [f"n{number}.example\n".encode() for number in range(40)]
    report = compiler.add(ListInfo("slow", "slow", is_allow=False), [*good, b"/^ads/\n"])
    assert "takes too long" in report.shown[0]


# --- damage --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole() -> bytes:
    text = "".join(f"n{number}.example\n" for number in range(50)) + "||x.example^$important\n"
    return bytes(compiler_of(text).octets())


def test_every_octet_is_vouched_for(whole: bytes) -> None:
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 0x40
        with pytest.raises(WireError):
            Table.read_untrusted(bytes(damaged))


@pytest.mark.parametrize("size", [0, 1, HEAD.size - 1, HEAD.size, 200])
def test_a_file_that_is_cut_off_is_none(whole: bytes, size: int) -> None:
    with pytest.raises(WireError):
        Table.read_untrusted(whole[:size])


@pytest.mark.reaches("LIST_FILE_OCTETS")
def test_a_file_that_is_too_large_is_none(whole: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, list_file, "LIST_FILE_OCTETS", len(whole) - 1)
    with pytest.raises(WireError, match="no compiled lists"):
        Table.read_untrusted(whole)


def test_another_version_is_none(whole: bytes) -> None:
    octets = bytearray(whole)
    struct.pack_into("<H", octets, 8, 99)
    with pytest.raises(WireError, match="version"):
        Table.read_untrusted(bytes(octets))


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8),
    st.sampled_from(["n7.example.", "a.x.example.", "a.b.c.d.", ".", "example."]),
)
def test_read_untrusted(flips: list[tuple[int, int]], name: str) -> None:
    """With a checksum that somebody made right again, nothing raises but WireError."""
    text = "".join(f"n{number}.example\n" for number in range(9)) + "||x.example^$important\n"
    octets = bytearray(compiler_of(text).octets())
    for at, octet in flips:
        octets[at % len(octets)] = octet
    head = Head(*HEAD.unpack_from(octets))
    if head.end == len(octets):
        HEAD.pack_into(octets, 0, *head._replace(checksum=checksum_of(octets, head)))
    try:
        table = Table.read_untrusted(bytes(octets))
    except WireError:
        return
    table.find(names.from_text(name))
    table.find_address(bytes(4))


_LABEL = st.text("abcdef0-_", min_size=1, max_size=8)
_NAME = st.lists(_LABEL, min_size=2, max_size=4).map(".".join)


@given(st.lists(_NAME, max_size=40), st.lists(_NAME, max_size=20))
def test_a_table_finds_what_a_set_finds(listed: list[str], looked_up: list[str]) -> None:
    """Names and all below them."""
    listed = [one for one in listed if not one.rpartition(".")[2].isdigit()]
    table, there = table_of("".join(f"||{one}^\n" for one in listed)), set(listed)
    for text in [*looked_up, *listed]:
        labels = text.split(".")
        above = {".".join(labels[at:]) for at in range(len(labels))}
        is_found = bool(table.find(names.from_text(f"{text}.")))
        assert is_found == bool(above & there)
