"""However a connection of DNS over HTTPS ends, nothing is left for the garbage collector."""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
import trustme

from resolver.listen.admission import Admission
from resolver.listen.handshakes import Handshakes
from resolver.listen.site import Site
from resolver.listen.sockets import SystemTcpListener
from resolver.listen.tcp import StreamService, TcpSlots
from resolver.listen.web import WebConnection
from resolver.protocol.transport import Transport
from tests.listen.echo import Handler, question
from tests.listen.http2_frames import END_HEADERS, HEADERS, PING, Talker, frame, reset
from tests.support import only_collected, trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from resolver.runtime.tls_stream import TlsStream

IDLE_S = 0.3
TOGETHER = pytest.mark.parametrize("together", [True, False], ids=["together", "each"])
Stream = trio.SSLStream[trio.SocketStream]
GET = b"GET /dns-query HTTP/1.1\r\nhost: a\r\n\r\n"


class Served:
    """A service of HTTPS on the loopback."""

    def __init__(self, authority: trustme.CA, port: int) -> None:
        self.authority = authority
        self.port = port
        self.slots = TcpSlots()
        self.handler = Handler()

    async def connect(self, *alpn: str) -> Stream:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        context.set_alpn_protocols(list(alpn))
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        secured = trio.SSLStream(stream, context, server_hostname="localhost")
        await secured.do_handshake()
        return secured


@asynccontextmanager
async def served(*, together: bool = True) -> AsyncIterator[Served]:
    """*together*: its connections are waited for together (`listen.readiness`)."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority.issue_cert("localhost").configure_cert(context)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    it = Served(authority, listener.socket.getsockname()[1])
    door_keeper = Handshakes(lambda _: context, it.handler.shortage)

    async def secured(stream: trio.abc.Stream, host: str) -> TlsStream | None:
        return await door_keeper.secured(stream, host, ("h2", "http/1.1"))

    door = SystemTcpListener(listener)
    service = StreamService(
        door, it.handler, Admission(), transport=Transport.HTTPS, slots=it.slots, idle_s=IDLE_S,
        secured=secured, speak=partial(WebConnection, site=Site()),
    )  # fmt: skip
    async with trio.open_nursery() as nursery:
        if together:
            assert it.slots.readiness.open() >= 0
            nursery.start_soon(it.slots.readiness.run)
        nursery.start_soon(service.run)
        yield it
        nursery.cancel_scope.cancel()
    await door.aclose()


async def _leave(stream: Stream) -> None:
    """The client's own end, without its cycle."""
    await trio.aclose_forcefully(stream)
    vars(stream).clear()


async def _hear_the_end(stream: Stream) -> None:
    try:
        while await stream.receive_some(4096):
            pass
    except trio.BrokenResourceError as error:
        error.__traceback__ = error.__cause__ = error.__context__ = None


async def _asks_and_leaves(it: Served) -> None:
    talker, stream = Talker(), await it.connect("h2")
    await stream.send_all(talker.hello() + talker.ask(question()))
    await stream.receive_some(4096)
    await _leave(stream)


async def _keeps_silent(it: Served) -> None:
    stream = await it.connect("h2")
    await stream.send_all(Talker().hello())
    await _hear_the_end(stream)
    await _leave(stream)


async def _resets(it: Served) -> None:
    talker, stream = Talker(), await it.connect("h2")
    await stream.send_all(talker.hello() + talker.ask(question()) * 1 + talker.head())
    transport = stream.transport_stream
    transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await _leave(stream)


async def _talks_rubbish(it: Served) -> None:
    talker, stream = Talker(), await it.connect("h2")
    await stream.send_all(talker.hello() + frame(HEADERS, END_HEADERS, 1, b"\xff" * 9))
    await _hear_the_end(stream)
    await _leave(stream)


async def _floods(it: Served) -> None:
    stream = await it.connect("h2")
    await stream.send_all(Talker().hello() + frame(PING, body=bytes(8)) * 50)
    await _hear_the_end(stream)
    await _leave(stream)


async def _gives_up_what_it_asked(it: Served) -> None:
    talker, stream = Talker(), await it.connect("h2")
    it.handler.holds = True
    await stream.send_all(talker.hello() + talker.ask(question(b"\1x\0")))
    while not it.handler.held:  # noqa: ASYNC110  # nobody is told
        await trio.sleep(0.002)
    await stream.send_all(reset(1))
    await trio.sleep(0.01)
    it.handler.holds = False
    it.handler.held.popitem()[1](b"\0" * 30)
    it.handler.started.clear()
    await _leave(stream)


async def _asks_over_http1(it: Served) -> None:
    stream = await it.connect()
    await stream.send_all(GET * 2)
    await stream.receive_some(4096)
    await _leave(stream)


async def _talks_rubbish_over_http1(it: Served) -> None:
    stream = await it.connect("http/1.1")
    await stream.send_all(b"\xff\xfe\r\n\r\n")
    await _hear_the_end(stream)
    await _leave(stream)


ENDINGS: tuple[Callable[[Served], Awaitable[None]], ...] = (
    _asks_and_leaves,
    _keeps_silent,
    _resets,
    _talks_rubbish,
    _floods,
    _gives_up_what_it_asked,
    _asks_over_http1,
    _talks_rubbish_over_http1,
)


@TOGETHER
@pytest.mark.parametrize("ending", ENDINGS)
@trio_test_real
async def test_no_ending_leaves_a_cycle(
    ending: Callable[[Served], Awaitable[None]],
    together: bool,  # noqa: FBT001
) -> None:
    async with served(together=together) as it:

        async def one() -> None:
            await ending(it)
            with trio.fail_after(10):
                while len(it.slots):  # noqa: ASYNC110  # nobody is told
                    await trio.sleep(0.002)

        await one()
        await trio.sleep(0.01)
        with only_collected() as found:
            for _ in range(3):
                await one()
            await trio.sleep(0.01)
        kept = [f"{type(thing).__module__}.{type(thing).__name__}" for thing in found]
        assert kept == []
