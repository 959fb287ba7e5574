"""Servers over QUIC in the virtual Internet, honest and otherwise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from bench.forwarding.doq_server import DoqServer, Stream
from resolver.listen.listen_network import Datagram
from resolver.model import Server
from resolver.protocol.transport import Transport
from resolver.upstream import tls_terms
from resolver.upstream.encrypted import Encryption
from resolver.upstream.tls_terms import Terms, name_to_prove
from tests.upstream.tls_servers import HOST, NAME, authority_pem
from tests.upstream.virtual_servers import Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import trustme

    from resolver.lab.virtual_network import VirtualNetwork


class QuicScript:
    """A DoQ server. *respond*: what is done with a question; else as *script* says."""

    def __init__(
        self,
        leaf: trustme.LeafCert,
        respond: Callable[[Stream], object] | None = None,
        *,
        alpn: str = "doq",
    ) -> None:
        self.script = Script()
        self.respond = respond or self.answer
        self.streams: list[Stream] = []
        chain = b"".join(one.bytes() for one in leaf.cert_chain_pems)
        with leaf.private_key_pem.tempfile() as key, _file(chain) as certificate:
            self.server = DoqServer(certificate, key, self._take, alpn=alpn)
        self.is_gone = False
        self.pauses: dict[int, float] = {}  # before which look at its socket it is busy, how long
        self._looks = 0
        self._woken = trio.Event()

    def _take(self, stream: Stream) -> None:
        self.streams.append(stream)
        self.respond(stream)

    def answer(self, stream: Stream) -> None:
        told = self.script.answer(stream.query, "quic", "")
        assert isinstance(told, bytes)
        stream.reply(told)

    def hang_up(self, code: int = 0) -> None:
        """Close all connections, politely."""
        for quic in self.server.open:
            quic.close(code)
        self.wake()

    def wake(self) -> None:
        """Send what is to be sent."""
        self._woken.set()

    async def listen(self, network: VirtualNetwork, host: str, nursery: trio.Nursery) -> None:
        del nursery
        sock = network.bind_udp(host, 853)

        def send(made: Iterable[tuple[bytes, tuple[str, int]]]) -> None:
            sock.send([Datagram(data, peer, None) for data, peer in made])

        while True:
            due = None if self.is_gone else self.server.due()
            with trio.move_on_at(math.inf if due is None else due):
                async with trio.open_nursery() as waits:
                    waits.start_soon(_first, sock.wait_readable, waits.cancel_scope)
                    waits.start_soon(_first, self._woken.wait, waits.cancel_scope)
            self._woken = trio.Event()
            self._looks += 1
            await trio.sleep(self.pauses.get(self._looks, 0.0))
            now = trio.current_time()
            for datagram in sock.receive():
                if not self.is_gone:
                    send(self.server.take(datagram.data, datagram.peer[:2], now))
            if not self.is_gone:
                for quic in self.server.open:
                    send(self.server.flush(quic, now))
                send(self.server.tick(now))


async def _first(wait: Callable[[], object], scope: trio.CancelScope) -> None:
    await wait()  # type: ignore[misc]
    scope.cancel()


def _file(octets: bytes):  # type: ignore[no-untyped-def]
    from trustme import Blob  # noqa: PLC0415

    return Blob(octets).tempfile()


def over_quic(host: str = HOST, name: str = NAME) -> Server:
    return Server(host, 853, b"\0", Transport.QUIC, name)


def strict(*servers: Server, pins: frozenset[bytes] = frozenset()) -> Encryption:
    """As in `tls_servers`, for QUIC."""
    context = tls_terms.believing_anybody()
    pem = authority_pem()
    return Encryption(
        {
            one.key: Terms(context, name_to_prove(one), pins, is_strict=not pins, authorities=pem)
            for one in servers
        }
    )
