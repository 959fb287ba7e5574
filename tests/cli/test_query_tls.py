"""`resolver query @tls://…`: over TLS, to who was meant and nobody else."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import trustme

from resolver.cli import main
from resolver.limits import QUERY_PADDING_OCTETS
from resolver.protocol import wire
from tests.cli.fake_server import reply
from tests.making import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CA = trustme.CA()


class Served:
    """What a server over TLS was sent."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.queries: list[bytes] = []


@contextmanager
def serving(*names: str) -> Iterator[Served]:
    """On loopback, with a certificate for *names*; one query a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert(*names).configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Served(listener.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock, suppress(OSError), context.wrap_socket(sock, server_side=True) as tls:
                    size = int.from_bytes(tls.recv(2), "big")
                    query = tls.recv(size)
                    served.queries.append(query)
                    told = reply(wire.parse_untrusted(query), record("www.example. 60 A 192.0.2.1"))
                    tls.sendall(len(told).to_bytes(2, "big") + told)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield served
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture
def authority(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    CA.cert_pem.write_to_path(path)
    return str(path)


def test_an_answer_over_tls_says_so_and_the_query_is_padded(
    capsys: pytest.CaptureFixture[str], authority: str
) -> None:
    with serving("127.0.0.1") as served:
        where = f"tls://127.0.0.1:{served.port}"
        assert main.main(["query", f"@{where}", "www.example", "--ca-file", authority]) == 0
    out = capsys.readouterr().out
    assert f"answered by 127.0.0.1:{served.port} (TLS)" in out
    assert "192.0.2.1" in out
    assert [len(query) for query in served.queries] == [QUERY_PADDING_OCTETS]


@pytest.mark.parametrize(
    ("names", "behind", "said"),
    [
        (["dns.example"], "", "IP address mismatch"),
        (["dns.example"], "#other.example", "Hostname mismatch"),
        (["dns.example"], "#dns.example", ""),
        (["127.0.0.1"], "", ""),
    ],
)
def test_the_name_is_proven_or_else_the_address(
    names: list[str], behind: str, said: str, capsys: pytest.CaptureFixture[str], authority: str
) -> None:
    with serving(*names) as served:
        words = ["query", f"@tls://127.0.0.1:{served.port}{behind}", "www.example", "--short"]
        status = main.main([*words, "--ca-file", authority])
        told = capsys.readouterr()
        assert status == (9 if said else 0)
        assert said in told.err
        assert bool(served.queries) is not bool(said)
        assert main.main([*words, "--insecure"]) == 0


def test_an_unknown_authority_is_not_believed(capsys: pytest.CaptureFixture[str]) -> None:
    with serving("127.0.0.1") as served:
        assert main.main(["query", f"@tls://127.0.0.1:{served.port}", "www.example"]) == 9
        assert served.queries == []
    assert "unable to get local issuer certificate (--insecure" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["@ftp://192.0.2.1", "a.b"], "@udp://, @tcp://, @tls://, @https:// or @quic://"),
        (["@192.0.2.1", "a.b", "--insecure"], "an encrypted server"),
        (["@192.0.2.1", "a.b", "--ca-file", "x"], "an encrypted server"),
        (["@tls://192.0.2.1#", "a.b"], "a name behind the #"),
        (["@tls://192.0.2.1:0", "a.b"], "@host, @host:port"),
        (["@tls://192.0.2.1", "a.b", "--ca-file", "/no/where"], "a file of certificates"),
        (["@tls://192.0.2.1", "a.b", "--ca-file", "/dev/null"], "a file of certificates"),
    ],
)
def test_what_is_wrong_is_said(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["query", *words]) == 2
    assert said in capsys.readouterr().err


def test_who_speaks_no_tls_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def rubbish() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=rubbish, daemon=True)
        thread.start()
        words = ["query", f"@tls://127.0.0.1:{port}", "a.b", "--insecure"]
        assert main.main(words) == 9
        thread.join(5)
    assert "TLS: wrong version number" in capsys.readouterr().err
