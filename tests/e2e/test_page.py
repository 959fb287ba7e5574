"""The page as curl has it: a daemon as it is started, with the lab for its Internet."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from resolver.web.api import PATHS
from tests.cli.test_serve import free_port
from tests.e2e.controlled import PATIENCE_S, Controlled, controlled, open_folder, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORM = "application/x-www-form-urlencoded"


class Got(NamedTuple):
    status: int
    heads: Mapping[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


class Served(NamedTuple):
    daemon: Controlled
    port: int

    @property
    def token(self) -> str:
        return (self.daemon.folder / "web-token").read_text().strip()

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(
        self, path: str, heads: Mapping[str, str] | None = None, *, method: str = "GET",
        body: str | None = None,
    ) -> Got:  # fmt: skip
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as client:
            form = {"Content-Type": FORM} if body is not None else {}
            client.request(method, path, body, {**form, **(heads or {})})
            reply = client.getresponse()
            return Got(reply.status, dict(reply.getheaders()), reply.read().decode())

    def post(self, body: str, heads: Mapping[str, str] | None = None) -> Got:
        return self.ask("/", heads, method="POST", body=body)

    def child(self) -> int:
        """The page's process."""
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rpartition(")")[2].split()[1])
                words = path.with_name("cmdline").read_bytes()
            except OSError:
                continue
            if parent == self.daemon.process.pid and b"resolver.web" in words:
                return int(path.parent.name)
        return 0

    def comes(self) -> bool:
        """Is it there, soon?"""
        ends_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends_at:
            try:
                if self.ask("/api/numbers").status == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.1)
        return False


@contextmanager
def page_of(*asked: str) -> Iterator[Served]:
    """A daemon with a page, of whom these names were *asked*."""
    with open_folder() as folder, page_in(folder) as served:
        for name in asked:
            served.daemon.ask(name)
        yield served


@contextmanager
def page_in(folder: Path) -> Iterator[Served]:
    """A daemon with a page, and what another one has left in *folder*."""
    port = free_port()
    with controlled(folder, head=_head(folder, port)) as daemon:
        served = Served(daemon, port)
        assert served.comes()
        yield served


def _head(folder: Path, port: int) -> str:
    return (
        f"server.user = ''\nworking_directory = '{folder}'\ncache.persist = false\n"
        f"web.listen = '127.0.0.1:{port}'\n"
    )


@pytest.fixture(scope="module")
def page() -> Iterator[Served]:
    with page_of("www.example.com", "www.example.com", "www.bogus.org") as served:
        yield served


def test_the_numbers_take_no_token_on_this_machine(page: Served) -> None:
    got = page.ask("/")
    assert got.status == 200
    assert "The link is up" in got.body
    assert "From memory" in got.body
    assert "bogus.org" not in got.body


def test_every_answer_tells_the_browser_to_be_careful(page: Served) -> None:
    for path in ("/", "/page.css", "/page.js", "/icon.svg", "/api/", "/nothing", "/api/why"):
        heads = page.ask(path).heads
        assert heads["content-security-policy"].startswith("default-src 'self';")
        assert "unsafe" not in heads["content-security-policy"]
        assert heads["x-content-type-options"] == "nosniff"
        assert heads["x-frame-options"] == "DENY"
        assert "set-cookie" not in heads
        assert "server" not in heads


def test_files_are_the_packages_and_none_of_the_disk(page: Served) -> None:
    assert page.ask("/page.css").heads["content-type"].startswith("text/css")
    mark = page.ask("/page.js").heads["etag"]
    assert page.ask("/page.js", {"If-None-Match": mark}).status == 304
    for path in ("/../../etc/passwd", "/%2e%2e/web-token", "/page.js/../../web-token", "/static/"):
        assert page.ask(path).status == 404


def test_a_name_that_was_turned_to_this_machine_is_refused(page: Served) -> None:
    assert page.ask("/", {"Host": "evil.example"}).status == 421
    assert page.ask("/", {"Host": f"localhost:{page.port}"}).status == 200


