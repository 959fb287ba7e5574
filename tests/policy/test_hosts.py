"""Hosts files: what counts, what does not and is told, and that none of it can raise."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import BAD_LINES_SHOWN, LOCAL_SLICE_LINES, LOCAL_TTL_SECONDS
from resolver.policy.hosts import BadLines, name_of, read_hosts_untrusted
from resolver.policy.local_table import Table
from resolver.protocol.codes import RRType
from tests.making import name

NAS = b"\xc0\xa8\1\x0a"


def read(text: bytes | str) -> tuple[Table, BadLines]:
    table, bad = Table(), BadLines()
    octets = text.encode() if isinstance(text, str) else text
    for _ in read_hosts_untrusted(octets, table, bad):
        pass
    return table.whole(), bad


@pytest.mark.reaches("LOCAL_TTL_SECONDS")
def test_an_address_has_names_and_the_first_is_its_own() -> None:
    table, bad = read("192.168.1.10\tNAS.home.arpa  nas # the box\n\n# nothing\nfd00::1 nas\n")
    assert not bad
    v4, v6 = (RRType.A, LOCAL_TTL_SECONDS, (NAS,)), bytes.fromhex("fd" + 14 * "00" + "01")
    assert table.names[name("nas.home.arpa.")] == (v4,)
    assert table.names[name("nas.")] == (v4, (RRType.AAAA, LOCAL_TTL_SECONDS, (v6,)))
    pointer = table.names[name("10.1.168.192.in-addr.arpa.")]
    assert pointer == ((RRType.PTR, LOCAL_TTL_SECONDS, (name("nas.home.arpa."),)),)
    assert table.names[name("1." + "0." * 29 + "d.f.ip6.arpa.")][0][2] == (name("nas."),)


def test_several_addresses_of_a_name_are_one_set() -> None:
    table, _ = read("10.0.0.1 a\n10.0.0.2 a\n10.0.0.1 a")
    assert table.names[name("a.")][0][2] == (b"\x0a\0\0\1", b"\x0a\0\0\2")


def test_the_files_of_other_systems_count() -> None:
    """A mark, CRLF, a scope, a last dot, umlauts."""
    table, bad = read("\ufeff10.0.0.1 a.b.\r\nfe80::1%lo0 c\r\n10.0.0.2 bücher.example\r\n")
    assert not bad
    assert set(table.names) >= {name("a.b."), name("c."), name("xn--bcher-kva.example.")}


def test_this_machine_is_not_from_here() -> None:
    table, bad = read("127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\nff02::1 ip6-allnodes")
    assert (table.names, bad.count) == ({}, 0)


def test_no_name_is_made_for_what_is_nobody_s_address() -> None:
    """Lists that block with 0.0.0.0 are hosts files, too; and 100,000 lines share one object."""
    table, _ = read("0.0.0.0 ads.example\n127.0.0.1 ads.example.net\n:: ads.example\n0.0.0.0 b.c")
    assert {RRType.PTR for _, records in table.names.items() for one in records} & {RRType.PTR}
    assert set(table.names) == {name("ads.example."), name("ads.example.net."), name("b.c.")}
    table, _ = read("0.0.0.0 a.example\n0.0.0.0 b.example")
    assert table.names[name("a.example.")] is table.names[name("b.example.")]


@pytest.mark.reaches("BAD_LINES_SHOWN")
def test_lines_that_do_not_parse_are_counted_and_the_first_shown() -> None:
    wrong = "nas 192.168.1.10\n10.0.0.1\n10.0.0.256 a\n10.0.0.1 a..b\n10.0.0.1 " + "x" * 64 + "\n"
    table, bad = read("10.0.0.9 good\n" + wrong * 3)
    assert name("good.") in table.names
    assert bad.count == 15
    assert len(bad.first) == BAD_LINES_SHOWN
    assert bad.first[0] == (2, "nas 192.168.1.10", "an address first")
    assert bad.first[1] == (3, "10.0.0.1", "an address and names")
    assert bad.first[3] == (5, "10.0.0.1 a..b", "a domain name after the address")


@pytest.mark.reaches("LOCAL_SLICE_LINES")
def test_it_is_read_in_slices() -> None:
    lines = b"".join(b"10.0.0.1 n%d\n" % number for number in range(10 * LOCAL_SLICE_LINES))
    table = Table()
    seen = [len(table.names) for _ in read_hosts_untrusted(lines, table, BadLines())]
    assert len(seen) == 10
    assert max(after - before for before, after in itertools.pairwise(seen)) <= LOCAL_SLICE_LINES


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_read_hosts_untrusted_never_raises(octets: bytes) -> None:
    table, bad = read(octets)
    assert all(owner.endswith(b"\0") and len(owner) <= 255 for owner in table.names)
    assert len(bad.first) <= bad.count


@given(st.binary(max_size=300))
def test_a_name_is_one_or_is_refused(text: bytes) -> None:
    try:
        made = name_of(text)
    except ValueError:
        return
    assert made.endswith(b"\0")
