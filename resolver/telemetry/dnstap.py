"""dnstap messages as octets: what went over the wire, who with, when. dnstap.proto of dnstap.info.

Made by the library (dnstap-pb, extra `dnstap`), two microseconds each: one message is kept for each
two peers, and only its times and octets are put in anew. Of a hit's two messages, which there are
ten thousands of, the library makes what stays the same, and times and octets are put behind that by
hand, in half the time: a test wants the library's own octets.

Addresses of clients are cut to /24 and /56, and their ports left out, unless *shows_clients*.
Imported only where `dnstap.to` wants it.
"""

from __future__ import annotations

import struct
from functools import lru_cache
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
_fraction = struct.Struct("<I").pack
# What stands before these fields, and before the message itself: number and type (protobuf).
_QUERY_TIME: Final = b"\x40", b"\x4d"  # seconds, nanoseconds
_RESPONSE_TIME: Final = b"\x60", b"\x6d"
_QUERY_MESSAGE, _RESPONSE_MESSAGE, _MESSAGE = b"\x52", b"\x72", b"\x72"
_TYPE: Final = b"\x78\x01"  # of Dnstap, its last field: a message
_TOP: Final = 0x80
_SECOND_NS: Final = 1_000_000_000


class _Form(NamedTuple):
    """A message with all that stays the same, what it is in, and what makes octets of that."""

    message: Any
    whole: Any
    octets: Callable[[], bytes]


class Encoder:
    """Makes frames of messages. *identity* and *version*: who says it; "" is left out."""

    def __init__(self, identity: str, version: str, *, shows_clients: bool = False) -> None:
        self._identity = identity.encode()
        self._version = version.encode()
        self._shows_clients = shows_clients
        self._forms: dict[tuple[int, Peers], _Form] = {}
        self._hits: dict[tuple[Transport, bytes, str], tuple[bytes, bytes]] = {}
        whole = self._whole().SerializeToString()
        self._says_who = whole.removesuffix(_TYPE) + _MESSAGE
        self._second = -1
        self._asked_in = self._told_in = b""

    def __repr__(self) -> str:
        return f"<Encoder, {len(self._forms)} forms at hand>"

    def asked(self, kind: int, peers: Peers, octets: bytes, at_ns: int, zone: bytes = b"") -> bytes:
        """The frame of a query that went at Unix nanoseconds *at_ns*; *zone*: the cut asked."""
        message, _, serialized = self._forms.get((kind, peers)) or self._form(kind, peers)
        message.query_time_sec, message.query_time_nsec = divmod(at_ns, _SECOND_NS)
        message.query_message = octets
        _put_zone(message, zone)
        return _framed(serialized())

    def answered(
        self, kind: int, peers: Peers, octets: bytes, asked_ns: int, at_ns: int, zone: bytes = b"",
        extra: str = "",
    ) -> bytes:  # fmt: skip
        """The frame of a response to what was asked at *asked_ns*. *extra*: printable ASCII."""
        message, whole, serialized = self._forms.get((kind, peers)) or self._form(kind, peers)
        message.query_time_sec, message.query_time_nsec = divmod(asked_ns, _SECOND_NS)
        message.response_time_sec, message.response_time_nsec = divmod(at_ns, _SECOND_NS)
        message.response_message = octets
        _put_zone(message, zone)
        _put_extra(whole, extra)
        return _framed(serialized())

    def hit(
        self, transport: Transport, source: bytes, listener: str, query: bytes, reply: bytes,
        at_ns: int,
    ) -> bytes:  # fmt: skip
        """Both frames of what was asked and answered in the same moment, as the two above."""
        heads = self._hits.get((transport, source, listener))
        if heads is None:
            heads = self._hit_heads(transport, source, listener)
        second, ns = divmod(at_ns, _SECOND_NS)
        if second != self._second:
            self._note_second(second)
        fraction = _fraction(ns)
        asked_at = self._asked_in + fraction
        asked = b"".join(
            (heads[0], asked_at, _QUERY_MESSAGE, _varint(len(query)), query)
        )  # fmt: skip
        told = b"".join(
            (heads[1], asked_at, self._told_in, fraction, _RESPONSE_MESSAGE, _varint(len(reply)),
             reply)
        )  # fmt: skip
        who, size, other_size = self._says_who, _varint(len(asked)), _varint(len(told))
        rest = len(who) + len(_TYPE)
        return b"".join((
            _length(rest + len(size) + len(asked)), who, size, asked, _TYPE,
            _length(rest + len(other_size) + len(told)), who, other_size, told, _TYPE,
        ))  # fmt: skip

    def _note_second(self, second: int) -> None:
        self._second = second
        number = _varint(second)
        self._asked_in, self._told_in = (
            before + number + behind for before, behind in (_QUERY_TIME, _RESPONSE_TIME)
        )

    def _hit_heads(self, transport: Transport, source: bytes, listener: str) -> tuple[bytes, bytes]:
        """Of both messages all that stands before their times."""
        host = listener.partition("%")[0]
        peers = Peers(transport, source, 0, address_octets(host) if host else b"", 0)
        if len(self._hits) >= DNSTAP_CLIENTS:
            self._hits.clear()
        kinds = CLIENT_QUERY, CLIENT_RESPONSE
        first, other = (self._message(kind, peers).message.SerializeToString() for kind in kinds)
        self._hits[transport, source, listener] = first, other
        return first, other

    def _form(self, kind: int, peers: Peers) -> _Form:
        """What all messages of *kind* between two peers have in common."""
        whole = self._message(kind, peers)
        if len(self._forms) >= DNSTAP_CLIENTS:
            self._forms.clear()
        form = self._forms[kind, peers] = _Form(whole.message, whole, whole.SerializeToString)
        return form

    def _whole(self) -> Any:
        whole = dnstap_pb.Dnstap(type=dnstap_pb.Dnstap.MESSAGE)
        if self._identity:
            whole.identity = self._identity
        if self._version:
            whole.version = self._version
        return whole

    def _message(self, kind: int, peers: Peers) -> Any:
        whole = self._whole()
        whole.message.type = kind
        self._fill(whole.message, peers, is_client=kind in _CLIENTS)
        return whole

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


def _put_extra(whole: Any, extra: str) -> None:
    if extra:
        whole.extra = extra.encode()
    elif whole.HasField("extra"):
        whole.ClearField("extra")


@lru_cache(4096)
def _varint(number: int) -> bytes:
    """Seven bits in each octet, the lowest first; all but the last with the top bit."""
    octets = bytearray()
    while number >= _TOP:
        octets.append(number % _TOP | _TOP)
        number //= _TOP
    octets.append(number)
    return bytes(octets)


def _framed(octets: bytes) -> bytes:
    return _length(len(octets)) + octets
