"""The ends of virtual datagrams: connected ports, bound sockets, listeners, and a test's client."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import trio

from resolver.lab.virtual_streams import receive_message, send_message
from resolver.listen.listen_network import Datagram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.lab.virtual_parts import Address, Carrier

BATCH = 64
BACKLOG = 128


class VirtualPort:
    """`upstream.network.UdpPort`: hears only the address that it is connected to."""

    __slots__ = ("_network", "address", "is_closed", "peer")

    def __init__(self, network: Carrier, address: Address, peer: Address) -> None:
        self._network = network
        self.address = address
        self.peer = peer
        self.is_closed = False
        network.bind(address, self)

    def __repr__(self) -> str:
        return f"<VirtualPort {self.address[1]} → {self.peer[0]}>"

    def send(self, data: bytes) -> None:
        self._network.send(data, self.address, self.peer)

    def close(self) -> None:
        self.is_closed = True
        self._network.unbind(self.address, self)

    def deliver(self, data: bytes, source: Address, destination: Address) -> None:
        del destination
        if source == self.peer:
            self._network.queue(self, data)


class VirtualLinks:
    """`upstream.network.LinkChanges`; *among* are those who listen, *losses*: to what goes, too."""

    def __init__(self, among: set[VirtualLinks], *, losses: bool) -> None:
        self.losses = losses
        self._among = among
        self._told = trio.Event()

    def tell(self) -> None:
        self._told.set()

    async def changed(self) -> None:
        await self._told.wait()
        self._told = trio.Event()

    def close(self) -> None:
        self._among.discard(self)


class VirtualRouters:
    """`upstream.network.Routers`; *among* are those who listen."""

    def __init__(self, among: set[VirtualRouters]) -> None:
        self._among = among
        self._send, self._receive = trio.open_memory_channel[list[bytes]](100)

    def tell(self, options: list[bytes]) -> None:
        self._send.send_nowait(options)

    async def advertised(self) -> list[bytes]:
        return await self._receive.receive()

    def close(self) -> None:
        self._among.discard(self)


class VirtualUdpSocket:
    """`listen.listen_network.UdpSocket`: a bound socket that anybody may send to."""

    def __init__(self, network: Carrier, address: Address) -> None:
        self._network = network
        self.address = address
        self._queue: deque[Datagram] = deque()
        self._readable = trio.Event()

    async def wait_readable(self) -> None:
        if not self._queue:
            await self._readable.wait()
        else:
            await trio.lowlevel.checkpoint()

    def receive(self) -> Sequence[Datagram]:
        batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        if not self._queue:
            self._readable = trio.Event()
        return batch

    def send(self, replies: Sequence[Datagram]) -> None:
        for reply in replies:
            local = reply.local if isinstance(reply.local, str) else self.address[0]
            self._network.send(reply.data, (local, self.address[1]), reply.peer[:2])

    @property
    def is_full(self) -> bool:
        """There is always room."""
        return False

    @property
    def has_unread(self) -> bool:
        """Nothing lies in the kernel."""
        return False

    def close(self) -> None:
        self._network.unbind(self.address, self)

    def deliver(self, data: bytes, source: Address, destination: Address) -> None:
        is_ipv6 = ":" in source[0]
        peer = (*source, 0, 0) if is_ipv6 else source
        local = destination[0] if destination[0] != self.address[0] else None
        self._queue.append(Datagram(data, peer, local))
        self._readable.set()


class VirtualListener:
    """`listen.listen_network.StreamListener`."""

    def __init__(self, network: Carrier, address: Address) -> None:
        self._network = network
        self.address = address
        self._put, self._take = trio.open_memory_channel[
            tuple[trio.abc.HalfCloseableStream, tuple[str, int]]
        ](BACKLOG)

    def put(self, stream: trio.abc.HalfCloseableStream, peer: Address) -> None:
        self._put.send_nowait((stream, peer))

    async def accept(self) -> tuple[trio.abc.HalfCloseableStream, tuple[str, int]]:
        return await self._take.receive()

    @property
    def is_full(self) -> bool:
        """True if as many wait to be accepted as there is room for."""
        return self._put.statistics().current_buffer_used >= BACKLOG

    @property
    def has_unread(self) -> bool:
        """True if somebody waits to be accepted."""
        return self._put.statistics().current_buffer_used > 0

    async def aclose(self) -> None:
        self._network.unbind(self.address, self)
        await self._take.aclose()


class VirtualClient:
    """A stub in a test: sends datagrams from one port and reads what comes back."""

    def __init__(self, network: Carrier, host: str) -> None:
        self._network = network
        self.address = network.free_port(host)
        self._put, self._take = trio.open_memory_channel[tuple[bytes, "Address"]](math.inf)
        network.bind(self.address, self)

    def deliver(self, data: bytes, source: Address, destination: Address) -> None:
        del destination
        self._put.send_nowait((data, source))

    def send_udp(self, to: Address, data: bytes) -> None:
        self._network.send(data, self.address, to)

    async def receive(self) -> bytes:
        """The next datagram, from anybody. The caller bounds the time."""
        return (await self._take.receive())[0]

    async def ask_udp(self, to: Address, data: bytes, *, timeout_s: float = 15.0) -> bytes | None:
        """Send a query and return the reply that carries its id, or None when time is up."""
        self.send_udp(to, data)
        with trio.move_on_after(timeout_s):
            while True:
                reply, source = await self._take.receive()
                if reply[:2] == data[:2] and source == to:
                    return reply
        return None

    async def connect_tcp(self, to: Address) -> trio.abc.HalfCloseableStream:
        return await self._network.dial(self.address, to)

    async def ask_tcp(self, to: Address, data: bytes, *, timeout_s: float = 15.0) -> bytes | None:
        """One query over a connection of its own; None when time is up or the peer hangs up."""
        with trio.move_on_after(timeout_s):
            async with await self.connect_tcp(to) as stream:
                self._network.observe(data, self.address, to, "tcp")
                await send_message(stream, data)
                reply = await receive_message(stream)
                if reply is not None:
                    self._network.observe(reply, to, self.address, "tcp")
                return reply
        return None

    def close(self) -> None:
        self._network.unbind(self.address, self)
