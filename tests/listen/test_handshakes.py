"""Handshakes of clients: each has its time, all have their number, and failures have a reason."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from resolver.errors import TlsFailed
from resolver.listen import handshakes
from resolver.listen.handshakes import Handshakes
from resolver.runtime.shortage import Shortage
from resolver.runtime.tls_stream import TlsStream
from tests.runtime.tls_pair import (
    PATIENCE_S,
    SERVER,
    client_context,
    client_over,
    server_context,
)
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HOST = "192.0.2.1"
DOT = ("dot",)


class Door:
    """Handshakes, and clients that come to them."""

    def __init__(self, nursery: trio.Nursery, context: ssl.SSLContext = SERVER) -> None:
        self.handshakes = Handshakes(lambda _: context, Shortage())
        self.secured: list[TlsStream | None] = []
        self._nursery = nursery

    def come(self, host: str = HOST) -> trio.abc.HalfCloseableStream:
        """The client's end of a new connection."""
        near, far = trio.testing.memory_stream_pair()
        self._nursery.start_soon(self._secure, far, host)
        return near

    async def _secure(self, stream: trio.abc.Stream, host: str) -> None:
        self.secured.append(await self.handshakes.secured(stream, host, DOT))

    def counted(self) -> dict[str, int]:
        """All counters that are not zero."""
        counts = {name: getattr(self.handshakes, name) for name in Handshakes.COUNTS}
        return {name: count for name, count in counts.items() if count}


class Passes(trio.abc.Instrument):
    """How many steps of handshakes there were in each turn of the loop."""

    def __init__(self) -> None:
        self.steps = [0]

    def before_io_wait(self, timeout: float) -> None:
        del timeout
        self.steps.append(0)


@trio_test
async def test_a_crowd_of_handshakes_is_one_step_a_turn_of_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All have come at once; a query that comes meanwhile waits for one of them at each turn."""
    passes, step = Passes(), TlsStream._steps

    def counted(stream: TlsStream) -> bool:
        passes.steps[-1] += stream._incoming.pending > 0
        return step(stream)

    async with trio.open_nursery() as nursery:
        door = Door(nursery)
        crowd = [door.come() for _ in range(20)]
        await trio.testing.wait_all_tasks_blocked()
        hellos = [client_over(near) for near in crowd]
        for hello in hellos:
            assert not hello._steps()
        monkeypatch.setattr(TlsStream, "_steps", counted)
        trio.lowlevel.add_instrument(passes)
        for hello in hellos:
            await hello._flush()
        await trio.testing.wait_all_tasks_blocked()
        trio.lowlevel.remove_instrument(passes)
        assert sum(passes.steps) == len(crowd)
        assert max(passes.steps) == 1
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_handshake_and_one_that_goes_on_from_it() -> None:
    async with trio.open_nursery() as nursery:
        door = Door(nursery)
        client = client_over(door.come())
        await client.handshake(PATIENCE_S)
        with trio.move_on_after(1):
            await client.receive_some()  # tickets
        again = client_over(door.come(), session=client.session)
        await again.handshake(PATIENCE_S)
    assert door.counted() == {"handshakes": 2, "resumed": 1}
    assert [stream is not None for stream in door.secured] == [True, True]


@pytest.mark.reaches("TLS_HANDSHAKE_SECONDS")
@trio_test
async def test_who_is_slow_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, handshakes, "TLS_HANDSHAKE_SECONDS", 4.0)
    async with trio.open_nursery() as nursery:
        door = Door(nursery)
        slow = door.come()
        for octet in b"\x16\x03\x01\x02":
            await trio.sleep(0.9)
            await slow.send_all(bytes([octet]))
        await trio.sleep(0.5)
        assert await slow.receive_some(1) == b""
    assert door.counted() == {"failed_timed_out": 1}
    assert door.secured == [None]


@pytest.mark.reaches("TLS_HANDSHAKES")
@trio_test
async def test_the_oldest_makes_room_for_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds places by silence keeps nobody out who speaks."""
    set_limit(monkeypatch, handshakes, "TLS_HANDSHAKES", 128)
    async with trio.open_nursery() as nursery:
        door = Door(nursery)
        silent = [door.come(f"198.51.{number}.1") for number in range(128)]
        await trio.testing.wait_all_tasks_blocked()
        assert len(door.handshakes) == 128
        client = client_over(door.come())
        await client.handshake(PATIENCE_S)
        await trio.testing.wait_all_tasks_blocked()
        assert len(door.handshakes) == 127
        assert door.secured.count(None) == 1
        assert door.counted() == {"handshakes": 1, "failed_crowded": 1}
        for each in silent:
            await each.aclose()
    assert len(door.handshakes) == 0


