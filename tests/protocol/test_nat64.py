"""IPv4 addresses inside IPv6 ones, at every length of prefix."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.protocol.nat64 import (
    LENGTHS,
    WELL_KNOWN,
    WELL_KNOWN_IPV4,
    Prefix,
    advertised_untrusted,
    prefix,
    prefixes_untrusted,
)


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


# RFC 6052 §2.4: 192.0.2.33 under 2001:db8::/32 and longer ones.
TABLE = {
    "2001:db8::/32": "2001:db8:c000:221::",
    "2001:db8:100::/40": "2001:db8:1c0:2:21::",
    "2001:db8:122::/48": "2001:db8:122:c000:2:2100::",
    "2001:db8:122:300::/56": "2001:db8:122:3c0:0:221::",
    "2001:db8:122:344::/64": "2001:db8:122:344:c0:2:2100::",
    "2001:db8:122:344::/96": "2001:db8:122:344::192.0.2.33",
    "64:ff9b::/96": "64:ff9b::192.0.2.33",
}


@pytest.mark.rfc("RFC 6052 §2.2")
@pytest.mark.parametrize("text", TABLE)
def test_the_table_of_the_rfc(text: str) -> None:
    found = prefix(text)
    assert str(found) == text
    assert found.embed(packed("192.0.2.33")) == packed(TABLE[text])
    assert found.extract(packed(TABLE[text])) == packed("192.0.2.33")


PREFIXES = st.builds(
    lambda octets, length: Prefix((octets[:8] + b"\0" + octets[9:])[: length // 8], length),
    st.binary(min_size=16, max_size=16),
    st.sampled_from(LENGTHS),
)


@given(one=PREFIXES, ipv4=st.binary(min_size=4, max_size=4))
def test_what_is_embedded_is_found_again(one: Prefix, ipv4: bytes) -> None:
    made = one.embed(ipv4)
    assert len(made) == 16
    assert made[8] == 0
    assert one.extract(made) == ipv4
    assert ipaddress.ip_address(made) in ipaddress.ip_network(str(one))
    other = bytes([made[0] ^ 1]) + made[1:]
    assert one.extract(other) is None


@pytest.mark.parametrize(
    "text",
    ["64:ff9b::/95", "64:ff9b::1/96", "192.0.2.0/24", "auto64", "64:ff9b::", "::/0",
     "2001:db8:1:1:100::/96"],
)  # fmt: skip
def test_what_is_no_prefix_of_a_translator(text: str) -> None:
    with pytest.raises(ValueError, match="a prefix"):
        prefix(text)


@pytest.mark.rfc("RFC 7050 §3")
@given(ones=st.lists(PREFIXES, min_size=1, max_size=3))
def test_a_prefix_is_found_by_the_well_known_addresses(ones: list[Prefix]) -> None:
    made = [one.embed(ipv4) for one in ones for ipv4 in WELL_KNOWN_IPV4]
    clear = [
        one for one in dict.fromkeys(ones)
        if sum(length != one.length and _also(one, length) for length in LENGTHS) == 0
    ]  # fmt: skip
    found = prefixes_untrusted(made)
    assert set(clear) <= set(found) <= set(ones)


def _also(one: Prefix, length: int) -> bool:
    """Could an address of *one* be of a prefix of another length too?"""
    return any(
        (address := one.embed(ipv4))
        and Prefix(address[: length // 8], length).extract(address) in WELL_KNOWN_IPV4
        for ipv4 in WELL_KNOWN_IPV4
    )


@given(rdatas=st.lists(st.binary(max_size=17), max_size=4))
def test_prefixes_untrusted(rdatas: list[bytes]) -> None:
    """Whatever is said: prefixes that made it, or none."""
    for one in prefixes_untrusted(rdatas):
        assert any(one.extract(rdata) in WELL_KNOWN_IPV4 for rdata in rdatas if len(rdata) == 16)


def test_nothing_is_found_in_other_addresses() -> None:
    assert prefixes_untrusted([packed("2001:db8::1"), packed("64:ff9b::192.0.2.1")]) == ()
    assert prefixes_untrusted([packed("64:ff9b::192.0.0.170")]) == (WELL_KNOWN,)


@pytest.mark.rfc("RFC 8781")
@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ("2602 0708 0064ff9b 00000000 00000000", ("64:ff9b::/96", 1800)),
        ("2602 0009 20010db8 00640001 00000000", ("2001:db8:64:1::/64", 8)),
        ("2602 fffd 20010db8 00000000 00000000", ("2001:db8::/32", 65528)),
        ("2602 0003 20010db8 0064ffff ffffffff", ("2001:db8:64::/48", 0)),
    ],
)
def test_a_prefix_as_routers_advertise_it(option: str, wanted: tuple[str, int]) -> None:
    """RFC 8781 §4: the length is a code, the time in units of eight seconds."""
    found, seconds = advertised_untrusted(bytes.fromhex(option))
    assert (str(found), seconds) == wanted


@given(option=st.binary(max_size=20) | st.binary(min_size=14, max_size=14).map(b"\x26\x02".__add__))
def test_advertised_untrusted(option: bytes) -> None:
    try:
        found, seconds = advertised_untrusted(option)
    except WireError:
        return
    assert prefix(str(found)) == found
    assert 0 <= seconds < 65536
