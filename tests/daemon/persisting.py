"""One daemon after another on one directory, in virtual time: what the tests of it share."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import trio

from resolver.config.schema import Config
from resolver.daemon import run
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.limits import (
    STORE_COMMIT_SECONDS,
)
from resolver.recurse.from_disk import recall_from_disk
from tests.making import question
from tests.recurse.household import WALL, budget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import pytest

    from resolver.daemon.run import Daemon
    from resolver.lab.virtual_network import VirtualNetwork
    from resolver.lab.virtual_parts import Packet
    from resolver.lab.world import World
    from resolver.model import Link, Question, RRset, Source, Status
    from resolver.telemetry.shared_counters import Slot

WWW, GONE = question("www.example.net. A"), question("gone.example.net. A")


class Home:
    """One life of a daemon on *world*, and how many packets it sent."""

    def __init__(self, daemon: Daemon, network: VirtualNetwork) -> None:
        self.daemon = daemon
        self.sent: list[str] = []
        network.observers.append(self._see)

    def _see(self, packet: Packet) -> None:
        if packet.destination[1] == 53:
            self.sent.append(packet.destination[0])

    async def ask(self, text: str) -> tuple[Status, int, set[Source]]:
        answer = await self.daemon.resolver.resolve(question(text), budget())
        return answer.status, answer.rcode, set(answer.sources)

    async def told(self, text: str) -> list[RRset]:
        answer = await self.daemon.resolver.resolve(question(text), budget())
        return list(answer.answer)


@asynccontextmanager
async def life(
    world: World,
    path: Path,
    change: Callable[[Config], Config] = lambda config: config,
    *,
    wall: float = WALL,
    slot: Slot | None = None,
) -> AsyncIterator[Home]:
    config = world.configure(Config(working_directory=str(path)), path)
    outgoing = msgspec.structs.replace(config.outgoing, speculation=False)
    root = msgspec.structs.replace(config.root, prime=False)
    config = change(msgspec.structs.replace(config, outgoing=outgoing, root=root))
    network = world.network(seed="life")
    async with run.running(
        config, network=network, clock=VirtualClock(wall=wall), rng=seeded("life"),
        listens=False, persists=True, slot=slot,
    ) as daemon:  # fmt: skip
        yield Home(daemon, network)


async def recalled(home: Home, asked: Question) -> Link | None:
    """What is known of it, on disk too."""
    memory, now = home.daemon.parts.memory, home.daemon.parts.clock.now()
    return memory.recall(asked, now) or await recall_from_disk(memory, asked, now)


def kill(home: Home) -> None:
    """Nothing is written any more, as after SIGKILL."""
    store = home.daemon.persistence.store
    assert store is not None
    assert store.file is not None
    store.file.close()
    store.file = None


async def first_life(world: World, path: Path) -> None:
    async with life(world, path) as home:
        assert await home.ask("www.example.net. A")
        assert await home.ask("alias.example.net. AAAA")
        assert await home.ask("gone.example.net. A")
        await trio.sleep(STORE_COMMIT_SECONDS * 1.5)
        kill(home)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
