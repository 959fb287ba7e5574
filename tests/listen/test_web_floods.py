"""Connections of DNS over HTTPS that flood, read nothing or speak no HTTP: others never feel it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import pytest
import trio
import trio.lowlevel
import trio.testing

from resolver.limits import (
    HTTPS_IN_WORK,
    HTTPS_LINGER_SECONDS,
    HTTPS_UNREAD_OCTETS,
    TCP_READ_SECONDS,
)
from tests.listen.echo import question
from tests.listen.http2_frames import (
    ENHANCE_YOUR_CALM,
    PING,
    RST_STREAM,
    frame,
    reset,
    window,
)
from tests.listen.test_stream import BigHandler, big
from tests.listen.test_web import House, Visitor, house, still_served
from tests.support import trio_test


@trio_test
async def test_cve_2023_44487_ends_one_connection_and_no_other() -> None:
    async with house() as it:
        it.handler.holds = True
        visitor = await it.visitor()
        with trio.move_on_after(5):
            for id in range(1000):
                await visitor.ask(question(id=id))
                await visitor.send(reset(visitor.talker.stream))
        assert len(it.handler.started) <= HTTPS_IN_WORK
        it.handler.holds = False
        await still_served(it)
        with trio.fail_after(1):
            assert await visitor.end() == ENHANCE_YOUR_CALM
        assert it.site.ended_resets == 1


@pytest.mark.reaches("HTTPS_LINGER_SECONDS")
@trio_test
async def test_who_floods_hears_why_and_is_let_go() -> None:
    """What it goes on sending is read for a moment, so that its end is not lost to a reset."""
    async with house() as it:
        visitor = await it.visitor()
        began_at = trio.current_time()
        await visitor.send(frame(PING, body=bytes(8)) * 50)
        with trio.fail_after(5):
            assert await visitor.end() == ENHANCE_YOUR_CALM
            await still_served(it)
            while len(it.slots):
                await trio.sleep(0.1)
                with suppress(trio.BrokenResourceError):
                    await visitor.send(frame(PING, body=bytes(8)) * 50)
        assert trio.current_time() - began_at == pytest.approx(HTTPS_LINGER_SECONDS, abs=0.3)
        assert it.site.ended_flood == 1


@pytest.mark.reaches("HTTPS_UNREAD_OCTETS")
@trio_test
async def test_replies_for_which_no_room_is_made_are_bounded() -> None:
    """A client whose window is closed: a hundred answers of 60 kB wait, and no more are made."""
    async with house(BigHandler()) as it:
        visitor = await it.visitor(s4=0)
        for _ in range(90):
            await visitor.ask(question())
        await trio.sleep(1)
        most = HTTPS_UNREAD_OCTETS + len(big(question()))
        assert HTTPS_UNREAD_OCTETS <= it.slots.backlog.octets <= most
        await trio.sleep(TCP_READ_SECONDS + HTTPS_LINGER_SECONDS)
        assert (len(it.slots), it.slots.backlog.octets) == (0, 0)


@trio_test
async def test_who_makes_room_gets_the_rest() -> None:
    """And is heard while its answers wait: else it could never make any."""
    async with house(BigHandler()) as it:
        visitor = await it.visitor(s4=0)
        numbers = [await visitor.ask(question()) for _ in range(90)]
        await visitor.send(window(0, 90 * 70_000))
        for number in numbers:
            await visitor.send(window(number, 70_000))
            with trio.fail_after(TCP_READ_SECONDS):
                assert len(await visitor.answer(number)) == len(big(question()))
            visitor.frames.clear()


@trio_test
async def test_replies_that_nobody_reads_are_bounded() -> None:
    async with house(BigHandler()) as it:
        visitor = await it.visitor(s4=0x7FFF_FFFF)
        await visitor.send(window(0, 0x7000_0000))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(_ask_on, visitor, 300))
            await trio.sleep(2)
            assert it.slots.backlog.octets <= 2 * HTTPS_UNREAD_OCTETS
            nursery.cancel_scope.cancel()
        await still_served_big(it)


async def _ask_on(visitor: Visitor, count: int) -> None:
    for _ in range(count):
        await visitor.ask(question())
        await trio.lowlevel.checkpoint()


async def still_served_big(it: House) -> None:
    other = await it.visitor("198.51.100.9", s4=100_000)
    with trio.fail_after(1):
        assert await other.answer(await other.ask(question())) == big(question())


@trio_test
async def test_what_is_no_http_is_told_so() -> None:
    async with house() as it:
        stream = it.connect(alpn=None)
        await stream.send_all(b"\x16\x03\x01\x02\0\x01\0\r\n\r\n")
        said = await stream.receive_some(4096)
        assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert await stream.receive_some(1) == b""
        visitor = Visitor(it.connect())
        await visitor.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert await visitor.end() is not None
        await trio.sleep(HTTPS_LINGER_SECONDS + 0.1)
        assert it.site.ended_protocol == 2
        assert not any(one.kind == RST_STREAM for one in visitor.frames)
