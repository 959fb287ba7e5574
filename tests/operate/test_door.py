"""The door of the control socket: a line in, a line out, and nobody can wear it down."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.limits import CONTROL_CLIENTS, CONTROL_LINE_OCTETS, CONTROL_REPLY_OCTETS
from resolver.operate import door as module
from resolver.operate.rights import Peer
from tests.operate.knocking import house
from tests.support import set_limit, trio_test_real

if TYPE_CHECKING:
    from pathlib import Path

STRANGER = Peer(1, 54321, 54321)


@pytest.fixture
def looks_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knocks is a member of the group, no admin."""
    monkeypatch.setattr(module, "_peer", lambda _: STRANGER)


@trio_test_real
async def test_a_line_is_answered_by_a_line(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        client = await home.knock()
        assert await client.ask(id=1, do="say", octets=2) == {"id": 1, "ok": True, "text": "xx"}
        assert await client.ask(id="b", do="say") == {"id": "b", "ok": True, "text": "x"}
        assert home.door.requests == 2


@trio_test_real
async def test_requests_that_come_together_are_answered_in_turn(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        client = await home.knock()
        await client.send(b'{"id":1,"do":"say"}', b"", b'{"id":2,"do":"say"}')
        assert [(await client.hear() or {})["id"] for _ in range(2)] == [1, 2]


@trio_test_real
async def test_many_items_end_with_an_end(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        client = await home.knock()
        await client.send(b'{"id":1,"do":"count","items":2}')
        heard = [await client.hear() for _ in range(3)]
        assert [each["number"] for each in heard[:2] if each] == [0, 1]
        assert heard[2] == {"id": 1, "ok": True, "end": True}
        assert await client.ask(id=2, do="say") is not None


@trio_test_real
async def test_a_client_that_only_sends_is_answered(tmp_path: Path) -> None:
    """As `socat` and `nc` do: they close their half behind the request."""
    async with house(tmp_path) as home:
        client = await home.knock()
        await client.send(b'{"id":1,"do":"count","items":2}')
        await client.stream.send_eof()
        heard = []
        while (reply := await client.hear()) is not None:
            heard.append(reply)
        assert [each.get("end", False) for each in heard] == [False, False, True]


@trio_test_real
async def test_what_is_refused_is_told(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        client = await home.knock()
        assert await client.ask(id=1, do="refuse") == {"id": 1, "ok": False, "error": "not today"}
        misused = await client.ask(id=2, do="misuse")
        assert misused == {"id": 2, "ok": False, "error": "no such word", "misuse": True}
        unknown = await client.ask(id=3, do="nothing of the kind")
        assert unknown is not None
        assert unknown["misuse"] is True
        assert home.door.errors == len((1, 2, 3))


@trio_test_real
async def test_a_bug_in_a_verb_costs_one_reply(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("resolver").propagate = True
    async with house(tmp_path) as home:
        client = await home.knock()
        reply = await client.ask(id=1, do="break")
        assert reply is not None
        assert "a fault of the program" in reply["error"]
        assert "ZeroDivisionError" in caplog.text
        assert await client.ask(id=2, do="say") is not None


@pytest.mark.usefixtures("looks_only")
@trio_test_real
async def test_who_may_only_look_may_not_act(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        client = await home.knock()
        reply = await client.ask(id=1, do="act")
        assert reply == {
            "id": 1, "ok": False,
            "error": "act: only root, and who is in control.admins, may do that",
        }  # fmt: skip
        assert await client.ask(id=2, do="say") == {"id": 2, "ok": True, "text": "x"}


@trio_test_real
async def test_ten_thousand_lines_of_garbage_get_an_error_each(tmp_path: Path) -> None:
    lines = [bytes([33 + number % 90]) * (number % 50 + 1) for number in range(10_000)]
    async with house(tmp_path) as home:
        client = await home.knock()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send, *lines)
            for _ in lines:
                reply = await client.hear()
                assert reply is not None
                assert reply["ok"] is False
        assert home.door.errors == len(lines)
        assert await client.ask(id=1, do="say") is not None


@pytest.mark.reaches("CONTROL_LINE_OCTETS")
@trio_test_real
async def test_a_line_has_an_end(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        client = await home.knock()
        fits = b'{"id":1,"do":"say"' + b" " * (CONTROL_LINE_OCTETS - 19) + b"}"
        await client.send(fits)
        assert (await client.hear() or {})["ok"] is True
        with pytest.raises(trio.BrokenResourceError):
            await client.stream.send_all(b"x" * (16 * CONTROL_LINE_OCTETS))
        assert "a line of over" in (await client.hear() or {})["error"]
        assert await client.hear() is None


@pytest.mark.reaches("CONTROL_LINE_SECONDS")
@trio_test_real
async def test_a_line_that_does_not_go_on_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, module, "CONTROL_LINE_SECONDS", 0.05)
    async with house(tmp_path) as home:
        client = await home.knock()
        await client.stream.send_all(b'{"id":1,')
        assert await client.hear() is None


@pytest.mark.reaches("CONTROL_IDLE_SECONDS")
@trio_test_real
async def test_who_asks_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, module, "CONTROL_IDLE_SECONDS", 0.05)
    async with house(tmp_path) as home:
        client = await home.knock()
        assert await client.hear() is None


@pytest.mark.reaches("CONTROL_REPLY_OCTETS")
@trio_test_real
async def test_a_reply_has_an_end(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        client = await home.knock()
        reply = await client.ask(id=1, do="say", octets=CONTROL_REPLY_OCTETS)
        assert "the reply has over" in (reply or {})["error"]
        reply = await client.ask(id=1, do="say", octets=CONTROL_REPLY_OCTETS - 100)
        assert (reply or {})["ok"] is True


@pytest.mark.reaches("CONTROL_SEND_SECONDS")
@trio_test_real
async def test_who_does_not_read_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has asked for ends too: nothing waits for it, in memory or at work."""
    set_limit(monkeypatch, module, "CONTROL_SEND_SECONDS", 0.05)
    async with house(tmp_path) as home:
        client = await home.knock()
        await client.send(b'{"id":1,"do":"count","octets":100000,"items":1000}')
        with trio.fail_after(30):
            while home.door.present:  # noqa: ASYNC110
                await trio.sleep(0.01)


@pytest.mark.reaches("CONTROL_WORK_SECONDS")
@trio_test_real
async def test_work_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, module, "CONTROL_WORK_SECONDS", 0.05)
    async with house(tmp_path) as home:
        client = await home.knock()
        assert "not done within" in (await client.ask(id=1, do="sleep") or {})["error"]
        assert await client.ask(id=2, do="say") is not None


@pytest.mark.reaches("CONTROL_CLIENTS")
@trio_test_real
async def test_of_too_many_who_is_idle_for_longest_makes_way(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        clients = [await home.knock() for _ in range(CONTROL_CLIENTS)]
        for client in clients:
            assert await client.ask(id=1, do="say") is not None
        assert await clients[0].ask(id=2, do="say") is not None  # now another is
        late = await home.knock()
        assert await late.ask(id=1, do="say") is not None
        assert await clients[1].hear() is None
        assert await clients[0].ask(id=3, do="say") is not None
        assert (home.door.present, home.door.refused) == (CONTROL_CLIENTS, 1)


@pytest.mark.usefixtures("looks_only")
@trio_test_real
async def test_where_all_are_busy_a_member_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And root gets in all the same."""
    async with house(tmp_path) as home:
        clients = [await home.knock() for _ in range(CONTROL_CLIENTS)]
        for client in clients:
            await client.send(b'{"do":"sleep"}')
        with trio.fail_after(30):
            while home.door.busy < CONTROL_CLIENTS:  # noqa: ASYNC110
                await trio.sleep(0.01)
        late = await home.knock()
        assert "too many clients" in (await late.hear() or {})["error"]
        assert await late.hear() is None
        monkeypatch.setattr(module, "_peer", lambda _: Peer(1, 0, 0))
        root = await home.knock()
        assert await root.ask(id=1, do="act") is not None
        assert await clients[0].hear() is None


@trio_test_real
async def test_a_client_that_leaves_in_the_midst_harms_nobody(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        for line in (b'{"do":"count","octets":100000,"items":50}', b'{"do":', b""):
            client = await home.knock()
            await client.stream.send_all(line + b"\n" * bool(line.endswith(b"}")))
            await client.stream.aclose()
        other = await home.knock()
        assert await other.ask(id=1, do="say") is not None


@trio_test_real
async def test_a_process_that_is_barred_may_only_look(tmp_path: Path) -> None:
    """Whatever its account may: the page's process, where the daemon's account may act."""
    async with house(tmp_path) as home:
        home.door._admins = lambda: frozenset({os.getuid()})
        home.door._barred = lambda: 1
        assert (await (await home.knock()).ask(id=1, do="act") or {})["ok"]
        home.door._barred = os.getpid
        client = await home.knock()
        assert (await client.ask(id=1, do="say") or {})["ok"]
        assert not (await client.ask(id=1, do="act") or {})["ok"]
