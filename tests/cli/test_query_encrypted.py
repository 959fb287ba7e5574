"""`resolver query @https://… | @quic://…`: to who was meant and nobody else, errors in one line."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

import pytest

from resolver.cli import main
from resolver.limits import QUERY_PADDING_OCTETS
from tests.cli.encrypted_servers import CA, answered, over_https, over_quic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from h2.connection import H2Connection

    from bench.forwarding.doq_server import Stream


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
