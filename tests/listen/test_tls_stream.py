"""DNS over TLS as it comes in: the clients are trio's own streams, OpenSSL's objects, and kdig."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trustme

from resolver.lab.virtual_streams import receive_message
from resolver.listen import handshakes
from resolver.listen.admission import Admission
from resolver.listen.handshakes import Handshakes
from resolver.listen.sockets import SystemTcpListener
from resolver.listen.tcp import StreamService, TcpSlots
from resolver.protocol.framing import frame
from resolver.protocol.transport import Transport
from tests.listen.echo import Handler, answered, question
from tests.support import only_collected, trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from resolver.runtime.tls_stream import TlsStream

IDLE_S = 0.3
TOGETHER = pytest.mark.parametrize("together", [True, False], ids=["together", "each"])
Stream = trio.SSLStream[trio.SocketStream]


class Served:
    """A service of TLS on the loopback."""

    def __init__(self, authority: trustme.CA, port: int) -> None:
        self.authority = authority
        self.port = port
        self.slots = TcpSlots()
        self.handler = Handler()

    async def connect(self) -> Stream:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        return trio.SSLStream(stream, context, server_hostname="localhost")


@asynccontextmanager
async def served(*, together: bool = True) -> AsyncIterator[Served]:
    """*together*: its connections are waited for together (`listen.readiness`)."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    it = Served(authority, listener.socket.getsockname()[1])
    door_keeper = Handshakes(lambda _: context, it.handler.shortage)

    async def secured(stream: trio.abc.Stream, host: str) -> TlsStream | None:
        return await door_keeper.secured(stream, host, ("dot",))

    door = SystemTcpListener(listener)
    service = StreamService(
        door, it.handler, Admission(), transport=Transport.TLS, slots=it.slots, idle_s=IDLE_S,
        secured=secured,
    )  # fmt: skip
    async with trio.open_nursery() as nursery:
        if together:
            assert it.slots.readiness.open() >= 0
            nursery.start_soon(it.slots.readiness.run)
        nursery.start_soon(service.run)
        yield it
        nursery.cancel_scope.cancel()
    await door.aclose()


@trio_test_real
async def test_answers_come_over_tls_and_the_handler_knows_it() -> None:
    async with served() as it, await it.connect() as stream:
        for id in (1, 2, 3):
            await stream.send_all(frame(question(id=id)))
            assert await receive_message(stream) == answered(question(id=id))
        assert [client.transport for _, client in it.handler.started] == [Transport.TLS]


def ask_and_say_no_more(authority: trustme.CA, port: int) -> tuple[bytes, bool]:
    """From a thread: a query and close_notify in one breath; what comes then, and if it ends well.

    With octets in memory: neither trio's streams nor ssl's sockets can close one direction.
    """
    context = ssl.create_default_context()
    authority.configure_trust(context)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:

        def until_done(step: Callable[[], object]) -> object:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    incoming.write(sock.recv(16_384))

        until_done(end.do_handshake)
        end.write(frame(question()))
        with contextlib.suppress(ssl.SSLWantReadError):
            end.unwrap()
        sock.sendall(outgoing.read())
        reply = until_done(lambda: end.read(1000))
        try:
            is_orderly = until_done(lambda: end.read(1)) == b""
        except ssl.SSLZeroReturnError:
            is_orderly = True
    assert isinstance(reply, bytes)
    return reply, is_orderly


@pytest.mark.rfc("RFC 8446 §6.1")
@trio_test_real
async def test_a_client_that_has_said_its_last_still_gets_its_answer() -> None:
    """Its close_notify ends one direction; ours follows when all is sent."""
    async with served() as it:
        it.handler.holds = True

        async def answer_later() -> None:
            while question() not in it.handler.held:  # noqa: ASYNC110  # nobody is told
                await trio.sleep(0.01)
            await trio.sleep(0.05)
            it.handler.held[question()](answered(question()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_later)
            heard = await trio.to_thread.run_sync(ask_and_say_no_more, it.authority, it.port)
        assert heard == (frame(answered(question())), True)


@pytest.mark.rfc("RFC 8446 §6.1")
@trio_test_real
async def test_who_keeps_silent_is_told_of_the_end() -> None:
    """Not cut off: without close_notify a client cannot tell the end from an attack."""
    async with served() as it, await it.connect() as stream:
        await stream.do_handshake()
        with trio.fail_after(5):
            assert await stream.receive_some(1) == b""


@pytest.mark.skipif(shutil.which("kdig") is None, reason="not installed: kdig")
@trio_test_real
async def test_kdig_asks_over_tls(tmp_path: Path) -> None:
    """A client of another make, which checks the certificate."""
    async with served() as it:
        authority = tmp_path / "ca.pem"
        it.authority.cert_pem.write_to_path(str(authority))
        done = await trio.run_process(
            [
                "kdig", "@127.0.0.1", "-p", str(it.port), "+tls", f"+tls-ca={authority}",
                "+tls-hostname=localhost", "+noedns", "www.example.com",
            ],
            capture_stdout=True, capture_stderr=True, check=False,
        )  # fmt: skip
    assert b"1.2.3.4" in done.stdout, done.stderr.decode()
    assert b"TLS session" in done.stdout


# --- endings: TLS leaves nothing for the collector either ----------------------------------------


async def _leave(stream: Stream) -> None:
    """The client's own end, without its cycle."""
    await trio.aclose_forcefully(stream)
    vars(stream).clear()


def _reset(stream: trio.SocketStream) -> None:
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _asks_and_leaves(it: Served) -> None:
    stream = await it.connect()
    await stream.send_all(frame(question()))
    await receive_message(stream)
    await stream.aclose()
    await _leave(stream)


async def _keeps_silent(it: Served) -> None:
    stream = await it.connect()
    await stream.do_handshake()
    assert await stream.receive_some(1) == b""
    await _leave(stream)


async def _closes_without_a_word(it: Served) -> None:
    stream = await it.connect()
    await stream.send_all(frame(question()))
    await receive_message(stream)
    await _leave(stream)


async def _resets(it: Served) -> None:
    stream = await it.connect()
    await stream.send_all(frame(question()) * 3)
    _reset(stream.transport_stream)
    await _leave(stream)


async def _talks_rubbish(it: Served) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", it.port) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n" * 4)
        await stream.receive_some(1000)


async def _breaks_off_the_handshake(it: Served) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", it.port) as stream:
        await stream.send_all(b"\x16\x03\x01")


async def _never_begins(it: Served) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", it.port) as stream:
        assert await stream.receive_some(1) == b""


ENDINGS: tuple[Callable[[Served], Awaitable[None]], ...] = (
    _asks_and_leaves,
    _keeps_silent,
    _closes_without_a_word,
    _resets,
    _talks_rubbish,
    _breaks_off_the_handshake,
    _never_begins,
)


@TOGETHER
@pytest.mark.parametrize("ending", ENDINGS)
@trio_test_real
async def test_no_ending_leaves_a_cycle(
    ending: Callable[[Served], Awaitable[None]],
    together: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handshakes, "TLS_HANDSHAKE_SECONDS", IDLE_S)
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
