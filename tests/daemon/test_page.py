"""The page's process, from the daemon's side: its token, its lives, its conversations."""

from __future__ import annotations

import os
import socket
import stat
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import trio

from resolver.config.schema import Config
from resolver.config.schema_web import Web
from resolver.daemon import page as module
from resolver.daemon.page import Page
from resolver.daemon.page_history import History
from resolver.daemon.page_token import Token, token_untrusted
from resolver.daemon.state import StateDirectory
from resolver.errors import ConfigError
from resolver.limits import (
    WEB_CHANNELS,
    WEB_PAUSE_SECONDS,
    WEB_RESTART_SECONDS,
    WEB_SILENCE_SECONDS,
    WEB_TOKEN_OCTETS,
)
from tests.operate.knocking import VERBS, Client, perform
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from pathlib import Path


def _state(folder: Path) -> StateDirectory:
    state = StateDirectory(str(folder))
    state.open()
    return state


# --- the token -----------------------------------------------------------------------------------


def test_a_token_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    config = Config(working_directory=str(tmp_path), web=Web(listen="127.0.0.1:0"))
    first, second = Token(_state(tmp_path)), Token(_state(tmp_path))
    first.open(config, None)
    second.open(config, None)
    path = tmp_path / "web-token"
    assert first.text == second.text == path.read_text().strip()
    assert len(first.text) == 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.where == str(path)


def test_a_file_of_its_own_is_made_likewise(tmp_path: Path) -> None:
    path = tmp_path / "token"
    config = Config(web=Web(listen="127.0.0.1:0", token_file=str(path)))
    token = Token(StateDirectory())
    token.open(config, None)
    assert path.read_text().strip() == token.text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_place_it_lives_as_long_as_the_process() -> None:
    token = Token(StateDirectory())
    token.open(Config(web=Web(listen="127.0.0.1:0")), None)
    assert len(token.text) == 43
    assert token.where == ""


def test_a_file_that_others_may_read_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "token"
    path.write_text("a-token-of-some-length\n")
    path.chmod(0o644)
    config = Config(web=Web(listen="127.0.0.1:0", token_file=str(path)))
    Token(StateDirectory()).open(config, None)
    assert "others may read it" in caplog.text


@pytest.mark.reaches("WEB_TOKEN_OCTETS")
@pytest.mark.parametrize(
    "octets", [b"", b"short", b"two words of a token", b"\x00" * 20, b"\xff" * 20, b"x" * 257]
)
def test_a_file_without_a_token_is_refused(octets: bytes) -> None:
    with pytest.raises(ConfigError, match=r"web\.token_file"):
        token_untrusted(octets, "file")
    assert token_untrusted(b"x" * WEB_TOKEN_OCTETS, "file") == "x" * WEB_TOKEN_OCTETS


def test_a_token_file_that_is_a_directory_is_refused(tmp_path: Path) -> None:
    config = Config(web=Web(listen="127.0.0.1:0", token_file=str(tmp_path)))
    with pytest.raises(ConfigError, match=r"web\.token_file"):
        Token(StateDirectory()).open(config, None)


# --- its lives ---------------------------------------------------------------------------------


def _page() -> Page:
    daemon: Any = SimpleNamespace(
        state=StateDirectory(), config=Config(web=Web(listen="127.0.0.1:0")),
        tls=SimpleNamespace(changed=0, identities=()), nursery=None,
    )  # fmt: skip
    page = Page(daemon, VERBS, perform, History(daemon.state))
    page.token.text = "the-token"
    return page


@pytest.mark.reaches("WEB_RESTART_SECONDS", "WEB_PAUSE_SECONDS")
@trio_test
async def test_one_that_ends_is_followed_by_another_less_and_less_often() -> None:
    page = _page()
    page._listener = socket.socket()
    lives: list[float] = []

    async def live(listener: socket.socket) -> str:
        assert listener is page._listener
        lives.append(trio.current_time())
        if len(lives) == 9:
            await trio.sleep(WEB_SILENCE_SECONDS + 1)  # a good one
        return "ended"

    page._live = live  # type: ignore[method-assign]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(page._keep, scope := trio.CancelScope())
        while len(lives) < 10:  # noqa: ASYNC110  # virtual time
            await trio.sleep(1)
        scope.cancel()
    page.close()
    gaps = [later - earlier for earlier, later in pairwise(lives)]
    assert gaps[0] == 2 * WEB_RESTART_SECONDS
    assert gaps[1] == 4 * WEB_RESTART_SECONDS
    assert gaps[7] == WEB_PAUSE_SECONDS
    assert gaps[8] == WEB_SILENCE_SECONDS + 1 + WEB_RESTART_SECONDS


