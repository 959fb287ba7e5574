"""Servers over HTTPS and QUIC on loopback, in threads, which a function makes answer."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import trio
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from bench.forwarding.doq_server import DoqServer, Stream, serve
from resolver.protocol import wire
from tests.cli.fake_server import reply
from tests.making import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CA = trustme.CA()
OK = [(":status", "200"), ("content-type", "application/dns-message")]


def answered(query: bytes) -> bytes:
    return reply(wire.parse_untrusted(query), record("www.example. 60 A 192.0.2.1"))


class Served:
    """What a server was sent, and where it is."""

    def __init__(self) -> None:
        self.port = 0
        self.queries: list[bytes] = []
        self.headers: dict[bytes, bytes] = {}


def _answer_https(sock: ssl.SSLSocket, served: Served, respond: Callable[..., None]) -> None:
    http = H2Connection(H2Configuration(client_side=False, header_encoding=None))
    http.initiate_connection()
    body = b""
    while data := sock.recv(65_536):
        for event in http.receive_data(data):
            if isinstance(event, RequestReceived):
                served.headers = dict(event.headers)
            elif isinstance(event, DataReceived):
                body += event.data
            elif isinstance(event, StreamEnded):
                served.queries.append(body)
                respond(http, body)
        sock.sendall(http.data_to_send())


def honest(http: H2Connection, query: bytes) -> None:
    http.send_headers(1, OK)
    http.send_data(1, answered(query), end_stream=True)


@contextmanager
def over_https(
    *names: str, respond: Callable[..., None] = honest, alpn: str = "h2"
) -> Iterator[Served]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols([alpn])
    CA.issue_cert(*names).configure_cert(context)
    served = Served()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served.port = listener.getsockname()[1]

        def run() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock, suppress(OSError), context.wrap_socket(sock, server_side=True) as tls:
                    _answer_https(tls, served, respond)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield served
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def plain(stream: Stream) -> None:
    stream.reply(answered(stream.query))


@contextmanager
def over_quic(
    tmp_path: Path, *names: str, respond: Callable[[Stream], object] = plain
) -> Iterator[Served]:
    leaf = CA.issue_cert(*names)
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    leaf.cert_chain_pems[0].write_to_path(certificate)
    leaf.private_key_pem.write_to_path(key)
    served = Served()

    def take(stream: Stream) -> None:
        served.queries.append(stream.query)
        respond(stream)

    server = DoqServer(str(certificate), str(key), take)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        served.port = probe.getsockname()[1]
    scope, begun = trio.CancelScope(), threading.Event()
    tokens: list[trio.lowlevel.TrioToken] = []

    async def run() -> None:
        tokens.append(trio.lowlevel.current_trio_token())
        with scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(partial(serve, server, "127.0.0.1", served.port))
                begun.set()

    thread = threading.Thread(target=trio.run, args=(run,), daemon=True)
    thread.start()
    begun.wait(10)
    yield served
    tokens[0].run_sync_soon(scope.cancel)
    thread.join(5)
