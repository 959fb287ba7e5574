"""Servers over TLS in the virtual Internet, with certificates good and bad."""

from __future__ import annotations

import datetime as dt
import functools
import ssl
from typing import TYPE_CHECKING

import trio
import trustme

from resolver.errors import TlsFailed
from resolver.model import Server
from resolver.protocol.framing import Splitter, frame
from resolver.protocol.transport import Transport
from resolver.runtime.tls_stream import TlsStream
from resolver.upstream import tls_terms
from resolver.upstream.encrypted import Encryption
from resolver.upstream.tls_terms import Terms, name_to_prove
from tests.upstream.virtual_servers import Script

if TYPE_CHECKING:
    from resolver.lab.virtual_network import VirtualNetwork
    from resolver.lab.virtual_parts import Packet
    from tests.upstream.virtual_servers import World

NAME = "dns.example.net"
HOST = "192.0.2.1"


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


def authority_pem() -> str:
    return authority().cert_pem.bytes().decode()


@functools.cache
def certificate(*names: str, days: tuple[int, int] = (-1, 30), by: str = "") -> trustme.LeafCert:
    """For *names*, valid from and until so many days from now; *by* names another authority.

    Without names it is of the old kind, whose subject has one (RFC 9525 §4 wants a SAN).
    """
    now = dt.datetime.now(dt.UTC)
    start, end = (now + dt.timedelta(days=each) for each in days)
    issuer = trustme.CA(organization_name=by) if by else authority()
    old = None if names else NAME
    return issuer.issue_cert(*names, common_name=old, not_before=start, not_after=end)


def server_context(leaf: trustme.LeafCert, *, is_old: bool = False) -> ssl.SSLContext:
    """*is_old*: TLS 1.2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    context.set_alpn_protocols(["dot"])
    if is_old:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


class TlsScript:
    """A DoT server: each message is answered as *script* says, once the gate is open.

    *handshakes*, *resumed*: how many began, and went on from an earlier session; *closes_after*:
    messages after which it closes a connection, without a word about those it did not answer.
    """

    PORT = 853

    def __init__(self, context: ssl.SSLContext, script: Script | None = None) -> None:
        self.context = context
        self.script = script or Script()
        self.gate = trio.Event()
        self.gate.set()
        self.handshakes = 0
        self.established = 0
        self.resumed = 0
        self.sizes: list[int] = []
        self.queries: list[bytes] = []
        self.closes_after = 10**9
        self.connections: list[trio.CancelScope] = []

    @property
    def open(self) -> int:
        return sum(not scope.cancel_called for scope in self.connections)

    def hang_up(self) -> None:
        """Close all connections, politely."""
        for scope in self.connections:
            scope.cancel()

    async def listen(self, network: VirtualNetwork, host: str, nursery: trio.Nursery) -> None:
        listener = network.bind_tcp(host, self.PORT)
        while True:
            stream, _ = await listener.accept()
            nursery.start_soon(self._serve, stream)

    async def _serve(self, transport: trio.abc.HalfCloseableStream) -> None:
        self.handshakes += 1
        stream = TlsStream(transport, self.context, is_server=True)
        scope = trio.CancelScope()
        try:
            await stream.handshake(10)
            self.established += 1
            self.resumed += stream.is_resumed
            self.connections.append(scope)
            with scope:
                await self._converse(stream)
        except (TlsFailed, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            scope.cancel()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await stream.aclose()

    async def _converse(self, stream: TlsStream) -> None:
        splitter = Splitter()
        count = 0
        while data := await stream.receive_some():
            for message in splitter.feed(data):
                self.sizes.append(len(message))
                self.queries.append(message)
                count += 1
                if count > self.closes_after:
                    return
                await self.gate.wait()
                told = self.script.answer(message, "tls", "")
                for reply in [told] if isinstance(told, bytes) else told or []:
                    assert isinstance(reply, bytes)
                    await stream.send_all(frame(reply))


def encrypted(host: str = HOST, name: str = NAME) -> Server:
    return Server(host, 853, b"\0", Transport.TLS, name)


def strict(*servers: Server, pins: frozenset[bytes] = frozenset()) -> Encryption:
    """Terms on which *servers* must prove themselves to the tests' authority, or by a key."""
    context = tls_terms.believing_anybody() if pins else tls_terms.proving(authority_pem())
    terms = {one.key: Terms(context, name_to_prove(one), pins) for one in servers}
    return Encryption(terms)


def opportunistic(*servers: Server) -> Encryption:
    context = tls_terms.believing_anybody()
    return Encryption({one.key: Terms(context, name_to_prove(one)) for one in servers})


class Clear:
    """Counts what leaves in clear text: datagrams but those of QUIC, and TCP to port 53."""

    def __init__(self, world: World) -> None:
        self.count = 0
        world.network.observers.append(self._watch)

    def _watch(self, packet: Packet) -> None:
        self.count += 853 not in (packet.source[1], packet.destination[1])
