"""The page's bounds as curl meets them: of bodies, heads, patience, places, and of its process."""

from __future__ import annotations

import http.client
import os
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolver.limits import (
    WEB_BODY_OCTETS,
    WEB_FILES,
    WEB_HEAD_OCTETS,
    WEB_IDLE_SECONDS,
    WEB_LOGS,
    WEB_MEMORY_OCTETS,
)
from tests.e2e.test_page import FORM, page_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.test_page import Served


@pytest.fixture(scope="module")
def page() -> Iterator[Served]:
    with page_of("www.example.com") as served:
        yield served


@pytest.mark.reaches("WEB_BODY_OCTETS")
def test_a_body_is_bounded(page: Served) -> None:
    assert page.post("x=" + "y" * (WEB_BODY_OCTETS - 2)).status == 401
    assert page.post("x=" + "y" * (WEB_BODY_OCTETS - 1)).status == 413
    chunked = {"Transfer-Encoding": "chunked", "Content-Type": FORM}
    with closing(http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)) as client:
        body = iter([b"x" * 1000] * (WEB_BODY_OCTETS // 1000 + 1))
        client.request("POST", "/", body, chunked, encode_chunked=True)
        assert client.getresponse().status == 400
    assert page.ask("/", {"Content-Length": "9" * 30}, method="POST").status in (400, 413)
    assert page.post("do=why", {**page.bearer, "Content-Type": "text/plain"}).status == 400


def _raw(page: Served, octets: bytes) -> tuple[bytes, float]:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as sock:
        sock.sendall(octets)
        got = b""
        while chunk := sock.recv(65_536):
            got += chunk
    return got, time.monotonic() - began


@pytest.mark.reaches("WEB_HEAD_OCTETS")
def test_a_head_is_bounded(page: Served) -> None:
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
    got, _ = _raw(page, head + b"y" * (2 * WEB_HEAD_OCTETS))
    assert got.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")) or not got
    assert page.ask("/", {"X": "y" * (WEB_HEAD_OCTETS - 200)}).status == 200
    assert page.ask("/", {"X": "y" * WEB_HEAD_OCTETS}).status == 431  # that comes whole, too
    assert page.ask("/?" + "y" * WEB_HEAD_OCTETS).status == 431


def test_it_is_http_1_1_and_no_other(page: Served) -> None:
    """HTTP/2 comes neither by its preface nor by an upgrade: nothing here bounds its streams."""
    got, _ = _raw(page, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
    assert got.startswith(b"HTTP/1.1 4")
    upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c",
               "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}  # fmt: skip
    assert page.ask("/", upgrade).status == 200
    assert page.ask("/", method="PUT").heads["allow"] == "GET, HEAD, POST"
    assert set(page.ask("/live", method="POST").heads["allow"].split(", ")) == {"GET", "HEAD"}


def test_places_are_counted_from_the_request_on(page: Served) -> None:
    with ExitStack() as stack:
        statuses = []
        for _ in range(2 * WEB_LOGS):
            client = http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)
            stack.callback(client.close)
            client.request("GET", "/log", headers=page.bearer)
            statuses.append(client.getresponse().status)
    assert statuses == [200] * WEB_LOGS + [503] * WEB_LOGS


@pytest.mark.reaches("WEB_IDLE_SECONDS")
def test_who_says_nothing_or_half_a_sentence_is_not_waited_for(page: Served) -> None:
    for octets in (b"", b"GET / HTTP/1.1\r\nHost: local"):
        got, took_s = _raw(page, octets)
        assert got == b"" or got.startswith(b"HTTP/1.1 4")
        assert took_s > WEB_IDLE_SECONDS / 2


@pytest.mark.reaches("WEB_FILES", "WEB_MEMORY_OCTETS")
def test_the_process_has_given_up_all_that_it_does_not_need(page: Served) -> None:
    child = page.child()
    limits = Path(f"/proc/{child}/limits").read_text()
    found = {line[:25].strip(): line[25:].split()[0] for line in limits.splitlines()[1:]}
    assert found["Max open files"] == str(WEB_FILES)
    assert found["Max data size"] == str(WEB_MEMORY_OCTETS)
    assert found["Max processes"] == "0"
    assert found["Max core file size"] == "0"
    about = dict(
        line.split(":", 1) for line in Path(f"/proc/{child}/status").read_text().splitlines()
    )
    assert int(about["CapEff"], 16) == int(about["CapPrm"], 16) == 0
    assert about["NoNewPrivs"].strip() == "1"
    if os.geteuid() == 0:
        assert "0" not in about["Uid"].split()
