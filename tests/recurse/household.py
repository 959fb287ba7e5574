"""A small Internet with a resolver on it, in virtual time: what the tests of `recurse` ask."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import trio

from resolver.budget import Share
from resolver.config.schema import Config
from resolver.daemon import run
from resolver.lab.faults import Path
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.lab.world import ROOT_SERVERS, World
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.daemon.root_sources import Fetch
    from resolver.daemon.run import Daemon
    from resolver.lab.virtual_network import VirtualNetwork
    from resolver.lab.virtual_parts import Packet
    from resolver.model import Answer, Question

WALL = 1_785_000_000.0


def budget(*, queries: int | None = None, seconds: float = 10.0) -> Share:
    """A client query's allowance."""
    share = Share.for_client(trio.current_time() + seconds)
    if queries is not None:
        share.whole.queries = queries
    return share


def village(*, is_signed: bool = False) -> World:
    """Root, net, example.net (www, an alias, TTL 0, an alias in a circle) and glueless.net."""
    world = World()
    root = world.zone(".")
    for nameserver, hosts in ROOT_SERVERS.items():
        world.serve(root, nameserver, *hosts)
    net = world.zone("net.")
    world.serve(net, "ns.net.", "192.0.2.10")
    example = world.zone("example.net.")
    world.serve(example, "ns1.example.net.", "192.0.2.20")
    world.serve(example, "ns2.example.net.", "192.0.2.21")
    example.add_address("www", "192.0.2.80")
    example.add("alias", RRType.CNAME, example.name("www"))
    example.add("here", RRType.CNAME, example.name("there"))
    example.add("there", RRType.CNAME, example.name("here"))
    example.add("zero", RRType.A, bytes([192, 0, 2, 81]), ttl=0)
    other = world.zone("glueless.net.")
    world.serve(other, "ns1.example.net.", "192.0.2.20")
    other.add_address("www", "192.0.2.90")
    for zone in (example, other, net):
        world.delegate(zone)
    if is_signed:
        for zone in (example, net, root):
            world.sign(zone, wall=WALL)
    return world


def slow_village(*, is_signed: bool = False) -> World:
    """The same, where the servers of example.net are a second away."""
    world = village(is_signed=is_signed)
    for host in ("192.0.2.20", "192.0.2.21"):
        world.faults.set(host, Path(delay_s=1.0))
    return world


class House:
    """A running resolver, and the packets that went out."""

    def __init__(self, daemon: Daemon, network: VirtualNetwork) -> None:
        self.resolver = daemon.resolver
        self.daemon = daemon
        self.parts = daemon.parts
        self.pipeline = daemon.parts.pipeline
        self.network = network
        self.sent = 0
        network.observers.append(self._see)

    def _see(self, packet: Packet) -> None:
        self.sent += packet.destination[1] == 53

    async def ask(self, asked: Question, **allowance: float) -> Answer:
        return await self.resolver.resolve(asked, budget(**allowance))  # type: ignore[arg-type]


@asynccontextmanager
async def house(
    world: World, base: Config | None = None, *, root_fetch: Fetch | None = None, **switches: bool
) -> AsyncIterator[House]:
    """A resolver on *world* with *base*, without speculation unless *switches* say so."""
    config = base or Config()
    outgoing = msgspec.structs.replace(
        config.outgoing, speculation=switches.get("speculation", False)
    )
    root = msgspec.structs.replace(config.root, prime=switches.get("prime", False))
    config = msgspec.structs.replace(config, outgoing=outgoing, root=root)
    with tempfile.TemporaryDirectory() as directory:
        config = world.configure(config, directory)
        network = world.network(seed="house")
        async with run.running(
            config,
            network=network,
            clock=VirtualClock(wall=WALL),
            rng=seeded("house"),
            listens=False,
            root_fetch=root_fetch,
        ) as daemon:
            yield House(daemon, network)


name = names.from_text