@trio_test_real
async def test_one_that_cannot_be_started_is_told_once_and_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for limit in ("WEB_RESTART_SECONDS", "WEB_PAUSE_SECONDS"):
        monkeypatch.setattr(module, limit, 0.2)
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    page = _page()
    page._listener = socket.create_server(("127.0.0.1", 0))
    place = page._listener.getsockname()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page._keep, scope := trio.CancelScope())
            for _ in range(5):
                async with await trio.open_tcp_stream(*place) as stream:
                    assert await stream.receive_some() == b""
                await trio.sleep(0.2)
            scope.cancel()
    page.close()
    assert caplog.text.count("no page: /nowhere/python cannot be started by the account") == 1
    assert "No such file" in caplog.text


@pytest.mark.reaches("WEB_SILENCE_SECONDS")
@trio_test_real
async def test_one_that_shows_no_life_is_to_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WEB_SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(module, "WEB_BEAT_SECONDS", 0.05)
    mine, theirs = socket.socketpair()
    mine.settimeout(0)
    process = await trio.lowlevel.open_process(["sleep", "60"])
    with mine, theirs, trio.fail_after(30):
        why = await _page()._watch(process, trio.socket.from_stdlib_socket(mine))
    process.kill()
    await process.wait()
    assert why == "has shown no life"


@trio_test_real
async def test_one_that_ended_is_told_with_its_status() -> None:
    mine, theirs = socket.socketpair()
    mine.settimeout(0)
    process = await trio.lowlevel.open_process(["sh", "-c", "exit 3"])
    with mine, theirs, trio.fail_after(30):
        why = await _page()._watch(process, trio.socket.from_stdlib_socket(mine))
    assert why == "ended with status 3"


# --- its conversations ---------------------------------------------------------------------------


class _Child:
    """The other end of the pair."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.streams: list[trio.SocketStream] = []

    def begin(self) -> Client:
        mine, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.sock, [b"+"], [theirs.fileno()])
        mine.settimeout(0)
        self.streams.append(trio.SocketStream(trio.socket.from_stdlib_socket(mine)))
        return Client(self.streams[-1])

    def close(self) -> None:
        for stream in self.streams:
            stream.socket.close()
        self.sock.close()


@trio_test_real
async def test_it_may_look_and_act_only_where_the_token_is_shown() -> None:
    mine, theirs = socket.socketpair()
    mine.settimeout(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_page()._serve, trio.socket.from_stdlib_socket(mine))
        child = _Child(theirs)
        client = child.begin()
        assert (await client.ask(do="say") or {})["ok"]
        assert not (await client.ask(do="act") or {})["ok"]
        assert (await client.ask(do="act", token="the-token") or {})["ok"]
        wrong = await client.ask(do="act", token="the-tokem") or {}
        assert (wrong["ok"], wrong["error"]) == (False, "the token is another one")
        assert not (await client.ask(do="say", token="x") or {})["ok"]
        assert not (await client.ask(do="say", token=7) or {})["ok"]
        nursery.cancel_scope.cancel()
    child.close()
    mine.close()


@pytest.mark.reaches("WEB_CHANNELS")
@trio_test_real
async def test_it_has_so_many_conversations_at_a_time() -> None:
    mine, theirs = socket.socketpair()
    mine.settimeout(0)
    page = _page()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(page._serve, trio.socket.from_stdlib_socket(mine))
        child = _Child(theirs)
        clients = [child.begin() for _ in range(WEB_CHANNELS + 1)]
        for client in clients[1:]:
            assert (await client.ask(do="say") or {})["ok"]
        assert await clients[0].hear() is None  # who was idle for longest made way
        assert page.door.present == WEB_CHANNELS
        nursery.cancel_scope.cancel()
    child.close()
    mine.close()


@trio_test_real
async def test_what_is_handed_in_and_is_no_socket_is_closed() -> None:
    mine, theirs = socket.socketpair()
    mine.settimeout(0)
    reader, writer = os.pipe()
    page = _page()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(page._serve, trio.socket.from_stdlib_socket(mine))
        socket.send_fds(theirs, [b"+"], [writer])
        os.close(writer)
        with trio.fail_after(10):
            await trio.lowlevel.wait_readable(reader)
        assert os.read(reader, 1) == b""  # nobody has the other end any more
        child = _Child(theirs)
        assert (await child.begin().ask(do="say") or {})["ok"]
        nursery.cancel_scope.cancel()
    os.close(reader)
    child.close()
    mine.close()
