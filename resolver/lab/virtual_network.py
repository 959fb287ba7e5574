"""The virtual Internet: datagrams and TCP streams between addresses, on trio's clock.

One object is both seams, `upstream.network.Network` and `listen.listen_network.ListenNetwork`: thus
clients, a resolver, forwarders and authorities share one address space. Under `virtual_time.run` it
is repeatable; under the real clock it serves `resolver serve --lab`. What happens on the way is
`faults`; one `random.Random` decides all chance. Needs no nursery: its pump is a system task.
"""

from __future__ import annotations

import errno
import functools
import heapq
import itertools
import math
from ipaddress import ip_address
from typing import TYPE_CHECKING

import trio

from resolver.lab.faults import Faults, canonical
from resolver.lab.virtual_parts import Address, Answerer, Packet, Receiver, as_delayed
from resolver.lab.virtual_sockets import (
    VirtualClient,
    VirtualLinks,
    VirtualListener,
    VirtualPort,
    VirtualRouters,
    VirtualUdpSocket,
)
from resolver.lab.virtual_streams import serve_stream, stream_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from resolver.model import Server
    from resolver.upstream.network import UdpPort, Whose

FIRST_PORT = 1024
LAST_PORT = 65_535
BATCH = 256


class _Hosted:
    """The UDP side of an attached server."""

    def __init__(self, network: VirtualNetwork, answerer: Answerer) -> None:
        self._network = network
        self.answerer = answerer

    def deliver(self, data: bytes, source: Address, destination: Address) -> None:
        network, now = self._network, trio.current_time()
        for reply in as_delayed(self.answerer.answer(data, "udp", source[0])):
            if reply.after_s:
                later = functools.partial(network.send, reply.data, destination, source)
                network.at(now + reply.after_s, later)
            else:
                network.send(reply.data, destination, source)


