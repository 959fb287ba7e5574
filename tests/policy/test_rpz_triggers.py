"""Owner names of policy zones ↔ keys."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.policy.rpz_triggers import Kind, Prefix, key_of, labels_of, prefix_of, trigger_of
from resolver.protocol import names
from tests.making import name

OCTETS = st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))
SPARSE = st.lists(st.sampled_from([0, 0, 0, 1, 0xDB8, 0xFFFF]), min_size=8, max_size=8).map(
    lambda words: b"".join(word.to_bytes(2, "big") for word in words)
)


def prefix(octets: bytes, share: float) -> Prefix:
    width = len(octets) * 8
    bits = 1 + int(share * (width - 1))
    number = int.from_bytes(octets, "big") >> (width - bits) << (width - bits)
    return Prefix(number.to_bytes(len(octets), "big"), bits)


@given(st.one_of(OCTETS, SPARSE), st.floats(0, 1))
def test_a_network_survives_the_way_through_labels(octets: bytes, share: float) -> None:
    one = prefix(octets, share)
    assert prefix_of(labels_of(one)) == one


@given(st.one_of(OCTETS, SPARSE), st.floats(0, 1), st.sampled_from(["ip", "client-ip", "nsip"]))
def test_the_owner_of_a_network_is_had_back_from_its_key(
    octets: bytes, share: float, word: str
) -> None:
    labels = (*labels_of(prefix(octets, share)), f"rpz-{word}".encode())
    owner = names.from_labels(labels)
    assert trigger_of(key_of(owner)) == owner


@pytest.mark.parametrize(
    ("labels", "network"),
    [
        ("32.1.2.0.192", "192.0.2.1/32"),
        ("24.0.2.0.192", "192.0.2.0/24"),
        ("8.0.0.0.10", "10.0.0.0/8"),
        ("128.1.zz.db8.2001", "2001:db8::1/128"),
        ("48.zz.db8.2001", "2001:db8::/48"),
        ("128.zz.1", "1::/128"),
        ("128.1.zz", "::1/128"),
        ("64.zz.2.1.db8.2001", "2001:db8:1:2::/64"),
        ("128.8.7.6.5.4.3.2.1", "1:2:3:4:5:6:7:8/128"),
        ("128.1.2.3.4", "::"),
    ],
)
def test_networks_are_written_back_to_front(labels: str, network: str) -> None:
    if network == "::":
        with pytest.raises(WireError):
            prefix_of(labels.encode().split(b"."))
        return
    one = ipaddress.ip_network(network)
    wanted = Prefix(one.network_address.packed, one.prefixlen)
    assert prefix_of(labels.encode().split(b".")) == wanted


@pytest.mark.parametrize(
    "owner",
    [
        "rpz-ip", "32.1.2.0.rpz-ip", "33.1.2.0.192.rpz-ip", "0.0.0.0.0.rpz-ip",
        "24.1.2.0.192.rpz-ip", "32.256.2.0.192.rpz-ip", "x.1.2.0.192.rpz-ip",
        "32.1.2.0.192.5.rpz-ip", "129.zz.1.rpz-nsip", "128.zz.1.zz.rpz-nsip",
        "128.12345.zz.rpz-client-ip", "128.g.zz.rpz-client-ip", "rpz-nsdname",
        "128.zz.1.2.3.4.5.6.7.8.rpz-ip", "0032.1.2.0.192.rpz-ip", "-1.1.2.0.192.rpz-ip",
    ],
)  # fmt: skip
def test_what_means_no_network_is_refused(owner: str) -> None:
    with pytest.raises(WireError):
        key_of(name(owner + "."))


def test_names_trigger_by_themselves_or_with_all_below_them() -> None:
    assert key_of(name("bad.example."))[0] == Kind.QNAME
    assert key_of(name("*.bad.example.")) == bytes((Kind.QNAME_BELOW,)) + b"\3bad\7example"
    assert key_of(name("*.")) == bytes((Kind.QNAME_BELOW,))
    assert key_of(name("ns.bad.rpz-nsdname."))[0] == Kind.NSDNAME
    assert key_of(name("*.bad.rpz-nsdname.")) == bytes((Kind.NSDNAME_BELOW,)) + b"\3bad"
    assert key_of(name("rpz-x.example."))[0] == Kind.QNAME
    with pytest.raises(WireError):
        key_of(names.ROOT)


@given(st.lists(st.sampled_from([b"a", b"bad", b"*", b"rpz-ip", b"rpz-nsdname", b"7"]), max_size=6))
def test_every_owner_that_is_taken_is_had_back(labels: list[bytes]) -> None:
    owner = names.from_labels(tuple(labels))
    try:
        key = key_of(owner)
    except WireError:
        return
    assert trigger_of(key) == owner
