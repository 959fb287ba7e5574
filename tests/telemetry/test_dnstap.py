"""What a message says, read again; of a client no more than its network is told."""

from __future__ import annotations

from typing import Any

import dnstap_pb
import pytest

from resolver.limits import DNSTAP_CLIENTS
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.transport import Transport
from resolver.telemetry import dnstap_words as words
from resolver.telemetry.dnstap import Encoder
from resolver.telemetry.dnstap_words import Peers

V4, V6 = address_octets("198.51.100.77"), address_octets("2001:db8:1:2fff::7")
HERE = address_octets("192.0.2.53")
NOW = 1_785_000_000_123_456_789
PEERS = Peers(Transport.UDP, V4, 5353, HERE, 53)


def frames(octets: bytes) -> list[Any]:
    """The messages in *octets*, as the library reads them; all of it, and with nothing unknown."""
    found = []
    while octets:
        length = int.from_bytes(octets[:4], "big")
        body, octets = octets[4 : 4 + length], octets[4 + length :]
        assert len(body) == length
        message = dnstap_pb.Dnstap()
        message.ParseFromString(body)
        assert message.type == dnstap_pb.Dnstap.MESSAGE
        assert message.ByteSize() == length  # no field twice, none in a longer form than need be
        found.append(message)
    return found


def test_a_query_has_who_when_and_what() -> None:
    encoder = Encoder("here", "resolver 1", shows_clients=True)
    (found,) = frames(encoder.asked(words.CLIENT_QUERY, PEERS, b"query", NOW, b"\3net\0"))
    assert (found.identity, found.version) == (b"here", b"resolver 1")
    message = found.message
    assert message.type == dnstap_pb.Message.CLIENT_QUERY
    assert message.socket_family == dnstap_pb.INET
    assert message.socket_protocol == dnstap_pb.UDP
    assert (message.query_address, message.query_port) == (V4, 5353)
    assert (message.response_address, message.response_port) == (HERE, 53)
    assert (message.query_time_sec, message.query_time_nsec) == (1_785_000_000, 123_456_789)
    assert (message.query_zone, message.query_message) == (b"\3net\0", b"query")
    assert not message.HasField("response_message")


def test_a_response_has_both_times() -> None:
    encoder = Encoder("", "")
    frame = encoder.answered(words.RESOLVER_RESPONSE, PEERS, b"reply", NOW - 2 * 10**9, NOW)
    (found,) = frames(frame)
    assert not found.HasField("identity")
    message = found.message
    assert message.type == dnstap_pb.Message.RESOLVER_RESPONSE
    assert (message.query_time_sec, message.response_time_sec) == (1_784_999_998, 1_785_000_000)
    assert message.response_time_nsec == 123_456_789
    assert (message.response_message, message.HasField("query_message")) == (b"reply", False)


@pytest.mark.parametrize(
    ("source", "told"),
    [(V4, address_octets("198.51.100.0")), (V6, address_octets("2001:db8:1:2f00::"))],
)
def test_of_a_client_only_its_network_is_told(source: bytes, told: bytes) -> None:
    encoder = Encoder("", "")
    peers = PEERS._replace(asker=source)
    octets = encoder.asked(words.CLIENT_QUERY, peers, b"q", NOW)
    octets += encoder.answered(words.CLIENT_RESPONSE, peers, b"r", NOW, NOW)
    octets += encoder.hit(Transport.UDP, source, "", b"q", b"r", NOW)
    for found in frames(octets):
        assert found.message.query_address == told
        assert not found.message.HasField("query_port")
    assert source not in octets


def test_the_address_that_we_ask_from_is_told_as_it_is() -> None:
    encoder = Encoder("", "")
    (found,) = frames(encoder.asked(words.RESOLVER_QUERY, PEERS, b"q", NOW))
    assert (found.message.query_address, found.message.query_port) == (V4, 5353)


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("source", [V4, V6])
def test_both_messages_of_a_hit_are_those_of_the_long_way(
    transport: Transport, source: bytes
) -> None:
    encoder = Encoder("here", "resolver 1")
    for sizes in ((17, 60), (200, 70_000)):
        query, reply = (bytes(size) for size in sizes)
        long = encoder.asked(
            words.CLIENT_QUERY, Peers(transport, source, 0, HERE, 0), query, NOW
        ) + encoder.answered(
            words.CLIENT_RESPONSE, Peers(transport, source, 0, HERE, 0), reply, NOW, NOW
        )
        assert encoder.hit(transport, source, "192.0.2.53", query, reply, NOW) == long
    assert len(frames(long)) == 2


def test_each_transport_has_its_number() -> None:
    encoder = Encoder("", "")
    said = {
        transport: frames(encoder.hit(transport, V4, "", b"", b"", NOW))[0].message.socket_protocol
        for transport in Transport
    }
    assert said == {
        Transport.UDP: dnstap_pb.UDP,
        Transport.TCP: dnstap_pb.TCP,
        Transport.TLS: dnstap_pb.DOT,
        Transport.HTTPS: dnstap_pb.DOH,
        Transport.HTTP3: dnstap_pb.DOH,
        Transport.QUIC: dnstap_pb.DOQ,
    }


def test_kinds_have_the_numbers_of_the_protocol() -> None:
    for name in ("RESOLVER", "CLIENT", "FORWARDER"):
        for what in ("QUERY", "RESPONSE"):
            kind = f"{name}_{what}"
            assert getattr(words, kind) == getattr(dnstap_pb.Message, kind)


@pytest.mark.reaches("DNSTAP_CLIENTS")
def test_clients_that_are_made_up_do_not_fill_memory() -> None:
    encoder = Encoder("", "", shows_clients=True)
    for number in range(DNSTAP_CLIENTS):
        encoder.hit(Transport.UDP, number.to_bytes(4, "big"), "", b"", b"", NOW)
    assert len(encoder._hits) == DNSTAP_CLIENTS
    assert len(encoder._forms) <= DNSTAP_CLIENTS
    encoder.hit(Transport.UDP, V4, "", b"", b"", NOW)
    assert list(encoder._hits) == [(Transport.UDP, V4, "")]
