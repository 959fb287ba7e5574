"""Downloads of lists: what is asked for, what is believed, and what stays when it fails."""

from __future__ import annotations

import hashlib
import os
import ssl
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import pytest
import trustme

from resolver.config.schema import Block
from resolver.daemon import list_downloads, list_fetch
from resolver.daemon.list_job import Fetched, FetchJob
from resolver.daemon.list_terms import list_specs
from resolver.limits import (
    LIST_FIRST_SECONDS,
    LIST_INTERVAL_SECONDS,
    LIST_JITTER_SHARE,
    LIST_REDIRECTS,
    LIST_RETRY_SECONDS,
    LIST_TRIES,
)
from tests.daemon.listing import ADS, NOBODY, REAL, WWW, Home, home
from tests.support import set_limit, trio_test_real

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


URL = "https://www.example.com/list.txt"
GOOD = f"0.0.0.0 {ADS}\n"
OTHER = "||www.example.com^\n"


class Web:
    """In the place of the process that fetches: *pages* by URL, a text, or what came of it."""

    def __init__(self, **pages: str | Fetched) -> None:
        self.pages: dict[str, str | Fetched] = {URL: GOOD, **pages}
        self.jobs: list[FetchJob] = []

    async def __call__(self, job: FetchJob) -> Fetched:
        self.jobs.append(job)
        page = self.pages[job.url]
        if isinstance(page, Fetched):
            return page
        octets = page.encode()
        os.pwrite(job.out, octets, 0)
        digest = hashlib.blake2b(octets, digest_size=16).hexdigest()
        if job.etag == f'"{digest}"':
            return Fetched(is_same=True)
        return Fetched(len(octets), digest, f'"{digest}"', "yesterday")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_downloads, "_BETWEEN_TRIES_S", 0.0)


def entry(url: str = URL) -> Block:
    return Block(name="far", source=url)


async def again(it: Home) -> None:
    """A day later."""
    for known in it.daemon.lists.keeper.known.values():
        known.looked_at = 0.0
    await it.downloaded()


@trio_test_real
async def test_a_list_is_downloaded_by_our_own_look_up_and_used(tmp_path: Path) -> None:
    web = Web()
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        assert await it.address(ADS) == [NOBODY]
        assert web.jobs[0].addresses[-1] == "192.0.2.80"
        assert it.daemon.registry.values()["resolver_lists_downloads_total"] == 1
        assert it.daemon.registry.values()["resolver_lists_downloaded_octets_total"] == len(GOOD)
    async with home(tmp_path, entry(), fetch=web) as it:
        assert await it.address(ADS) == [NOBODY]
        assert len(web.jobs) == 1  # it was downloaded today
        assert it.daemon.lists.keeper.compiled == 0


@trio_test_real
async def test_it_is_asked_for_only_if_it_is_another(tmp_path: Path) -> None:
    web = Web()
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        await again(it)
        assert web.jobs[1].etag == web.jobs[1].etag != ""
        assert web.jobs[1].modified == "yesterday"
        assert it.daemon.lists.keeper.compiled == 1
        assert it.daemon.registry.values()["resolver_lists_downloads_unchanged_total"] == 1
        web.pages[URL] = OTHER
        await again(it)
        assert await it.address(WWW) == [NOBODY]


