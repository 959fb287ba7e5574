"""dnstap messages as octets: what went over the wire, who with, when. dnstap.proto of dnstap.info.

Made by the library (dnstap-pb, extra `dnstap`), a microsecond each: one message is kept for each
two peers, and only its times and octets are put in anew. By hand it takes no less.

Addresses of clients are cut to /24 and /56, and their ports left out, unless *shows_clients*.
Imported only where `dnstap.to` wants it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import dnstap_pb

from resolver.limits import DNSTAP_CLIENTS
from resolver.protocol.ip_addresses import address_octets, network_address
from resolver.protocol.transport import Transport
from resolver.telemetry.dnstap_words import CLIENT_QUERY, CLIENT_RESPONSE, Peers

if TYPE_CHECKING:
    from collections.abc import Callable

_CLIENTS: Final = (CLIENT_QUERY, CLIENT_RESPONSE)
_PROTOCOLS: Final = {
    Transport.UDP: dnstap_pb.UDP,
    Transport.TCP: dnstap_pb.TCP,
    Transport.TLS: dnstap_pb.DOT,
    Transport.HTTPS: dnstap_pb.DOH,
    Transport.HTTP3: dnstap_pb.DOH,
    Transport.QUIC: dnstap_pb.DOQ,
}
_IPV4_OCTETS: Final = 4
_length = struct.Struct(">I").pack
_SECOND_NS: Final = 1_000_000_000


class _Form(NamedTuple):
    """A message with all that stays the same, and what makes octets of it."""

    message: Any
    octets: Callable[[], bytes]


class Encoder:
    """Makes frames of messages. *identity* and *version*: who says it; "" is left out."""

    def __init__(self, identity: str, version: str, *, shows_clients: bool = False) -> None:
        self._identity = identity.encode()
        self._version = version.encode()
        self._shows_clients = shows_clients
        self._forms: dict[tuple[int, Peers], _Form] = {}
        self._hits: dict[tuple[Transport, bytes, str], tuple[_Form, _Form]] = {}

    def __repr__(self) -> str:
        return f"<Encoder, {len(self._forms)} forms at hand>"

    def asked(self, kind: int, peers: Peers, octets: bytes, at_ns: int, zone: bytes = b"") -> bytes:
        """The frame of a query that went at Unix nanoseconds *at_ns*; *zone*: the cut asked."""
        message, serialized = self._forms.get((kind, peers)) or self._form(kind, peers)
        message.query_time_sec, message.query_time_nsec = divmod(at_ns, _SECOND_NS)
        message.query_message = octets
        _put_zone(message, zone)
        return _framed(serialized())

    def answered(
        self, kind: int, peers: Peers, octets: bytes, asked_ns: int, at_ns: int, zone: bytes = b""
    ) -> bytes:
        """The frame of a response to what was asked at *asked_ns*."""
        message, serialized = self._forms.get((kind, peers)) or self._form(kind, peers)
        message.query_time_sec, message.query_time_nsec = divmod(asked_ns, _SECOND_NS)
        message.response_time_sec, message.response_time_nsec = divmod(at_ns, _SECOND_NS)
        message.response_message = octets
        _put_zone(message, zone)
        return _framed(serialized())

    def hit(
        self, transport: Transport, source: bytes, listener: str, query: bytes, reply: bytes,
        at_ns: int,
    ) -> bytes:  # fmt: skip
        """Both frames of what was asked and answered in the same moment, as the two above."""
        forms = self._hits.get((transport, source, listener))
        if forms is None:
            forms = self._hit_forms(transport, source, listener)
        (asked, asked_octets), (answered, answered_octets) = forms
        second, ns = divmod(at_ns, _SECOND_NS)
        asked.query_time_sec = second
        asked.query_time_nsec = ns
        asked.query_message = query
        answered.query_time_sec = second
        answered.query_time_nsec = ns
        answered.response_time_sec = second
        answered.response_time_nsec = ns
        answered.response_message = reply
        first, other = asked_octets(), answered_octets()
        return b"".join((_length(len(first)), first, _length(len(other)), other))

    def _hit_forms(self, transport: Transport, source: bytes, listener: str) -> tuple[_Form, _Form]:
        host = listener.partition("%")[0]
        peers = Peers(transport, source, 0, address_octets(host) if host else b"", 0)
        if len(self._hits) >= DNSTAP_CLIENTS:
            self._hits.clear()
        forms = self._form(CLIENT_QUERY, peers), self._form(CLIENT_RESPONSE, peers)
        self._hits[transport, source, listener] = forms
        return forms

    def _form(self, kind: int, peers: Peers) -> _Form:
        """What all messages of *kind* between two peers have in common."""
        whole = dnstap_pb.Dnstap(type=dnstap_pb.Dnstap.MESSAGE)
        if self._identity:
            whole.identity = self._identity
        if self._version:
            whole.version = self._version
        message = whole.message
        message.type = kind
        self._fill(message, peers, is_client=kind in _CLIENTS)
        if len(self._forms) >= DNSTAP_CLIENTS:
            self._forms.clear()
        form = self._forms[kind, peers] = _Form(message, whole.SerializeToString)
        return form

    def _fill(self, message: Any, peers: Peers, *, is_client: bool) -> None:
        transport, asker, asker_port, server, server_port = peers
        is_ipv4 = len(asker or server) == _IPV4_OCTETS
        message.socket_family = dnstap_pb.INET if is_ipv4 else dnstap_pb.INET6
        message.socket_protocol = _PROTOCOLS[transport]
        if is_client and not self._shows_clients:
            asker, asker_port = network_address(asker), 0
        if asker:
            message.query_address = asker
        if asker_port:
            message.query_port = asker_port
        if server:
            message.response_address = server
        if server_port:
            message.response_port = server_port


def _put_zone(message: Any, zone: bytes) -> None:
    if zone:
        message.query_zone = zone
    elif message.HasField("query_zone"):  # the last one's
        message.ClearField("query_zone")


def _framed(octets: bytes) -> bytes:
    return _length(len(octets)) + octets
