"""The first look at datagrams, and what is said to strangers."""

from __future__ import annotations

import contextlib

import pytest
from aioquic._buffer import Buffer
from aioquic.quic.packet import (
    QuicPacketType,
    QuicProtocolVersion,
    pull_quic_header,
)
from hypothesis import example, given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.listen import quic_tokens
from resolver.listen.quic_packets import (
    ID_OCTETS,
    VERSION_1,
    VERSION_2,
    VERSIONS,
    Head,
    read_head_untrusted,
    version_negotiation,
)
from resolver.listen.quic_tokens import Proof, RetryTokens
from tests.support import set_limit

IDS = st.binary(max_size=20)
PROOF = Proof(b"original", b"retried!")
THERE = b"\xc6\x33\x64\x07\x12\x34"


def initial(version: int, destination: bytes, source: bytes, token: bytes) -> bytes:
    first = 0xC0 if version == VERSION_1 else 0xD0
    head = bytes([first]) + version.to_bytes(4, "big")
    ids = bytes([len(destination)]) + destination + bytes([len(source)]) + source
    length = (0x4000 | len(token)).to_bytes(2, "big")
    return head + ids + length + token + b"\x44\xb0" + bytes(1200)


@given(st.binary(max_size=80))
@example(b"\xc0\0\0\0\1\x08" + bytes(8) + b"\x00\xff")
@example(b"\xc0\0\0\0\1")
def test_any_octets_are_a_head_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        head = read_head_untrusted(data)
        assert len(head.destination) <= 255


@given(st.sampled_from(VERSIONS), IDS, IDS, st.binary(max_size=100))
def test_an_initial_packet_is_read_as_the_library_reads_it(
    version: int, destination: bytes, source: bytes, token: bytes
) -> None:
    data = initial(version, destination, source, token)
    ours = read_head_untrusted(data)
    theirs = pull_quic_header(Buffer(data=data), host_cid_length=ID_OCTETS)
    assert theirs.packet_type is QuicPacketType.INITIAL
    assert ours.is_initial
    assert ours == Head(version, theirs.destination_cid, theirs.source_cid, theirs.token)


@given(st.binary(min_size=1, max_size=60))
def test_whatever_the_library_can_read_is_read_alike(data: bytes) -> None:
    try:
        theirs = pull_quic_header(Buffer(data=data), host_cid_length=ID_OCTETS)
    except ValueError:
        return
    if theirs.version == QuicProtocolVersion.NEGOTIATION:
        with pytest.raises(WireError):
            read_head_untrusted(data)
        return
    if len(data) > ID_OCTETS:
        ours = read_head_untrusted(data)
        assert ours.destination == theirs.destination_cid
        assert ours.is_initial == (
            theirs.version in VERSIONS and theirs.packet_type is QuicPacketType.INITIAL
        )


@pytest.mark.rfc("RFC 9000 §6.1", "RFC 8999 §6")
def test_versions_are_told_to_who_speaks_another() -> None:
    """Shorter than what asks, and never in answer to its like: two servers would go on for ever."""
    asks = b"\xc0\x1a\x2a\x3a\x4a\x14" + bytes(20) + b"\x08" + b"whoever." + bytes(1160)
    head = read_head_untrusted(asks)
    assert not head.is_known_version
    said = version_negotiation(head, 0x3F)
    theirs = pull_quic_header(Buffer(data=said))
    assert theirs.packet_type is QuicPacketType.VERSION_NEGOTIATION
    assert (theirs.destination_cid, theirs.source_cid) == (b"whoever.", bytes(20))
    assert theirs.supported_versions == [VERSION_1, VERSION_2]
    with pytest.raises(WireError, match="version negotiation"):
        read_head_untrusted(said)


def test_a_short_header_has_an_id_of_ours() -> None:
    assert read_head_untrusted(b"\x40" + b"12345678" + b"x") == Head(0, b"12345678")
    with pytest.raises(WireError):
        read_head_untrusted(b"\x00" + b"12345678" + b"x")


# --- tokens --------------------------------------------------------------------------------------


@pytest.mark.reaches("QUIC_TOKEN_SECONDS")
@pytest.mark.rfc("RFC 9000 §8.1.4")
def test_a_token_is_for_one_address_and_a_short_time(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, quic_tokens, "QUIC_TOKEN_SECONDS", 10.0)
    tokens = RetryTokens()
    token = tokens.make(THERE, PROOF, 1000.0)
    assert tokens.read_untrusted(token, THERE, 1009.9) == PROOF
    assert tokens.read_untrusted(token, THERE, 1010.1) is None
    assert tokens.read_untrusted(token, THERE, 999.0) is None
    assert tokens.read_untrusted(token, THERE[:-1] + b"\x35", 1001.0) is None
    assert RetryTokens().read_untrusted(token, THERE, 1001.0) is None
    assert tokens.is_ours(token)
    assert not tokens.is_ours(b"N" + token[1:])


@given(st.binary(max_size=120))
def test_any_token_is_read_or_refused(token: bytes) -> None:
    assert RetryTokens().read_untrusted(token, THERE, 1.0) is None
