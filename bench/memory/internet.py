"""A made-up Internet of a thousand zones for `bench.memory.week`, with short ways in the program.

Its zones have wildcards: any name below one exists, with A, half of them with AAAA, none with
HTTPS. TTLs are as popular names have them (`bench.week.household`).
"""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

import trio

from bench.week.household import TTLS
from resolver.lab.faults import Path
from resolver.lab.virtual_network import VirtualNetwork
from resolver.lab.virtual_parts import as_delayed
from resolver.lab.virtual_sockets import VirtualPort, VirtualUdpSocket
from resolver.lab.virtual_time import seeded
from resolver.lab.world import ROOT_SERVERS, World
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.lab.virtual_parts import Address

RESOLVER, CLIENT = ("192.0.2.53", 53), ("192.0.2.7", 5353)
ZONES, TLDS = 1000, 5


def apex(number: int) -> str:
    """The name of zone *number*."""
    return f"site{number}.tld{number % TLDS}."


def made_world() -> World:
    """The root, five zones below it and a thousand below these."""
    rng, world = random.Random("week"), World()
    root = world.zone(".", ttl=172_800)
    for nameserver, hosts in ROOT_SERVERS.items():
        world.serve(root, nameserver, *hosts, path=Path(delay_s=0.01))
    tlds = [world.zone(f"tld{number}.", ttl=172_800) for number in range(TLDS)]
    for number, tld in enumerate(tlds):
        world.serve(tld, f"ns.tld{number}.", f"198.51.100.{number + 1}", path=Path(delay_s=0.01))
    for number in range(ZONES):
        zone = world.zone(apex(number), ttl=3600)
        ttl = rng.choices([one for one, _ in TTLS], [weight for _, weight in TTLS])[0]
        zone.add("*", RRType.A, bytes([10, number >> 8, number & 255, 1]), ttl=ttl)
        if number % 2:
            zone.add("*", RRType.AAAA, b"\xfd" + bytes(13) + number.to_bytes(2, "big"), ttl=ttl)
        host = f"203.0.{number >> 8}.{number & 255}"
        world.serve(zone, f"ns.{apex(number)}", host, path=Path(delay_s=0.015))
        world.delegate(zone)
    for tld in tlds:
        world.delegate(tld)
    return world


class Internet(VirtualNetwork):
    """*world*'s: a server's reply is made when it is asked, and waits for both ways; the client is
    next door. *hear* gets the replies to what it asks."""

    def __init__(self, world: World) -> None:
        super().__init__(rng=seeded("week"), faults=world.faults)
        self.hear: Callable[[bytes], object] = lambda _: None
        self._servers = world.servers
        self._resolver: VirtualUdpSocket
        for host, authority in world.servers.items():
            self.attach(host, authority)

    def bind_udp(self, host: str, port: int, *, is_quic: bool = False) -> VirtualUdpSocket:
        self._resolver = super().bind_udp(host, port, is_quic=is_quic)
        return self._resolver

    def ask(self, query: bytes) -> None:
        """Of the resolver."""
        self._resolver.deliver(query, CLIENT, RESOLVER)

    def send(self, data: bytes, source: Address, destination: Address) -> None:
        if destination == CLIENT:
            self.hear(data)
            return
        both_ways_s = 2 * self.faults.path(destination[0], 0.0).delay_s
        port = self._udp[source]
        assert isinstance(port, VirtualPort)  # noqa: S101  # nobody else sends here
        for reply in as_delayed(self._servers[destination[0]].answer(data, "udp", source[0])):
            self.at(trio.current_time() + both_ways_s, partial(self._arrived, port, reply.data))

    def _arrived(self, port: VirtualPort, reply: bytes) -> None:
        if not port.is_closed:
            self.queue(port, reply)
