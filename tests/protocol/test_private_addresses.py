"""Which addresses mean something in one network or machine only."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.protocol.private_addresses import is_loopback_ipv4, is_private

INNER = (
    "0.0.0.9", "0.0.0.1", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255",
    "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "192.168.255.255",
)  # fmt: skip
OUTER = (
    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
    "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
    "192.167.255.255", "192.169.0.0", "255.255.255.255",
)  # fmt: skip


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def teredo(client: str) -> bytes:
    """Its address is there as its complement (RFC 4380 §4)."""
    hidden = bytes(255 - octet for octet in packed(client))
    return packed("2001:0:4136:e378:8000:63bf::")[:12] + hidden


@pytest.mark.parametrize("text", INNER)
def test_ranges_of_ipv4(text: str) -> None:
    assert is_private(packed(text))


@pytest.mark.parametrize("text", OUTER)
def test_their_neighbours_are_public(text: str) -> None:
    assert not is_private(packed(text))


CARRIERS = {
    "compatible": lambda text: bytes(12) + packed(text),
    "mapped": lambda text: packed(f"::ffff:{text}"),
    "translated": lambda text: bytes(8) + b"\xff\xff\0\0" + packed(text),
    "NAT64": lambda text: packed(f"64:ff9b::{text}"),
    "6to4": lambda text: b"\x20\x02" + packed(text) + bytes(9) + b"\1",
    "Teredo": teredo,
}


@pytest.mark.parametrize("form", CARRIERS)
def test_ipv6_that_carries_ipv4_is_what_it_carries(form: str) -> None:
    assert [text for text in INNER if not is_private(CARRIERS[form](text))] == []
    assert [text for text in OUTER if is_private(CARRIERS[form](text))] == []


@pytest.mark.parametrize(
    "text",
    ["::", "::1", "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "64:ff9b:1::808:808"],
)
def test_ranges_of_ipv6(text: str) -> None:
    assert is_private(packed(text))


@pytest.mark.parametrize(
    "text",
    ["2001:db8::1", "2606:4700::1", "fb00::1", "fe00::1", "fe7f::1", "ff02::1", "64:ff9b:2::1",
     "64:ff9b::1:a00:1", "2001:1::1", "2003::a00:1"],
)  # fmt: skip
def test_their_neighbours_in_ipv6_are_public(text: str) -> None:
    assert not is_private(packed(text))


@given(address=st.ip_addresses(v=4))
def test_ipv4_agrees_with_the_registry(address: ipaddress.IPv4Address) -> None:
    """What the standard library knows as private, but for prefixes that lead nowhere."""
    shared = ipaddress.ip_network("100.64.0.0/10")
    nowhere = map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
         "240.0.0.0/4"),
    )  # fmt: skip
    if not any(address in network for network in nowhere):
        assert is_private(address.packed) is (address.is_private or address in shared)


@given(data=st.binary(max_size=40))
def test_what_is_no_address_is_not_private(data: bytes) -> None:
    if len(data) not in {4, 16}:
        assert not is_private(data)
        assert not is_loopback_ipv4(data)


def test_loopback_is_one_range() -> None:
    assert is_loopback_ipv4(packed("127.0.0.2"))
    assert not is_loopback_ipv4(packed("128.0.0.2"))
    assert not is_loopback_ipv4(packed("::1"))
