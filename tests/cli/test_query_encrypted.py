"""`resolver query @https://… | @quic://…`: to who was meant and nobody else, errors in one line."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from bench.forwarding.doq_server import DoqServer, Stream, serve
from resolver.cli import main
from resolver.limits import QUERY_PADDING_OCTETS
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


@pytest.fixture
def authority(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    CA.cert_pem.write_to_path(path)
    return str(path)


def test_an_answer_over_https_says_so(capsys: pytest.CaptureFixture[str], authority: str) -> None:
    with over_https("dns.example") as served:
        where = f"https://dns.example:{served.port}/dns-query@127.0.0.1"
        assert main.main(["query", f"@{where}", "www.example", "--ca-file", authority]) == 0
    out = capsys.readouterr().out
    assert f"answered by 127.0.0.1:{served.port} (HTTPS)" in out
    assert "192.0.2.1" in out
    assert [len(query) for query in served.queries] == [QUERY_PADDING_OCTETS]
    assert served.queries[0][:2] == b"\0\0"
    assert served.headers[b":authority"] == f"dns.example:{served.port}".encode()
    assert served.headers[b":path"] == b"/dns-query"


def test_an_answer_over_quic_says_so(
    capsys: pytest.CaptureFixture[str], authority: str, tmp_path: Path
) -> None:
    with over_quic(tmp_path, "dns.example") as served:
        where = f"quic://127.0.0.1:{served.port}#dns.example"
        assert main.main(["query", f"@{where}", "www.example", "--ca-file", authority]) == 0
    out = capsys.readouterr().out
    assert f"answered by 127.0.0.1:{served.port} (QUIC)" in out
    assert "192.0.2.1" in out
    assert [len(query) for query in served.queries] == [QUERY_PADDING_OCTETS]
    assert served.queries[0][:2] == b"\0\0"


@pytest.mark.parametrize("scheme", ["https", "quic"])
def test_a_server_that_is_not_who_was_meant_is_not_asked(
    scheme: str, capsys: pytest.CaptureFixture[str], authority: str, tmp_path: Path
) -> None:
    """Unless --insecure says so."""
    serving = over_https if scheme == "https" else partial(over_quic, tmp_path)
    with serving("dns.example") as served:
        words = ["query", f"@{scheme}://127.0.0.1:{served.port}", "www.example", "--short"]
        assert main.main([*words, "--ca-file", authority]) == 9
        assert main.main(words) == 9
        told = capsys.readouterr().err.splitlines()
        assert len(told) == 2
        assert all("(--insecure asks all the same)" in line for line in told)
        assert "dns.example" in told[0] or "IP address mismatch" in told[0]
        assert "unable to get local issuer certificate" in told[1]
        assert served.queries == []
        assert main.main([*words, "--insecure"]) == 0
        assert len(served.queries) == 1


def _https(
    status: str, body: bytes = b"x", kind: str = "application/dns-message"
) -> Callable[..., None]:
    def respond(http: H2Connection, _: bytes) -> None:
        http.send_headers(1, [(":status", status), ("content-type", kind)])
        http.send_data(1, body, end_stream=True)

    return respond


_USELESS: dict[str, tuple[Callable[..., None], str]] = {
    "an error": (_https("500"), "HTTP status 500"),
    "a redirect": (_https("301"), "HTTP status 301 (redirects are refused)"),
    "a page": (_https("200", kind="text/html"), "no application/dns-message"),
    "nothing": (_https("200", b""), "it is no reply to what was asked"),
    "no message": (_https("200", b"\0\0" + b"x" * 20), "no reply to what was asked"),
    "a stream that is reset": (lambda http, _: http.reset_stream(1), "ended by the server"),
    "goodbye": (lambda http, _: http.close_connection(), "ended by the server"),
}  # fmt: skip


@pytest.mark.parametrize("case", _USELESS)
def test_what_is_no_reply_over_https_is_told_in_a_line(
    case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    respond, said = _USELESS[case]
    with over_https("127.0.0.1", respond=respond) as served:
        where = f"@https://127.0.0.1:{served.port}"
        assert main.main(["query", where, "www.example", "--insecure"]) == 9
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_who_speaks_no_http_2_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with over_https("127.0.0.1", alpn="http/1.1") as served:
        where = f"@https://127.0.0.1:{served.port}"
        assert main.main(["query", where, "www.example", "--insecure"]) == 9
    assert "speaks no HTTP/2" in capsys.readouterr().err


_ODD: dict[str, tuple[Callable[[Stream], object], str]] = {
    "a reset": (lambda stream: stream.quic.reset_stream(stream.number, 2), "(DOQ_PROTOCOL_ERROR)"),
    "the end": (lambda stream: stream.quic.close(1), "(DOQ_INTERNAL_ERROR)"),
    "no message": (
        lambda stream: stream.quic.send_stream_data(stream.number, b"\0\5ab", end_stream=True),
        "it is no reply to what was asked",
    ),
    "another id": (
        lambda stream: stream.reply(b"\1\1" + answered(stream.query)[2:]),
        "it is no reply to what was asked",
    ),
}


@pytest.mark.parametrize("case", _ODD)
def test_what_is_no_reply_over_quic_is_told_in_a_line(
    case: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    respond, said = _ODD[case]
    with over_quic(tmp_path, "127.0.0.1", respond=respond) as served:
        where = f"@quic://127.0.0.1:{served.port}"
        assert main.main(["query", where, "www.example", "--insecure"]) == 9
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_nobody_there_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for scheme in ("https", "quic"):
        words = ["query", f"@{scheme}://127.0.0.1:{port}", "www.example", "--insecure"]
        assert main.main(words) == 9
        assert "Connection refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["@quic://192.0.2.1#", "a.b"], "a name behind the #"),
        (["@https://192.0.2.1/a b", "a.b"], "a path behind the host"),
        (["@https://dns.example/q@nowhere.invalid", "a.b"], "a server ("),
        (["@https://192.0.2.1:0", "a.b"], "@host, @host:port"),
        (["@quic://192.0.2.1", "a.b", "--ca-file", "/dev/null"], "a file of certificates"),
    ],
)
def test_what_is_wrong_is_said(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["query", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["https", "quic"])
def test_what_is_not_installed_is_said_with_what_to_type(
    scheme: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolver.config.extras._is_there", lambda _: False)
    assert main.main(["query", f"@{scheme}://192.0.2.1", "a.b"]) == 2
    assert f'pip install "resolver[{scheme}]"' in capsys.readouterr().err