def test_names_take_the_token(page: Served) -> None:
    for path in PATHS:
        query = "?name=www.example.com" if path.needs_first else ""
        got = page.ask(f"/api/{path.path}{query}")
        assert got.status == (401 if path.is_named else 200), path
        wrong = page.ask(f"/api/{path.path}{query}", {"Authorization": "Bearer nonsense-nonsense"})
        assert wrong.status == 401
    assert page.ask("/log").status == 401


def test_each_path_of_the_api_says_what_it_should(page: Served) -> None:
    def told(path: str) -> Any:
        got = page.ask(f"/api/{path}", page.bearer)
        assert got.status == 200, (path, got.body)
        assert got.heads["content-type"] == "application/json"
        assert got.heads["cache-control"] == "no-store"
        return got.json()

    ends_at = time.monotonic() + PATIENCE_S
    while told("numbers")["since_start"]["queries"] < 3:  # they may be a second old
        assert time.monotonic() < ends_at
    assert told("stats")["counters"]["udp_queries_total"] >= 3
    assert told("status")["link"]["is_up"] is True
    assert told("timeline")["minutes"][-1]["watched_s"] >= 0
    assert told("servers")["known"] > 3
    assert told("servers?zone=example.com")["zone"] == "example.com."
    assert "secure" in told("why?name=www.example.com")["because"]
    assert [row["zone"] for row in told("zones")["failing"]] == ["bogus.org."]
    assert told("lists")["lists"] == []
    assert told("warm")["known"] >= 0
    assert told("queries")["questions"] == []
    assert "weighed by use" in told("drill")["items"][0]["report"]["verdict"]


def test_bad_questions_are_told_what_is_wrong(page: Served) -> None:
    for path, status in {
        "why": 422, "why?name=a..b": 422, "why?name=a&type=NOPE": 422, "why?nam=a": 422,
        "servers?zone=" + "a" * 2000: 422, "nothing": 404,
    }.items():  # fmt: skip
        got = page.ask(f"/api/{path}", page.bearer)
        assert got.status == status, path
        assert "Traceback" not in got.body


def test_the_description_fits_the_paths(page: Served) -> None:
    described = page.ask("/api/openapi.json").json()
    assert described["openapi"] == "3.1.0"
    assert described["paths"].keys() == {f"/api/{path.path}" for path in PATHS}
    why = described["paths"]["/api/why"]["get"]
    assert why["security"] == [{"token": []}]
    assert [one["required"] for one in why["parameters"]] == [True, False, False]


def test_without_a_script_a_form_shows_names_and_acts(page: Served) -> None:
    got = page.post(f"token={page.token}")
    assert got.status == 200
    assert "bogus.org." in got.body
    assert "Look up" in got.body
    story = page.post(f"token={page.token}&do=why&name=www.bogus.org&type=A")
    assert "Chain of trust" in story.body
    assert "fails validation" in story.body or "failed" in story.body


def test_with_a_script_only_what_came_of_it_is_sent(page: Served) -> None:
    heads = {**page.bearer, "X-Script": "1"}
    flushed = page.post("do=flush&name=www.example.com&below=1", heads).json()
    assert flushed["html"].startswith("<p>Forgotten:")
    paused = page.post("do=pause", heads).json()
    assert paused["html"] == "<p>Nothing is blocked for 5 min.</p>"
    assert page.post("do=resume", heads).json()["html"] == "<p>Lists block again.</p>"
    allowed = page.post("do=allow&name=list", heads).json()
    assert allowed["html"] == "<p>list. is let through for 1 h.</p>"
    reloaded = page.post("do=reload", heads).json()
    assert reloaded["html"].startswith("<p>")
    wrong = page.post("do=flush&name=a..b", heads).json()
    assert wrong["html"] is None
    assert "no domain name" in wrong["said"]
    assert page.post("do=nothing", heads).status == 400


