"""Addresses as text and octets, held to `ipaddress`."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.protocol.ip_addresses import address_octets, address_text


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
