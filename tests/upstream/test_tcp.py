"""Queries over TCP share connections, within bounds (RFC 7766)."""

from __future__ import annotations

import random
from contextlib import nullcontext
from typing import TYPE_CHECKING, cast

import pytest
import trio

from resolver.limits import (
    TCP_SECONDS,
    UPSTREAM_TCP_CONNECTIONS,
    UPSTREAM_TCP_IDLE_SECONDS,
    UPSTREAM_TCP_PIPELINE,
    UPSTREAM_TCP_STRAYS,
)
from resolver.model import Server
from resolver.protocol.framing import Splitter, frame
from resolver.upstream.link_profile import LinkProfile
from resolver.upstream.query import Match, Sent, compose
from resolver.upstream.tcp import TcpPool
from tests.making import question
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.upstream.network import Network

RNG = random.Random(1)


def query() -> Sent:
    return compose(question("www.example. A"), rng=RNG, flags=0, offer=None, mixes_case=False)


class Echoes:
    """Servers that return each query as its own reply once *gate* is open."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.gate = trio.Event()
        self.open = 0
        self._nursery = nursery

    async def connect_tcp(self, _: Server) -> trio.abc.HalfCloseableStream:
        ours, theirs = trio.testing.memory_stream_pair()
        self._nursery.start_soon(self._serve, theirs)
        return ours

    async def _serve(self, stream: trio.abc.HalfCloseableStream) -> None:
        splitter = Splitter()
        self.open += 1
        try:
            while data := await stream.receive_some(65_536):
                await self.gate.wait()
                for message in splitter.feed(data):
                    reply = message[:2] + b"\x80" + message[3:]
                    await stream.send_all(frame(reply))
        except trio.BrokenResourceError:
            pass
        finally:
            self.open -= 1


@pytest.mark.rfc("RFC 7766 §6.2.1")
@pytest.mark.reaches("UPSTREAM_TCP_IDLE_SECONDS")
@trio_test
async def test_a_connection_is_kept_until_it_is_idle_too_long() -> None:
    async with trio.open_nursery() as nursery:
        echoes = Echoes(nursery)
        echoes.gate.set()
        pool = TcpPool(network=cast("Network", echoes), nursery=nursery, link=LinkProfile())
        for _ in range(3):
            _, match = await pool.ask(Server("192.0.2.1"), query())
            assert match is Match.YES
        assert pool.connects == 1
        await trio.sleep(UPSTREAM_TCP_IDLE_SECONDS - 0.1)
        assert echoes.open == 1
        await trio.sleep(0.2)
        assert echoes.open == 0
        nursery.cancel_scope.cancel()


@pytest.mark.rfc("RFC 7766 §6.2.1.1")
@pytest.mark.reaches("UPSTREAM_TCP_PIPELINE")
@trio_test
async def test_a_full_connection_is_joined_by_another() -> None:
    async with trio.open_nursery() as nursery:
        echoes = Echoes(nursery)
        pool = TcpPool(network=cast("Network", echoes), nursery=nursery, link=LinkProfile())
        async with trio.open_nursery() as askers:
            for _ in range(UPSTREAM_TCP_PIPELINE):
                askers.start_soon(pool.ask, Server("192.0.2.1"), query())
            await trio.testing.wait_all_tasks_blocked()
            before = pool.connects
            assert before == 1
            askers.start_soon(pool.ask, Server("192.0.2.1"), query())
            await trio.testing.wait_all_tasks_blocked()
            assert pool.connects == before + 1
            echoes.gate.set()
        nursery.cancel_scope.cancel()


@pytest.mark.rfc("RFC 7766 §6.2.2")
@pytest.mark.reaches("UPSTREAM_TCP_CONNECTIONS")
@trio_test
async def test_connections_are_bounded_in_all() -> None:
    async with trio.open_nursery() as nursery:
        echoes = Echoes(nursery)
        echoes.gate.set()
        pool = TcpPool(network=cast("Network", echoes), nursery=nursery, link=LinkProfile())
        for number in range(UPSTREAM_TCP_CONNECTIONS + 5):
            await pool.ask(Server(f"192.0.2.{number}"), query())
        await trio.testing.wait_all_tasks_blocked()
        assert echoes.open == UPSTREAM_TCP_CONNECTIONS
        nursery.cancel_scope.cancel()


class Starved(trio.abc.HalfCloseableStream):
    """A connection whose reader finds no memory for what has come."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.sleep(0.01)
        raise MemoryError(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        assert data
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@trio_test
async def test_no_memory_for_a_reply_costs_that_question_only() -> None:
    """The connection ends, who waited on it is told, and the next question has another."""

    class OneStarved(Echoes):
        async def connect_tcp(self, server: Server) -> trio.abc.HalfCloseableStream:
            return Starved() if server.port == 1 else await super().connect_tcp(server)

    async with trio.open_nursery() as nursery:
        echoes = OneStarved(nursery)
        echoes.gate.set()
        pool = TcpPool(network=cast("Network", echoes), nursery=nursery, link=LinkProfile())
        with pytest.raises(OSError, match="connection closed"):
            await pool.ask(Server("192.0.2.1", 1), query())
        _, match = await pool.ask(Server("192.0.2.1"), query())
        assert match is Match.YES
        nursery.cancel_scope.cancel()


@pytest.mark.reaches("UPSTREAM_TCP_STRAYS")
@pytest.mark.parametrize(
    ("strays", "is_borne"), [(UPSTREAM_TCP_STRAYS, True), (UPSTREAM_TCP_STRAYS + 1, False)]
)
@trio_test
async def test_some_messages_that_answer_nothing_are_borne(
    strays: int,
    is_borne: bool,  # noqa: FBT001
) -> None:
    class Babbler(Echoes):
        async def _serve(self, stream: trio.abc.HalfCloseableStream) -> None:
            (asked,) = Splitter().feed(await stream.receive_some(1000))
            reply = asked[:2] + b"\x80" + asked[3:]
            await stream.send_all(bytes(2 * strays) + frame(reply))
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        pool = TcpPool(
            network=cast("Network", Babbler(nursery)), nursery=nursery, link=LinkProfile()
        )
        expected = nullcontext() if is_borne else pytest.raises(OSError, match="closed")
        with expected:
            _, match = await pool.ask(Server("192.0.2.1"), query())
            assert match is Match.YES
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_server_that_pours_out_messages_is_left() -> None:
    """Empty ones cost it two octets each; the questions there are told at once."""

    class Babbler(Echoes):
        async def _serve(self, stream: trio.abc.HalfCloseableStream) -> None:
            await stream.receive_some(1000)
            self.open += 1
            try:
                while True:
                    await stream.send_all(bytes(65_536))
                    await trio.sleep(0.001)
            except trio.BrokenResourceError:
                self.open -= 1

    async with trio.open_nursery() as nursery:
        babbler = Babbler(nursery)
        pool = TcpPool(network=cast("Network", babbler), nursery=nursery, link=LinkProfile())
        began = trio.current_time()
        with trio.fail_after(1), pytest.raises(OSError, match="connection closed"):
            await pool.ask(Server("192.0.2.1"), query())
        await trio.sleep(0.01)
        assert babbler.open == 0
        assert trio.current_time() - began < 0.1
        nursery.cancel_scope.cancel()


@pytest.mark.rfc("RFC 7766 §6.2.4")
@trio_test
async def test_a_connection_that_went_mute_is_not_kept() -> None:
    """After an outage the kernel may be minutes from its next try: the next query opens anew."""
    async with trio.open_nursery() as nursery:
        echoes = Echoes(nursery)
        echoes.gate.set()
        pool = TcpPool(network=cast("Network", echoes), nursery=nursery, link=LinkProfile())
        await pool.ask(Server("192.0.2.1"), query())
        await trio.sleep(1)
        echoes.gate = trio.Event()
        with trio.move_on_after(TCP_SECONDS) as scope:
            await pool.ask(Server("192.0.2.1"), query())
        assert scope.cancelled_caught
        gate, echoes.gate = echoes.gate, trio.Event()
        echoes.gate.set()
        _, match = await pool.ask(Server("192.0.2.1"), query())
        assert match is Match.YES
        assert pool.connects == 2
        gate.set()
        nursery.cancel_scope.cancel()


@trio_test
async def test_who_leaves_soon_takes_no_connection_from_the_others() -> None:
    """A race was won elsewhere: that says nothing about this server."""
    async with trio.open_nursery() as nursery:
        echoes = Echoes(nursery)
        pool = TcpPool(network=cast("Network", echoes), nursery=nursery, link=LinkProfile())
        with trio.move_on_after(0.1):
            await pool.ask(Server("192.0.2.1"), query())
        echoes.gate.set()
        await pool.ask(Server("192.0.2.1"), query())
        assert pool.connects == 1
        nursery.cancel_scope.cancel()