class VirtualNetwork:
    """An address space. *sources* are the resolver's own addresses, one for each family it has.

    *settle* is asked for a server when a packet comes to an address where nobody lives.
    """

    def __init__(
        self,
        *,
        rng: Random,
        faults: Faults | None = None,
        sources: tuple[str, ...] = ("203.0.113.53", "2001:db8:53::53"),
    ) -> None:
        self.rng = rng
        self.faults = faults or Faults()
        self.settle: Callable[[str], Answerer | None] = lambda _: None
        self.observers: list[Callable[[Packet], None]] = []
        self._listening: set[VirtualLinks] = set()
        self._hearing: set[VirtualRouters] = set()
        self.leave_from(sources)
        self._udp: dict[Address, Receiver] = {}
        self._hosted: dict[Address, Answerer] = {}
        self._listeners: dict[Address, VirtualListener] = {}
        self._hosts: set[str] = set()
        self._inbox: list[tuple[UdpPort, bytes | OSError]] = []
        self._readable = trio.Event()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wake = trio.Event()
        self._pump_runs = False
        self._is_closed = False
        self.descriptor = -1

    def __repr__(self) -> str:
        return f"<VirtualNetwork servers={len(self._hosted)} in_flight={len(self._due)}>"

    def leave_from(self, sources: Iterable[str], *, only: Iterable[str] = ()) -> None:
        """The resolver's own addresses from now on; without one there is no route (ENETUNREACH).

        *only*: there are routes to these hosts alone. As a kernel does, it tells whoever listens
        (`hear_links`).
        """
        self._routes = frozenset(map(canonical, only))
        self._sources = {ip_address(host).version: canonical(host) for host in sources}
        self.tell_change()

    def tell_change(self, *, is_loss: bool = False) -> None:
        """Say that a link, an address or a route has changed; *is_loss*: that one is gone."""
        for heard in self._listening:
            if heard.losses or not is_loss:
                heard.tell()

    def advertise(self, *options: bytes) -> None:
        """Have a router say so: PREF64 options (RFC 8781)."""
        for heard in self._hearing:
            heard.tell(list(options))

    def hear_routers(self) -> VirtualRouters:
        """Hear it."""
        made = VirtualRouters(self._hearing)
        self._hearing.add(made)
        return made

    def hear_links(self, *, losses: bool = False) -> VirtualLinks:
        """Hear it."""
        made = VirtualLinks(self._listening, losses=losses)
        self._listening.add(made)
        return made

    # --- building the world --------------------------------------------------------------

    def attach(self, host: str, answerer: Answerer, *, port: int = 53) -> None:
        """Put a server at an address, for UDP and TCP; a second one replaces the first."""
        address = (canonical(host), port)
        self._hosts.add(address[0])
        self._hosted[address] = answerer
        self._udp[address] = _Hosted(self, answerer)

    def detach(self, host: str, *, port: int = 53) -> None:
        """Take the server away; the host stays up and says "port unreachable"."""
        self._hosted.pop((canonical(host), port), None)
        self._udp.pop((canonical(host), port), None)

    def client(self, host: str = "192.0.2.200") -> VirtualClient:
        """A stub or a test at an address of its own, on a random port."""
        return VirtualClient(self, canonical(host))

    def close(self) -> None:
        """Nothing moves any more: what is on its way is lost, and no task is left."""
        self._is_closed = True
        self._due.clear()
        self._wake.set()

    # --- upstream seam -------------------------------------------------------------------

    def open_udp(self, server: Server) -> UdpPort:
        source = self._source_for(server.host)
        return VirtualPort(self, self.free_port(source), (canonical(server.host), server.port))

    async def wait(self) -> None:
        if not self._inbox:
            await self._readable.wait()
        else:
            await trio.lowlevel.checkpoint()

    @property
    def has_waiting(self) -> bool:
        return bool(self._inbox)

    def receive(self, whose: Whose | None = None) -> list[tuple[UdpPort, bytes | OSError]]:
        del whose  # nothing is computed in virtual time: nobody waits for others
        batch, self._inbox = self._inbox[:BATCH], self._inbox[BATCH:]
        if not self._inbox and self._readable.is_set():  # else somebody may be waiting for it
            self._readable = trio.Event()
        return batch

    async def connect_tcp(self, server: Server) -> trio.abc.HalfCloseableStream:
        source = self._source_for(server.host)
        return await self.dial((source, 0), (canonical(server.host), server.port))

    # --- listener seam -------------------------------------------------------------------

    def bind_udp(self, host: str, port: int, *, is_quic: bool = False) -> VirtualUdpSocket:
        del is_quic  # its clients have it to themselves
        address = (canonical(host), port)
        if address in self._udp:
            raise OSError(errno.EADDRINUSE, f"virtual address {host}:{port} is taken")
        socket = VirtualUdpSocket(self, address)
        self._hosts.add(address[0])
        self._udp[address] = socket
        return socket

    def bind_tcp(self, host: str, port: int) -> VirtualListener:
        address = (canonical(host), port)
        if address in self._listeners or address in self._hosted:
            raise OSError(errno.EADDRINUSE, f"virtual address {host}:{port} is taken")
        listener = VirtualListener(self, address)
        self._hosts.add(address[0])
        self._listeners[address] = listener
        return listener

    # --- for the virtual sockets ---------------------------------------------------------

    def queue(self, port: UdpPort, item: bytes | OSError) -> None:
        self._inbox.append((port, item))
        self._readable.set()

    def bind(self, address: Address, receiver: Receiver) -> None:
        self._udp[address] = receiver

    def unbind(self, address: Address, receiver: object) -> None:
        if self._udp.get(address) is receiver:
            del self._udp[address]
        elif self._listeners.get(address) is receiver:
            del self._listeners[address]

    def free_port(self, host: str) -> Address:
        while True:
            address = (host, self.rng.randint(FIRST_PORT, LAST_PORT))
            if address not in self._udp:
                return address

    def observe(self, data: bytes, source: Address, destination: Address, transport: str) -> None:
        packet = Packet(trio.current_time(), source, destination, transport, data)
        for observer in self.observers:
            observer(packet)

    def send(self, data: bytes, source: Address, destination: Address) -> None:
        """One datagram on its way. Loss, delay and death are those of both ends' paths."""
        self.observe(data, source, destination, "udp")
        now = trio.current_time()
        near, far = self.faults.path(source[0], now), self.faults.path(destination[0], now)
        delay = near.draw_delay(self.rng) + far.draw_delay(self.rng)
        if far.unreachable:
            self.at(now + delay, lambda: self._refuse(source, errno.EHOSTUNREACH))
        elif not (near.swallows(len(data), self.rng) or far.swallows(len(data), self.rng)):
            self.at(now + delay, lambda: self._arrive(data, source, destination))

    async def dial(self, source: Address, destination: Address) -> trio.abc.HalfCloseableStream:
        """Three-way handshake with whatever listens at *destination*."""
        now = trio.current_time()
        path, near = self.faults.path(destination[0], now), self.faults.path(source[0], now)
        self._inhabit(destination)
        listener = self._listener_at(destination)
        hosted = self._hosted.get(destination)
        if path.dead or (destination[0] not in self._hosts and listener is None):
            await trio.sleep_forever()
        one_way = path.draw_delay(self.rng) + near.draw_delay(self.rng)
        await trio.sleep(2 * one_way)
        if path.unreachable:
            raise OSError(errno.EHOSTUNREACH, "No route to host")
        if not path.tcp or (listener is None and hosted is None):
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        if source[1] == 0:
            source = self.free_port(source[0])
        mine, theirs = stream_pair()
        if listener is not None:
            listener.put(theirs, source)
        elif hosted is not None:
            trio.lowlevel.spawn_system_task(
                serve_stream, self, hosted, theirs, source, destination, one_way
            )
        return mine

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Run *action* at a moment of trio's clock. Ties keep the order of the calls."""
        if self._is_closed:
            return
        heapq.heappush(self._due, (when, next(self._order), action))
        self._wake.set()
        if not self._pump_runs:
            self._pump_runs = True
            trio.lowlevel.spawn_system_task(self._pump)

    # --- inside --------------------------------------------------------------------------

    def _source_for(self, host: str) -> str:
        source = self._sources.get(ip_address(host.partition("%")[0]).version)
        if source is None or (self._routes and canonical(host) not in self._routes):
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return source

    def _inhabit(self, address: Address) -> None:
        if address[0] not in self._hosts and address not in self._udp:
            newcomer = self.settle(address[0])
            if newcomer is not None:
                self.attach(address[0], newcomer, port=address[1])

    def _receiver_at(self, address: Address) -> Receiver | None:
        wildcard = "::" if ":" in address[0] else "0.0.0.0"  # noqa: S104  (virtual)
        return self._udp.get(address) or self._udp.get((wildcard, address[1]))

    def _listener_at(self, address: Address) -> VirtualListener | None:
        wildcard = "::" if ":" in address[0] else "0.0.0.0"  # noqa: S104  (virtual)
        return self._listeners.get(address) or self._listeners.get((wildcard, address[1]))

    def _arrive(self, data: bytes, source: Address, destination: Address) -> None:
        self._inhabit(destination)
        receiver = self._receiver_at(destination)
        if receiver is not None:
            receiver.deliver(data, source, destination)
        elif destination[0] in self._hosts:
            self._refuse(source, errno.ECONNREFUSED)

    def _refuse(self, source: Address, code: int) -> None:
        """An ICMP error comes back; only a connected port hears of it."""
        port = self._udp.get(source)
        if isinstance(port, VirtualPort):
            self.queue(port, OSError(code, errno.errorcode[code]))

    async def _pump(self) -> None:
        try:
            while not self._is_closed:
                now = trio.current_time()
                while self._due and self._due[0][0] <= now:
                    heapq.heappop(self._due)[2]()
                self._wake = trio.Event()
                with trio.move_on_at(self._due[0][0] if self._due else math.inf):
                    await self._wake.wait()
        finally:
            self._pump_runs = False
