"""One request for a list: to whom it goes, and what of a reply is taken."""

from __future__ import annotations

import gzip
import hashlib
import os
import ssl
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, ClassVar

import pytest
import trustme

from resolver.daemon import list_fetch
from resolver.daemon.list_job import Fetched, FetchJob
from tests.daemon.listing import ADS
from tests.support import set_limit

if TYPE_CHECKING:
    from collections.abc import Iterator


GOOD = f"0.0.0.0 {ADS}\n"


class Page(BaseHTTPRequestHandler):
    """Serves what the test wants."""

    protocol_version = "HTTP/1.1"
    body: ClassVar[bytes] = GOOD.encode()
    status: ClassVar[int] = 200
    length: ClassVar[int | None] = None
    coding: ClassVar[str] = ""
    drip_s: ClassVar[float] = 0.0  # between octets
    seen: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        self.seen.append({**dict(self.headers), "path": self.path})
        is_same = self.headers.get("If-None-Match") == '"1"'
        self.send_response(304 if is_same else self.status)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Mon, 30 Nov 2026 00:00:00 GMT")
        if self.coding:
            self.send_header("Content-Encoding", self.coding)
        if self.status == 302:
            self.send_header("Location", "/other")
        self.send_header("Content-Length", str(0 if is_same else self.length or len(self.body)))
        self.end_headers()
        if not is_same:
            step = 1 if self.drip_s else len(self.body)
            with suppress(OSError):
                for at in range(0, len(self.body), step):
                    self.wfile.write(self.body[at : at + step])
                    time.sleep(self.drip_s)
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch, host: str = "lists.example") -> Iterator[int]:
    """A server on loopback, with a certificate for *host* that is believed."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    server = HTTPServer(("127.0.0.1", 0), Page)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    Page.seen.clear()
    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def fetched(port: int, host: str = "lists.example", **how: str) -> tuple[Fetched, bytes]:
    with tempfile.TemporaryFile() as out:
        url = f"https://{host}:{port}/a?b=c"
        job = FetchJob(url, ["127.0.0.2", "127.0.0.1"], out.fileno(), os.getpid(), **how)
        told = list_fetch.fetched(job)
        return told, os.pread(out.fileno(), 1 << 20, 0)


def test_a_request_goes_to_the_address_and_names_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(monkeypatch) as port:
        told, octets = fetched(port)
        assert octets == GOOD.encode()
        assert (told.octets, told.etag, told.trouble) == (len(GOOD), '"1"', "")
        assert told.digest == hashlib.blake2b(octets, digest_size=16).hexdigest()
        assert Page.seen[0]["Host"] == f"lists.example:{port}"
        assert Page.seen[0]["path"] == "/a?b=c"
        told, _ = fetched(port, etag='"1"', modified="Mon, 30 Nov 2026 00:00:00 GMT")
        assert told.is_same
        assert Page.seen[1]["If-Modified-Since"].startswith("Mon")


def test_the_certificate_must_be_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(monkeypatch) as port:
        told, octets = fetched(port, "other.example")
        assert "certificate" in told.trouble.lower()
        assert octets == b""


def test_what_is_cut_off_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Page, "length", 1000)
    with served(monkeypatch) as port:
        assert fetched(port)[0].trouble


@pytest.mark.parametrize("status", [404, 500, 206])
def test_an_error_is_no_list(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Page, "status", status)
    with served(monkeypatch) as port:
        assert f"status {status}" in fetched(port)[0].trouble


def test_a_redirect_is_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Page, "status", 302)
    with served(monkeypatch) as port:
        assert fetched(port)[0].redirect == f"https://lists.example:{port}/other"


def test_a_list_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, list_fetch, "LIST_OCTETS", 10)
    with served(monkeypatch) as port:
        assert "more than 10 octets" in fetched(port)[0].trouble


@pytest.mark.reaches("LIST_DOWNLOAD_SECONDS")
def test_a_list_that_takes_too_long_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, list_fetch, "LIST_DOWNLOAD_SECONDS", -1)
    with served(monkeypatch) as port:
        assert fetched(port)[0].trouble


def test_a_server_that_drips_is_left_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each octet comes in good time; all of them take half a minute."""
    set_limit(monkeypatch, list_fetch, "LIST_DOWNLOAD_SECONDS", 3)
    monkeypatch.setattr(Page, "body", b"#" * 60)
    monkeypatch.setattr(Page, "drip_s", 0.5)
    with served(monkeypatch) as port:
        assert "it took longer than" in fetched(port)[0].trouble


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd", "no such"])
def test_only_what_was_asked_for_is_unpacked(coding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is packed twice is a million times as large: more than a small machine has."""
    monkeypatch.setattr(Page, "body", gzip.compress(gzip.compress(GOOD.encode())))
    monkeypatch.setattr(Page, "coding", coding)
    with served(monkeypatch) as port:
        told, octets = fetched(port)
        assert f"its coding is '{coding}'" in told.trouble
        assert octets == b""
        assert Page.seen[0]["Accept-Encoding"] == "gzip, deflate"


def test_a_packed_list_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Page, "body", gzip.compress(GOOD.encode()))
    monkeypatch.setattr(Page, "coding", "gzip")
    with served(monkeypatch) as port:
        assert fetched(port)[1] == GOOD.encode()


def test_what_unpacks_to_too_much_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, list_fetch, "LIST_OCTETS", 10_000)
    monkeypatch.setattr(Page, "body", gzip.compress(b"\n" * 1_000_000))
    monkeypatch.setattr(Page, "coding", "gzip")
    with served(monkeypatch) as port:
        assert "more than 10000 octets" in fetched(port)[0].trouble