def test_nobody_acts_without_the_token_or_from_elsewhere(page: Served) -> None:
    assert page.post("do=flush&name=www.example.com").status == 401
    assert page.post("do=flush&name=www.example.com&token=wrong-wrong-wrong").status == 401
    for origin in ("https://evil.example", "null", f"http://localhost:{page.port}"):
        got = page.post("do=reload", {**page.bearer, "Origin": origin})
        assert got.status == 403, origin
    assert page.post("do=reload", {**page.bearer, "Sec-Fetch-Site": "cross-site"}).status == 403
    own = {
        **page.bearer,
        "Origin": f"http://127.0.0.1:{page.port}",
        "Sec-Fetch-Site": "same-origin",
    }
    assert page.post("do=resume", own).status == 200
    assert page.ask("/?do=flush&name=www.example.com", page.bearer).status == 200  # nothing is done
    assert page.ask("/api/why?name=a", page.bearer, method="DELETE").status == 405


def _events(page: Served, path: str, heads: Mapping[str, str], count: int) -> list[tuple[str, Any]]:
    with closing(http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)) as client:
        client.request("GET", path, headers=dict(heads))
        reply = client.getresponse()
        assert reply.getheader("content-type", "").startswith("text/event-stream")
        found: list[tuple[str, Any]] = []
        kind = ""
        while len(found) < count:
            line = reply.readline().decode().strip()
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((kind, json.loads(line.removeprefix("data: "))))
        return found


def test_panels_come_as_they_change(page: Served) -> None:
    first, second = _events(page, "/live", {}, 2)
    assert first[0] == second[0] == "panels"
    assert {"glance", "link", "answers", "kept"} <= first[1].keys()
    assert "zones" not in first[1]
    assert "zones" in _events(page, "/live", page.bearer, 1)[0][1]


def test_the_log_is_live_while_it_is_read(page: Served) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)) as client:
        client.request("GET", "/log", headers=page.bearer)
        reply = client.getresponse()
        ends_at, seen = time.monotonic() + PATIENCE_S, ""
        while "www.signed.org." not in seen and time.monotonic() < ends_at:
            page.daemon.ask("www.signed.org")
            seen = reply.readline().decode()
        assert "<tr><th" in json.loads(seen.removeprefix("data: "))["lines"][0]


def _cached(served: Served) -> int:
    minutes = served.ask("/api/timeline").json()["minutes"]
    return sum(minute["cache"] + minute["network"] for minute in minutes)


def _counts(served: Served, least: int) -> bool:
    """Does the timeline have so many answers, soon?"""
    ends_at = time.monotonic() + PATIENCE_S
    while _cached(served) < least and time.monotonic() < ends_at:
        time.sleep(0.2)
    return _cached(served) >= least


def test_it_is_killed_and_comes_back_and_no_query_notices(page: Served) -> None:
    assert _counts(page, 1)
    before, day = page.child(), page.ask("/api/timeline").json()["minutes"]
    os.kill(before, signal.SIGKILL)
    for _ in range(20):
        assert page.daemon.ask("www.example.com") == 0
    assert page.comes()
    assert page.child() not in (0, before)
    assert page.ask("/api/timeline").json()["minutes"][0]["at"] == day[0]["at"]


def test_its_day_is_there_after_a_reload_that_moves_it_and_after_a_restart() -> None:
    with open_folder() as folder:
        with page_in(folder) as served:
            for _ in range(5):
                served.daemon.ask("www.example.com")
            assert _counts(served, 5)
            moved = free_port()
            write(folder, served.daemon.port, _head(folder, moved))
            served.daemon.told("reload")
            elsewhere = Served(served.daemon, moved)
            assert elsewhere.comes()
            assert _cached(elsewhere) >= 5
            with pytest.raises(OSError, match="refused"):
                served.ask("/")
        with page_in(folder) as again:
            assert _cached(again) >= 5


@pytest.mark.long
def test_it_hangs_and_is_replaced(page: Served) -> None:
    before = page.child()
    os.kill(before, signal.SIGSTOP)
    ends_at = time.monotonic() + PATIENCE_S
    while page.child() in (0, before) and time.monotonic() < ends_at:
        assert page.daemon.ask("www.example.com") == 0
        time.sleep(0.2)
    assert page.child() not in (0, before)
    assert page.comes()