@pytest.mark.reaches("TLS_CONNECTS_PER_SECOND")
@trio_test
async def test_a_network_begins_only_so_many_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs us a signature; another network, and this machine, go on meanwhile."""
    set_limit(monkeypatch, handshakes, "TLS_CONNECTS_PER_SECOND", 32)
    async with trio.open_nursery() as nursery:
        door = Door(nursery)
        crowd = [door.come("192.0.2.7") for _ in range(40)]
        await trio.testing.wait_all_tasks_blocked()
        assert door.counted() == {"limited": 8}
        others = [door.come("198.51.100.1"), *(door.come("127.0.0.1") for _ in range(40))]
        await trio.testing.wait_all_tasks_blocked()
        assert door.counted() == {"limited": 8}
        await trio.sleep(1)
        others += [door.come("192.0.2.8") for _ in range(32)]
        await trio.testing.wait_all_tasks_blocked()
        assert door.counted() == {"limited": 8}
        for each in (*crowd, *others):
            await each.aclose()


async def _speaks_http(stream: trio.abc.Stream) -> None:
    await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")


async def _speaks_dns(stream: trio.abc.Stream) -> None:
    await stream.send_all(b"\0\x1d" + bytes(29))


async def _leaves(stream: trio.abc.Stream) -> None:
    await stream.send_all(b"\x16\x03\x01")
    await stream.aclose()


async def _is_old(stream: trio.abc.Stream) -> None:
    context = client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    await client_over(stream, context).handshake(PATIENCE_S)


async def _disbelieves(stream: trio.abc.Stream) -> None:
    client = client_over(stream, client_context(trusts=False))
    try:
        await client.handshake(PATIENCE_S)
    finally:
        await client.aclose()


@pytest.mark.parametrize(
    ("comes", "reason"),
    [
        (_speaks_http, "failed_not_tls"),
        (_speaks_dns, "failed_not_tls"),
        (_leaves, "failed_left"),
        (_is_old, "failed_no_common"),
        (_disbelieves, "failed_refused"),
    ],
)
@trio_test
async def test_what_fails_is_counted_by_reason(
    comes: Callable[[trio.abc.Stream], Awaitable[None]], reason: str
) -> None:
    context = server_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    async with trio.open_nursery() as nursery:
        door = Door(nursery, context)
        stream = door.come()
        with contextlib.suppress(TlsFailed):  # the client's own view of it
            await comes(stream)
    assert door.counted() == {reason: 1}
    assert door.secured == [None]


@trio_test
async def test_memory_that_runs_out_ends_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_left(*_: object, **__: object) -> None:
        raise MemoryError

    async with trio.open_nursery() as nursery:
        door = Door(nursery)
        monkeypatch.setattr(TlsStream, "_steps", nothing_left)
        stream = door.come()
        assert await stream.receive_some(1) == b""
    assert door.secured == [None]
    assert len(door.handshakes) == 0


@trio_test
async def test_what_ends_meanwhile_is_closed() -> None:
    """The daemon stops: no descriptor stays open."""
    async with trio.open_nursery() as nursery:
        door = Door(nursery)
        stream = door.come()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert await stream.receive_some(1) == b""
    assert len(door.handshakes) == 0
