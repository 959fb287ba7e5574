"""The page's process from within: what it asks, what it remembers, how many it serves."""

from __future__ import annotations

import array
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio

from resolver.limits import (
    WEB_ASKING,
    WEB_DRILL_SECONDS,
    WEB_FRESH_SECONDS,
    WEB_LOGS,
    WEB_PATIENCE_SECONDS,
    WEB_PROOF_SECONDS,
    WEB_SEND_SECONDS,
    WEB_TOKEN_SECONDS,
    WEB_VIEWERS,
)
from resolver.operate.timeline import OCTETS, Timeline
from resolver.web import __main__ as main
from resolver.web import acting
from resolver.web.api import Api
from resolver.web.asking import Away, Daemon, Refusal
from resolver.web.live import Live
from resolver.web.trust import Trust
from resolver.web.watch import Watch, _outage_s
from tests.support import set_limit, trio_test, trio_test_real
from tests.web.views import STATS, status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class _Asked:
    """A daemon that says what it is told to."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[str] = []

    async def ask(self, do: str, *, token: str = "", **_: object) -> dict[str, Any]:
        self.asked.append(do)
        if token == "wrong":
            raise Refusal("the token is another one")
        if do in ("stats", "status"):
            return STATS if do == "stats" else status()
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        answer: dict[str, Any] = reply
        return answer


def _handed(line: socket.socket) -> list[socket.socket]:
    """What was handed in so far."""
    found: list[socket.socket] = []
    while True:
        try:
            _, numbers, _, _ = socket.recv_fds(line, 64, 8)
        except BlockingIOError:
            return found
        found += [socket.socket(fileno=number) for number in array.array("i", numbers)]


@pytest.mark.reaches("WEB_ASKING", "WEB_PATIENCE_SECONDS")
@trio_test  # what is sent goes at once, and nothing comes
async def test_so_many_questions_at_a_time_and_none_for_ever() -> None:
    began = trio.current_time()
    mine, theirs = socket.socketpair()
    theirs.settimeout(0)
    daemon, away = Daemon(mine), []

    async def ask() -> None:
        try:
            await daemon.ask("status")
        except Away as error:
            away.append(str(error))

    async with trio.open_nursery() as nursery:
        for _ in range(WEB_ASKING + 3):
            nursery.start_soon(ask)
        await trio.sleep(0.1)
        handed = _handed(theirs)
        assert len(handed) == WEB_ASKING
    assert away == ["the daemon does not answer"] * (WEB_ASKING + 3)
    assert trio.current_time() - began == WEB_PATIENCE_SECONDS
    daemon.close()
    for sock in (*handed, *_handed(theirs), mine, theirs):
        sock.close()


@trio_test_real
async def test_a_conversation_is_used_again_and_a_refusal_leaves_it_good() -> None:
    mine, theirs = socket.socketpair()
    theirs.settimeout(0)
    daemon = Daemon(mine)

    async def answer(count: int) -> None:
        await trio.sleep(0.05)
        (sock,) = _handed(theirs)
        sock.settimeout(0)
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        for number in range(count):
            asked = json.loads(await stream.receive_some(4096))
            assert asked["do"] == "status"
            told = {"ok": True, "n": number} if number else {"ok": False, "error": "no"}
            await stream.send_all(json.dumps(told).encode() + b"\n")
        sock.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, 3)
        with pytest.raises(Refusal, match="no"):
            await daemon.ask("status")
        assert (await daemon.ask("status"))["n"] == 1
        assert (await daemon.ask("status"))["n"] == 2
    daemon.close()
    mine.close()
    theirs.close()


@pytest.mark.reaches("WEB_TOKEN_SECONDS")
@trio_test
async def test_a_token_that_was_right_is_not_asked_about_for_a_while() -> None:
    asked = _Asked({}, {})
    trust = Trust(asked)  # type: ignore[arg-type]
    assert await trust.has("right")
    assert await trust.has("right")
    assert not await trust.has("wrong")
    assert not await trust.has("wrong")
    assert not await trust.has("")
    assert asked.asked == ["stale"] * 3
    await trio.sleep(WEB_TOKEN_SECONDS + 1)
    assert await trust.has("right")
    assert len(asked.asked) == 4


@pytest.mark.reaches("WEB_PROOF_SECONDS")
@trio_test
async def test_who_tries_tokens_costs_the_daemon_little() -> None:
    asked = _Asked({})
    trust, began = Trust(asked), trio.current_time()  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(trust.has, "wrong")
        for _ in range(3):  # a browser's, at once
            nursery.start_soon(trust.has, "right")
    assert len(asked.asked) == 101
    assert trio.current_time() - began == pytest.approx(100 * WEB_PROOF_SECONDS)


@pytest.mark.reaches("WEB_FRESH_SECONDS")
@trio_test
async def test_what_takes_no_token_is_asked_for_once_a_second_for_all() -> None:
    asked = _Asked()
    api = Api(asked, None, None, is_remote=False)  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(api._fresh, "stats")
            nursery.start_soon(api._fresh, "status")
    assert sorted(asked.asked) == ["stats", "status"]
    await trio.sleep(WEB_FRESH_SECONDS)
    assert await api._fresh("stats") == STATS
    assert len(asked.asked) == 3


@pytest.mark.reaches("WEB_VIEWERS", "WEB_LOGS")
@trio_test
async def test_so_many_look_at_a_time() -> None:
    watch = Watch(_Asked(), Timeline(bytearray(OCTETS)))  # type: ignore[arg-type]
    live = Live(_Asked(), watch, None)  # type: ignore[arg-type]
    watch.viewers = WEB_VIEWERS - 1
    live._logs = WEB_LOGS - 1
    assert (live.has_room, live.has_log_room) == (True, True)
    with live.viewed(), live.followed():
        assert (live.has_room, live.has_log_room) == (False, False)
    assert (live.has_room, live.has_log_room) == (True, True)


@trio_test
async def test_the_daemon_is_looked_at_each_second_only_while_somebody_looks() -> None:
    asked = _Asked()
    watch = Watch(asked, Timeline(bytearray(OCTETS)))  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run)
        await trio.sleep(60.5)
        assert asked.asked.count("stats") == 7
        with watch.viewed():
            await trio.sleep(10)
        assert 16 <= asked.asked.count("stats") <= 18
        nursery.cancel_scope.cancel()


def test_an_outage_counts_though_it_was_over_before_anybody_looked() -> None:
    def stats(outage_s: float, up: int, cut: int) -> dict[str, Any]:
        return {"counters": {"outage_seconds_total": outage_s},
                "gauges": {"link_up": up, "ways_cut_off": cut}}  # fmt: skip

    assert _outage_s(stats(0, 1, 0), stats(4, 1, 0), 10) == 4
    assert _outage_s(stats(0, 1, 0), stats(4, 0, 1), 10) == 4
    assert _outage_s(stats(0, 0, 1), stats(40, 0, 1), 10) == 10
    assert _outage_s(stats(0, 1, 1), stats(10, 1, 1), 10) == 0  # a forward that is dead for good


@pytest.mark.reaches("WEB_SEND_SECONDS")
def test_who_does_not_read_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        main.bound_patience(listener.fileno())
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            option = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert option == 1000 * WEB_SEND_SECONDS


@pytest.mark.reaches("WEB_BEAT_SECONDS")
@trio_test_real
async def test_it_shows_life_until_nobody_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, main, "WEB_BEAT_SECONDS", 0.01)
    mine, theirs = socket.socketpair()
    mine.settimeout(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(main._beat, mine)
        await trio.sleep(0.2)
        assert theirs.recv(64)[:3] == b"..."
        nursery.cancel_scope.cancel()
    mine.close()
    theirs.close()


@pytest.mark.reaches("WEB_DRILL_SECONDS")
@trio_test
async def test_a_drill_is_waited_for_so_long() -> None:
    class Slow:
        async def items(self, _: str, *, token: str) -> AsyncGenerator[dict[str, Any]]:
            assert token == "right"
            yield {"progress": "looking", "done": 1, "of": 2}
            await trio.sleep(WEB_DRILL_SECONDS - 1)
            yield {"report": None}
            await trio.sleep(2)

    began = trio.current_time()
    with pytest.raises(Away, match="too long"):
        await acting.done(Slow(), {"do": "drill"}, "right")  # type: ignore[arg-type]
    assert trio.current_time() - began == WEB_DRILL_SECONDS
