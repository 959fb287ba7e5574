"""However a TLS connection ends, it leaves nothing for the collector, which is mostly off."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from resolver.errors import CertificateRefused, TlsFailed
from resolver.runtime.tls_stream import TlsStream
from tests.runtime.tls_pair import PATIENCE_S, SERVER, client_context, client_over
from tests.support import only_collected, trio_test_real

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def _answer_all(server: TlsStream) -> None:
    """A server's life, however it ends; the caller's exceptions are dealt with as ours are."""
    try:
        await server.handshake(0.2)
        while data := await server.receive_some():
            await server.send_all(data)
        await server.send_eof()
    except (TlsFailed, trio.BrokenResourceError):
        pass
    finally:
        await server.aclose()


async def _in_good_order(near: trio.SocketStream) -> None:
    async with client_over(near) as client:
        await client.handshake(PATIENCE_S)
        await client.send_all(b"question")
        await client.receive_some()
        await client.send_eof()
        assert await client.receive_some() == b""


async def _without_a_word(near: trio.SocketStream) -> None:
    client = client_over(near)
    await client.handshake(PATIENCE_S)
    await near.aclose()


async def _by_reset(near: trio.SocketStream) -> None:
    client = client_over(near)
    await client.handshake(PATIENCE_S)
    near.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await near.aclose()


async def _by_rubbish(near: trio.SocketStream) -> None:
    await near.send_all(b"GET / HTTP/1.1\r\n\r\n")
    await near.receive_some()
    await near.aclose()


async def _by_forged_records(near: trio.SocketStream) -> None:
    client = client_over(near)
    await client.handshake(PATIENCE_S)
    await near.send_all(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    try:
        await client.receive_some()
    except trio.BrokenResourceError:
        await client.aclose()


async def _in_mid_handshake(near: trio.SocketStream) -> None:
    await near.send_all(b"\x16\x03\x01")
    await near.aclose()


async def _by_silence(near: trio.SocketStream) -> None:
    assert await near.receive_some() == b""
    await near.aclose()


async def _by_disbelief(near: trio.SocketStream) -> None:
    client = client_over(near, client_context(trusts=False))
    try:
        await client.handshake(PATIENCE_S)
    except CertificateRefused:
        await client.aclose()


@pytest.mark.parametrize(
    "leave",
    [
        _in_good_order,
        _without_a_word,
        _by_reset,
        _by_rubbish,
        _by_forged_records,
        _in_mid_handshake,
        _by_silence,
        _by_disbelief,
    ],
)
@trio_test_real
async def test_no_ending_leaves_a_cycle(
    leave: Callable[[trio.SocketStream], Awaitable[None]],
) -> None:
    """The collector is mostly off: 28 kB a connection would stay."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def one() -> None:
        near = await trio.testing.open_stream_to_socket_listener(listener)
        server = TlsStream(await listener.accept(), SERVER, is_server=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_answer_all, server)
            await leave(near)

    async with listener:
        await one()
        with only_collected() as found:
            for _ in range(3):
                await one()
        kept = [f"{type(thing).__module__}.{type(thing).__name__}" for thing in found]
        assert kept == []
