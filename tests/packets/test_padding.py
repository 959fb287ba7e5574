"""Padding (RFC 7830, 8467): the length of an encrypted reply tells nothing; plain ones get none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.limits import PADDING_OCTETS
from resolver.packets.options import ClientOptions
from resolver.protocol.edns import OPT_KEEPALIVE, OPT_PADDING, Edns
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted
from tests.packets.test_cache import Path, query, two_addresses

PADDED = Edns(options=((OPT_PADDING, bytes(40)),))
PLAIN = (Transport.UDP, Transport.TCP)
ENCRYPTED = (Transport.TLS, Transport.HTTPS, Transport.QUIC)


def paddings(reply: bytes) -> list[bytes]:
    edns = parse_untrusted(reply).edns
    assert edns is not None
    return [value for code, value in edns.options if code == OPT_PADDING]


@pytest.mark.rfc("RFC 8467 §4.1")
@pytest.mark.reaches("PADDING_OCTETS")
@given(octets=st.integers(12, 65_535))
def test_a_reply_is_filled_up_to_a_whole_block(octets: int) -> None:
    option = ClientOptions(padding=PADDING_OCTETS).pad(octets, 65_535)
    size = octets + len(option)
    assert size % PADDING_OCTETS == 0 or size == 65_535 or (not option and octets > 65_531)
    assert len(option) < PADDING_OCTETS + 4
    if option:
        assert option == b"\0\x0c" + (len(option) - 4).to_bytes(2, "big") + bytes(len(option) - 4)


@pytest.mark.rfc("RFC 7830 §4")
@pytest.mark.parametrize("transport", [Transport.TLS, Transport.HTTPS])
def test_who_pads_gets_padding_from_the_cache_too(transport: Transport) -> None:
    path = Path(two_addresses())
    asked = query(edns=PADDED)
    whole = path.full(asked, transport, stores=True)
    assert len(whole) == PADDING_OCTETS
    for octets in (0, 1, 40, 300):  # its own length says nothing of ours
        asked = query(edns=Edns(options=((OPT_PADDING, bytes(octets)),)))
        for _ in range(3):
            assert path.recall(asked, transport) == whole


@pytest.mark.rfc("RFC 7830 §4")
@pytest.mark.parametrize("transport", ENCRYPTED)
def test_who_does_not_pad_gets_none(transport: Transport) -> None:
    path = Path(two_addresses())
    assert paddings(path.full(query(edns=Edns()), transport)) == []
    path.options.padding = 0
    assert paddings(path.full(query(edns=PADDED), transport)) == []


@pytest.mark.rfc("RFC 7830 §6")
@pytest.mark.parametrize("transport", PLAIN)
def test_where_all_can_read_nothing_is_padded(transport: Transport) -> None:
    """The length is plain to see, and a forged address would be sent more than it asked for."""
    path = Path(two_addresses())
    assert paddings(path.full(query(edns=PADDED), transport, stores=True)) == []
    assert path.recall(query(edns=PADDED), transport) is None  # the long way


@pytest.mark.rfc("RFC 7830 §4")
def test_padding_is_switched_off_in_the_cache_too() -> None:
    path = Path(two_addresses())
    path.full(query(edns=PADDED), Transport.TLS, stores=True)
    path.options.padding = 0
    reply = path.recall(query(edns=PADDED), Transport.TLS)
    assert reply is not None
    assert paddings(reply) == []


def test_several_paddings_are_one() -> None:
    """CVE-2026-55991 of Unbound: several options of a kind overflowed its reply."""
    path = Path(two_addresses())
    many = Edns(options=((OPT_PADDING, bytes(3)),) * 50 + ((OPT_KEEPALIVE, b""),) * 50)
    reply = path.full(query(edns=many), Transport.TLS)
    assert len(paddings(reply)) == 1
    assert len(reply) == PADDING_OCTETS


@pytest.mark.rfc("RFC 7828 §3")
@pytest.mark.parametrize("transport", [*PLAIN, *ENCRYPTED])
def test_keepalive_is_for_streams_of_messages(transport: Transport) -> None:
    """TCP and DoT; HTTP and QUIC have ways of their own (RFC 9250 §5.5.2)."""
    path = Path(two_addresses())
    asked = query(edns=Edns(options=((OPT_KEEPALIVE, b""),)))
    edns = parse_untrusted(path.full(asked, transport)).edns
    assert edns is not None
    is_told = edns.option(OPT_KEEPALIVE) is not None
    assert is_told is (transport in {Transport.TCP, Transport.TLS})
