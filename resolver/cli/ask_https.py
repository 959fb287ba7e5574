"""A question over HTTPS (RFC 8484): one POST on a connection of HTTP/2 of its own."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import H2Error

from resolver.cli import ask_tls
from resolver.cli.ask import NoReply, Stream
from resolver.config import endpoints
from resolver.limits import STREAM_OCTETS
from resolver.upstream import https_words, tls_terms
from resolver.upstream.padding import padded

if TYPE_CHECKING:
    import ssl

    from h2.events import Event

    from resolver.cli.ask import Trust
    from resolver.config.endpoints import Endpoint

_RECEIVE_OCTETS: Final = 65_536


def stream(name: str, path: str, trust: Trust) -> Stream:
    """How to ask whoever proves *name*, or else its address, at *path*."""
    context = ask_tls.context_of(trust, tls_terms.H2)
    return Stream(partial(_exchange, context, name, path), "https")


def _exchange(
    context: ssl.SSLContext, name: str, path: str, place: Endpoint, query: bytes, timeout_s: float
) -> bytes:
    deadline = time.monotonic() + timeout_s
    with ask_tls.connected(context, name, place, timeout_s) as sock:
        if sock.selected_alpn_protocol() != tls_terms.H2:
            raise NoReply(f"{endpoints.show(place)} speaks no HTTP/2")
        where = https_words.place_of(name or place[0].partition("%")[0], place[1], path)
        try:
            reply = _conversation(sock, where, padded(b"\0\0" + query[2:]), deadline)
        except H2Error:
            raise NoReply(f"{endpoints.show(place)}: HTTP/2: it breaks the protocol") from None
        except _NoAnswer as error:
            raise NoReply(f"{endpoints.show(place)}: {error}") from None
    return query[:2] + reply[2:]


class _NoAnswer(Exception):
    """What came in its place."""


def _conversation(
    sock: ssl.SSLSocket, where: https_words.Place, message: bytes, deadline: float
) -> bytes:
    """Raises TimeoutError, other OSError, H2Error, _NoAnswer."""
    http = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    http.initiate_connection()
    http.send_headers(1, [*where.headers(), https_words.length_of(message)])
    http.send_data(1, message, end_stream=True)
    body = bytearray()
    while True:
        sock.sendall(http.data_to_send())
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        sock.settimeout(left_s)
        data = sock.recv(_RECEIVE_OCTETS)
        if not data:
            raise _NoAnswer("the connection ended before a reply")
        for event in http.receive_data(data):
            if _hear(http, event, body):
                return bytes(body)


def _hear(http: H2Connection, event: Event, body: bytearray) -> bool:
    """True once the reply is whole. Raises _NoAnswer."""
    match event:
        case ResponseReceived():
            wrong = https_words.objection(dict(event.headers))
            if wrong:
                raise _NoAnswer(wrong)
        case DataReceived():
            body += event.data
            http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if len(body) > STREAM_OCTETS:
                raise _NoAnswer("HTTP: more than a message can hold")
        case StreamEnded():
            if body[:2] != b"\0\0":
                raise _NoAnswer("HTTP: it is no reply to what was asked")
            return True
        case StreamReset() | ConnectionTerminated():
            raise _NoAnswer("HTTP/2: ended by the server")
        case _:
            pass
    return False
