"""OPT and its options, to and from octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.limits import OPT_RECORDS
from resolver.protocol import edns
from resolver.protocol.edns import Edns

_OPTIONS = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=20)), max_size=4)


@given(
    st.builds(
        Edns,
        udp_payload=st.integers(0, 0xFFFF),
        version=st.integers(0, 255),
        do=st.booleans(),
        extended_rcode=st.integers(0, 255),
        options=_OPTIONS.map(tuple),
        z=st.integers(0, 0x7FFF),
    )
)
def test_an_opt_record_comes_back(opt: Edns) -> None:
    octets = edns.encode(opt)
    assert octets[:3] == b"\0\0\x29"
    rclass, ttl = int.from_bytes(octets[3:5], "big"), int.from_bytes(octets[5:9], "big")
    assert edns.decode(rclass, ttl, octets[11:]) == opt


@pytest.mark.rfc("RFC 6891 §6.1.2")
@pytest.mark.parametrize("rdata", [b"\0", b"\0\x0a\0", b"\0\x0a\0\x08short", b"\0\1\0\0\0"])
def test_options_must_fill_the_record(rdata: bytes) -> None:
    """RFC 6891 §6.1.2."""
    with pytest.raises(WireError, match="EDNS option"):
        edns.decode(1232, 0, rdata)


def test_the_first_option_of_a_code_counts() -> None:
    """RFC 7873 §5.2: of several COOKIE options only the first is looked at."""
    opt = Edns(options=((10, b"first123"), (10, b"second12")))
    assert opt.option(edns.OPT_COOKIE) == b"first123"
    assert opt.option(edns.OPT_EDE) is None


@pytest.mark.rfc("RFC 8914 §2")
def test_extended_errors() -> None:
    """RFC 8914 §2."""
    code, data = edns.ede_option(9, "no DNSKEY for é")
    assert code == edns.OPT_EDE
    assert edns.ede_of(data) == (9, "no DNSKEY for é")
    assert edns.ede_of(b"\0\6text\0") == (6, "text")
    assert edns.ede_of(b"\0") is None


def test_small_options() -> None:
    assert edns.cookie_option(b"12345678", b"server00") == (10, b"12345678server00")
    assert edns.nsid_option(b"here") == (3, b"here")


@pytest.mark.reaches("OPT_RECORDS")
def test_opt_records_do_not_fill_memory() -> None:
    for at in range(OPT_RECORDS + 10):
        edns.encode(Edns(udp_payload=512 + at))
    assert edns.encode.cache_info().currsize == OPT_RECORDS