@pytest.mark.parametrize(
    "page",
    [
        "<html>404</html>", "", "no thing\n" * 3, Fetched(trouble="status 500"),
        Fetched(trouble="it took longer than 60 s"), Fetched(redirect="http://www.example.com/x"),
        Fetched(redirect="https://nowhere.invalid/"),
    ],
    ids=["a page", "empty", "nonsense", "an error", "ten minutes", "to http", "to nowhere"],
)  # fmt: skip
@trio_test_real
async def test_what_a_list_turns_into_leaves_the_protection_as_it_was(
    page: str | Fetched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web = Web()
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        web.pages[URL] = page
        for _ in range(3):
            await again(it)
        assert await it.address(ADS) == [NOBODY]
        told = [one.getMessage() for one in caplog.records if "list far" in one.getMessage()]
        assert len(told) == 1, told
        web.pages[URL] = OTHER
        await again(it)
        assert await it.address(WWW) == [NOBODY]
        assert caplog.records[-1].getMessage() == "list far is renewed again"


@trio_test_real
async def test_one_that_was_never_had_blocks_nobody_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web = Web()
    web.pages[URL] = Fetched(trouble="connection refused")
    async with home(tmp_path, entry(), fetch=web) as it:
        await again(it)
        assert await it.address(ADS) == [REAL]
    assert "cannot be downloaded: connection refused" in caplog.text


@pytest.mark.reaches("LIST_REDIRECTS")
@trio_test_real
async def test_redirects_are_followed_but_not_for_ever(tmp_path: Path) -> None:
    web = Web()
    places = [URL, *(f"https://mail.example.com/{number}" for number in range(LIST_REDIRECTS + 1))]
    for place, target in pairwise(places):
        web.pages[place] = Fetched(redirect=target)
    web.pages[places[LIST_REDIRECTS]] = GOOD
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        assert await it.address(ADS) == [NOBODY]
        assert web.jobs[-1].addresses[-1] == "192.0.2.25"
        web.pages[places[LIST_REDIRECTS]] = Fetched(redirect=places[-1])
        web.pages[places[-1]] = OTHER
        await again(it)
        assert "more than 5 times" in next(iter(it.daemon.lists.keeper.troubles.values()))


@pytest.mark.reaches("LIST_TRIES")
@trio_test_real
async def test_a_download_is_tried_three_times(tmp_path: Path) -> None:
    web = Web()
    web.pages[URL] = Fetched(trouble="reset")
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        assert len(web.jobs) == LIST_TRIES


@pytest.mark.reaches("LIST_INTERVAL_SECONDS", "LIST_RETRY_SECONDS", "LIST_JITTER_SHARE")
@trio_test_real
async def test_the_next_one_is_a_day_away_or_an_hour_after_a_failure(tmp_path: Path) -> None:
    web = Web()
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        (known,) = it.daemon.lists.keeper.known.values()
        specs = list_specs(it.daemon.config)

        async def asked_after(seconds: float) -> bool:
            known.looked_at = it.daemon.parts.clock.wall() - seconds
            before = len(web.jobs)
            await it.daemon.lists.keeper._downloaded(specs)
            return len(web.jobs) > before

        for usual, failures in ((LIST_INTERVAL_SECONDS, 0), (LIST_RETRY_SECONDS, 1)):
            known.failures = failures
            assert not await asked_after(usual * (1 - LIST_JITTER_SHARE) - 5)
            assert await asked_after(usual * (1 + LIST_JITTER_SHARE) + 5)


@pytest.mark.reaches("LIST_FIRST_SECONDS")
@trio_test_real
async def test_one_that_was_never_had_is_tried_again_soon(tmp_path: Path) -> None:
    """The line may come up after the machine has; the list blocks nothing until then."""
    web = Web()
    web.pages[URL] = Fetched(trouble="network is unreachable")
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        (known,) = it.daemon.lists.keeper.known.values()
        downloads = it.daemon.lists.keeper.downloads
        assert downloads is not None
        pauses = []
        for known.failures in (1, 2, 3, 99):
            pauses.append(downloads._pause(known))
        usual = [LIST_FIRST_SECONDS, 2 * LIST_FIRST_SECONDS, 4 * LIST_FIRST_SECONDS, 3600]
        assert pauses == pytest.approx(usual, rel=LIST_JITTER_SHARE)
        known.digest = "there was one"
        assert downloads._pause(known) == pytest.approx(LIST_RETRY_SECONDS, rel=LIST_JITTER_SHARE)


@trio_test_real
async def test_a_list_that_blocks_its_own_host_is_renewed(tmp_path: Path) -> None:
    web = Web()
    web.pages[URL] = GOOD + OTHER
    async with home(tmp_path, entry(), fetch=web) as it:
        await it.downloaded()
        assert await it.address(WWW) == [NOBODY]
        web.pages[URL] = GOOD
        await again(it)
        assert web.jobs[-1].addresses[-1] == "192.0.2.80"
        assert await it.address(WWW) != [NOBODY]


# --- one request -------------------------------------------------------------------------------


class Page(BaseHTTPRequestHandler):
    """Serves what the test wants."""

    protocol_version = "HTTP/1.1"
    body: ClassVar[bytes] = GOOD.encode()
    status: ClassVar[int] = 200
    length: ClassVar[int | None] = None
    seen: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        self.seen.append({**dict(self.headers), "path": self.path})
        is_same = self.headers.get("If-None-Match") == '"1"'
        self.send_response(304 if is_same else self.status)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Mon, 30 Nov 2026 00:00:00 GMT")
        if self.status == 302:
            self.send_header("Location", "/other")
        self.send_header("Content-Length", str(0 if is_same else self.length or len(self.body)))
        self.end_headers()
        if not is_same:
            self.wfile.write(self.body)
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
