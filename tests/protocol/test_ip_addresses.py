"""Addresses as text and octets, held to `ipaddress`."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import ADDRESS_OCTETS, ADDRESS_TEXTS
from resolver.protocol import ip_addresses
from resolver.protocol.codes import RRType
from resolver.protocol.ip_addresses import (
    address_octets,
    address_text,
    is_loopback,
    network_address,
    octets_text,
)


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
def test_text_and_octets(rdata: bytes) -> None:
    """RFC 5952's form, and back."""
    text = address_text(1 if len(rdata) == 4 else 28, rdata)
    assert text == str(ip_address(rdata))
    assert address_octets(text) == rdata


@pytest.mark.parametrize(("rtype", "rdata"), [(1, bytes(16)), (28, bytes(4)), (16, bytes(4))])
def test_what_is_no_address_is_none(rtype: int, rdata: bytes) -> None:
    assert address_text(rtype, rdata) is None


def test_what_is_no_text_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="localhost"):
        address_octets("localhost")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::1%lo", True),
        ("0:0:0:0:0:0:0:1", True),
        ("::ffff:127.0.0.1", True),
        ("126.255.255.255", False),
        ("128.0.0.1", False),
        ("::ffff:128.0.0.1", False),
        ("::127.0.0.1", False),
        ("7f00::", False),
        ("::", False),
        ("fe80::1%eth0", False),
    ],
)
def test_loopback_is_this_machine_however_it_is_written(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.reaches("ADDRESS_TEXTS", "ADDRESS_OCTETS")
def test_addresses_do_not_fill_memory() -> None:
    for at in range(ADDRESS_TEXTS + 10):
        address_text(RRType.AAAA, at.to_bytes(16, "big"))
    for at in range(ADDRESS_OCTETS + 10):
        address_octets(f"192.0.{at >> 8}.{at & 255}")
    assert ip_addresses._ipv6_text.cache_info().currsize == ADDRESS_TEXTS
    assert address_octets.cache_info().currsize == ADDRESS_OCTETS


def test_a_raw_address_is_told_by_its_length() -> None:
    assert octets_text(bytes([192, 0, 2, 1])) == "192.0.2.1"
    assert octets_text(address_octets("2001:db8::1")) == "2001:db8::1"
    assert octets_text(b"") is None
    assert octets_text(bytes(5)) is None


def test_a_network_begins_with_what_its_addresses_have_in_common() -> None:
    assert network_address(bytes([192, 0, 2, 77])) == bytes([192, 0, 2, 0])
    of_a_site = network_address(address_octets("2001:db8:1:2ff::1"))
    assert of_a_site == address_octets("2001:db8:1:200::")
    assert network_address(b"") == b""
