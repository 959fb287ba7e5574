"""TLS without a task: what is sent and read at once, and what is left for a task."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from resolver.runtime.tls_stream import TlsStream
from tests.runtime.tls_pair import (
    PATIENCE_S,
    SERVER,
    client_over,
    in_memory,
)
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def on_loopback() -> AsyncIterator[tuple[TlsStream, TlsStream]]:
    """The same over TCP."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        near = await trio.testing.open_stream_to_socket_listener(listener)
        far = await listener.accept()
        ends = client_over(near), TlsStream(far, SERVER, is_server=True)
        async with trio.open_nursery() as nursery:
            for end in ends:
                nursery.start_soon(end.handshake, PATIENCE_S)
        yield ends
        for end in ends:
            await trio.aclose_forcefully(end)


# --- without waiting -----------------------------------------------------------------------------


@trio_test_real
async def test_a_reply_can_leave_without_a_task() -> None:
    async with on_loopback() as (client, server):
        assert server.send_now(b"at once") == 0
        assert await client.receive_some() == b"at once"


@trio_test_real
async def test_what_the_system_does_not_take_leaves_later_in_order() -> None:
    async with on_loopback() as (client, server):
        sent, left = b"", 0
        while not left:
            sent += (piece := len(sent).to_bytes(4, "big") * 4096)
            left = server.send_now(piece)
        assert 0 < left <= 2 * 16_384
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.send_all, b"")
            received = b""
            while len(received) < len(sent):
                received += await client.receive_some()
        assert received == sent
        assert server.send_now(b"") == 0


@trio_test
async def test_where_there_is_no_socket_nothing_is_sent_at_once() -> None:
    client, server = await in_memory()
    assert server.send_now(b"later") > 0
    await server.send_all(b"")
    assert await client.receive_some() == b"later"
    await server.send_eof()
    assert server.send_now(b"too late") > 0


@trio_test_real
async def test_what_has_come_can_be_had_without_a_task() -> None:
    """A record that is not whole is nothing yet, and the end is for `receive_some` to tell."""
    async with on_loopback() as (client, server):
        assert server.receive_now(100) == (b"", False)
        assert client.send_now(b"a question") == 0
        assert client.send_now(b", and one more") == 0
        assert server.receive_now(100) == (b"a question, and one more", False)
        assert client.send_now(bytes(100)) == 0
        assert server.receive_now(60) == (bytes(60), True)
        assert await server.receive_some(60) == bytes(40)
        client._encrypt(b"in two pieces")
        record = client._outgoing.read()
        await client.transport.send_all(record[:9])
        assert server.receive_now(100) == (b"", False)
        await client.transport.send_all(record[9:])
        assert server.receive_now(100) == (b"in two pieces", False)
        client._encrypt(b"the last")
        await client.send_eof()
        assert server.receive_now(100) == (b"the last", True)
        assert server.receive_now(100) == (b"", True)
        assert await server.receive_some() == b""
        assert not server.is_cut


@trio_test_real
async def test_what_is_due_is_for_a_task_to_send() -> None:
    """OpenSSL answers what it cannot read with an alert, which leaves with the next `aclose`."""
    async with on_loopback() as (client, server):
        await client.transport.send_all(b"\x17\x03\x03\x00\x30" + bytes(48))
        with pytest.raises(trio.BrokenResourceError, match="bad record mac"):
            server.receive_now(100)
        await server.aclose()
        with pytest.raises(trio.BrokenResourceError, match="bad record mac"):
            await client.receive_some()


@trio_test_real
async def test_an_end_without_a_word_is_for_a_task_to_see() -> None:
    async with on_loopback() as (client, server):
        assert isinstance(client.transport, trio.SocketStream)
        await client.transport.send_eof()
        assert server.receive_now(100) == (b"", True)
        assert await server.receive_some() == b""
        assert server.is_cut
        await server.aclose()
        with pytest.raises(trio.BrokenResourceError):
            server.receive_now(100)
