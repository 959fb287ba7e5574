"""Odd servers in virtual time: a resolver, a root, and one zone whose only server is odd."""

from __future__ import annotations

import errno
import tempfile
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import trio

from bench.common import peers
from bench.odd import streams
from bench.odd.odd_world import ROOT_HOST, ROOT_NAME, OddServer, build
from resolver.config.schema import Config
from resolver.daemon import run
from resolver.lab.faults import Faults, Path
from resolver.lab.virtual_network import VirtualNetwork
from resolver.lab.virtual_streams import stream_pair
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.model import Question
from tests.recurse.household import WALL, budget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.odd.making import Oddity
    from bench.odd.odd_world import Place
    from resolver.daemon.run import Daemon
    from resolver.lab.virtual_parts import Address

RTT_S = 0.02


class Told(NamedTuple):
    """What one question came to: *rcode*, number of answers, is it validated, and seconds."""

    rcode: int
    answers: int
    status: str
    took_s: float


class OddNetwork(VirtualNetwork):
    """A virtual network whose servers treat connections in their own manner."""

    def __init__(self, servers: dict[str, object], *, rng: object) -> None:
        super().__init__(rng=rng, faults=Faults(Path(RTT_S / 2)))  # type: ignore[arg-type]
        self._odd = {host: one for host, one in servers.items() if isinstance(one, OddServer)}
        self.tcp = 0
        for host, server in servers.items():
            self.attach(host, server)  # type: ignore[arg-type]

    async def dial(self, source: Address, destination: Address) -> trio.abc.HalfCloseableStream:
        server = self._odd.get(destination[0])
        if server is None:
            return await super().dial(source, destination)
        self.tcp += 1
        manner = server.oddity.tcp
        if manner == streams.DEAD:
            await trio.sleep_forever()
        await trio.sleep(RTT_S)
        if manner == streams.REFUSED:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "ServerConnection refused")
        mine, theirs = stream_pair()
        says = partial(server.says, transport="tcp")
        trio.lowlevel.spawn_system_task(streams.serve, theirs, says, manner, RTT_S)
        return mine


class House:
    """A running resolver and the odd world around it."""

    def __init__(
        self, daemon: Daemon, network: OddNetwork, place: Place, server: OddServer
    ) -> None:
        self.daemon = daemon
        self.network = network
        self.server = server
        self._place = place

    async def ask(self, number: int = 0) -> Told:
        """Question *number* of the odd zone."""
        started = trio.current_time()
        question = Question(*self._place.question(number))
        answer = await self.daemon.resolver.resolve(question, budget())
        took_s = trio.current_time() - started
        return Told(answer.rcode, len(answer.answer), answer.status.value, took_s)


@asynccontextmanager
async def odd_house(oddity: Oddity, *, is_signed: bool) -> AsyncIterator[House]:
    """A resolver as shipped, beside one odd server; the root is known already."""
    made = build(WALL, [oddity])
    place = made.places[is_signed]
    server = made.servers[place.host]
    assert isinstance(server, OddServer)
    network = OddNetwork(dict(made.servers), rng=seeded("odd"))
    with tempfile.TemporaryDirectory() as directory:
        hints, anchors = FilePath(directory) / "hints", FilePath(directory) / "anchors"
        peers.write_hints(hints, [(ROOT_NAME, [ROOT_HOST])])
        anchors.write_text("".join(f"{anchor}\n" for anchor in made.world.anchors))
        config = Config()
        config = msgspec.structs.replace(
            config,
            root=msgspec.structs.replace(config.root, hints_file=str(hints)),
            dnssec=msgspec.structs.replace(
                config.dnssec, builtin_root_anchor=False, trust_anchors_file=str(anchors)
            ),
        )
        async with run.running(
            config, network=network, clock=VirtualClock(wall=WALL), rng=seeded("odd"), listens=False
        ) as daemon:
            await trio.sleep(1)  # the root is primed
            yield House(daemon, network, place, server)
