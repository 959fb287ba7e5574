"""Policy zones in one run of octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.policy import rpz_table
from resolver.policy.rpz_table import Info, Table, octets_of
from resolver.policy.rpz_triggers import Kind, key_of
from resolver.policy.rpz_zone import PolicyZone, Rule
from resolver.protocol import names
from tests.making import name
from tests.policy.rpz_making import ZONE, table_of, zone_of

LABELS = st.lists(st.sampled_from([b"a", b"b", b"c", b"*"]), min_size=1, max_size=4)
TEXT = """bad.example CNAME .
*.bad.example CNAME *.
*.deep.bad.example A 192.0.2.1
24.0.2.0.192.rpz-ip CNAME .
32.7.2.0.192.rpz-ip CNAME *.
32.zz.db8.2001.rpz-ip CNAME .
"""


def best(zone: PolicyZone, wanted: bytes) -> bytes | None:
    """By hand: the name itself, else the closest wildcard above it."""
    exact = bytes((Kind.QNAME,)) + wanted[:-1]
    if exact in zone.rules:
        return exact
    for above in list(names.ancestors(wanted))[1:]:
        key = bytes((Kind.QNAME_BELOW,)) + above[:-1]
        if key in zone.rules:
            return key
    return None


@given(st.lists(LABELS, max_size=20), st.lists(LABELS, min_size=1, max_size=5))
def test_a_table_says_what_its_zone_says(
    rules: list[list[bytes]], asked: list[list[bytes]]
) -> None:
    zone = PolicyZone(ZONE, 100)
    for number, labels in enumerate(rules):
        zone.rules[key_of(names.from_labels(tuple(labels)))] = (Rule(5, number, b"\0"),)
    table = Table.read_untrusted(bytes(octets_of(zone, Info(b""))))
    assert dict(table.rules_of()) == zone.rules
    for labels in asked:
        wanted = names.from_labels(tuple(labels))
        found = table.by_name(Kind.QNAME, Kind.QNAME_BELOW, wanted)
        key = best(zone, wanted)
        assert (found is None) == (key is None)
        if found is not None and key is not None:
            assert found[0] == key
            assert table.rules(found[1]) == zone.rules[key]


def test_the_closest_wildcard_and_the_longest_prefix_count() -> None:
    table = table_of(TEXT)
    for asked, wanted in (
        ("bad.example.", "bad.example."), ("x.bad.example.", "*.bad.example."),
        ("deep.bad.example.", "*.bad.example."), ("y.deep.bad.example.", "*.deep.bad.example."),
    ):  # fmt: skip
        found = table.by_name(Kind.QNAME, Kind.QNAME_BELOW, name(asked))
        assert found is not None
        assert found[0] == key_of(name(wanted))
    assert table.by_name(Kind.QNAME, Kind.QNAME_BELOW, name("example.")) is None
    for octets, owner in (
        (b"\xc0\0\2\7", "32.7.2.0.192.rpz-ip."), (b"\xc0\0\2\1", "24.0.2.0.192.rpz-ip."),
    ):  # fmt: skip
        found = table.by_address(Kind.ANSWER, octets)
        assert found is not None
        assert found[0] == key_of(name(owner))
    assert table.by_address(Kind.ANSWER, b"\xc0\0\3\7") is None
    assert table.by_address(Kind.CLIENT, b"\xc0\0\2\7") is None


def test_the_whole_zone_is_had_back() -> None:
    zone, table = zone_of(TEXT), table_of(TEXT)
    assert dict(table.rules_of()) == zone.rules
    assert table.soa == zone.soa
    assert table.info.counts == {"qname": 3, "response-ip": 3}


@given(st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_read_untrusted_sees_damage_anywhere(at: int, change: int, cuts: bool) -> None:  # noqa: FBT001
    octets = octets_of(zone_of(TEXT), Info(b""))
    at %= len(octets)
    if cuts:
        del octets[at:]
    else:
        octets[at] ^= change
    with pytest.raises(WireError):
        Table.read_untrusted(bytes(octets))


@given(st.binary(max_size=400))
def test_read_untrusted_takes_nothing_else(octets: bytes) -> None:
    with pytest.raises(WireError):
        Table.read_untrusted(octets)


@pytest.mark.reaches("RPZ_OCTETS")
def test_a_table_has_no_more_than_so_many_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = bytes(octets_of(zone_of(TEXT), Info(b"")))
    monkeypatch.setattr(rpz_table, "RPZ_OCTETS", len(octets))
    Table.read_untrusted(octets)
    monkeypatch.setattr(rpz_table, "RPZ_OCTETS", len(octets) - 1)
    with pytest.raises(WireError, match="no policy zone"):
        Table.read_untrusted(octets)
