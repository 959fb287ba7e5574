"""What the tests of lists in a daemon share: one on real sockets, with lists of its own."""

from __future__ import annotations

import tempfile
import time
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import trio
from msgspec.structs import replace

from resolver.config.schema import Block, Config, Policy, Root, Server
from resolver.daemon import run
from resolver.daemon.list_downloads import Downloads
from resolver.daemon.list_terms import list_specs
from resolver.lab.demo import demo as demonstration
from resolver.protocol.codes import RRType
from resolver.protocol.edns import OPT_EDE, ede_of
from tests.daemon.reloading import HOST, free_port
from tests.daemon.reloading import ask as ask_over_udp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from resolver.daemon.list_downloads import Fetch
    from resolver.daemon.run import Daemon
    from resolver.protocol.message import Message

WWW = "www.example.com."
ADS = "mail.example.com."
NOBODY, REAL = bytes(4), bytes([192, 0, 2, 25])


class Home(NamedTuple):
    """A daemon and where its lists are."""

    daemon: Daemon
    config: Config
    port: int
    folder: Path

    async def address(self, name: str) -> list[bytes]:
        """What its clients are told."""
        message = await ask_over_udp(self.port, name)
        return [one.rdata for one in message.answer if one.rtype == RRType.A]

    async def downloaded(self) -> None:
        """What is due comes, or does not."""
        keeper = self.daemon.lists.keeper
        assert keeper.downloads is not None
        async with trio.open_nursery() as nursery:
            keeper._download(nursery, list_specs(self.daemon.config))
        while keeper.downloads.are_under_way:  # noqa: ASYNC110  # the daemon's own
            await trio.sleep(0.01)
        await keeper.look(keeper._downloaded())

    async def until_told(self, name: str, address: bytes) -> None:
        """Returns when clients are told that."""
        with trio.fail_after(20):
            while await self.address(name) != [address]:  # noqa: ASYNC110  # as a client would
                await trio.sleep(0.05)

    def with_lists(self, *blocks: Block, policy: Policy | None = None) -> Config:
        """Its configuration, with these lists."""
        return replace(self.config, block=blocks, policy=policy or self.config.policy)


def edes(message: Message) -> list[tuple[int, str] | None]:
    """What extended errors it has."""
    options = message.edns.options if message.edns is not None else ()
    return [ede_of(data) for code, data in options if code == OPT_EDE]


def own_config(folder: Path, port: int, *blocks: Block, keeps: bool = True) -> Config:
    """Lists are looked for below *folder*/lists-of-ours."""
    return Config(
        working_directory=str(folder) if keeps else "",
        server=Server(listen=(f"{HOST}:{port}",), user=""),
        root=Root(prime=False),
        block=blocks,
    )


@asynccontextmanager
async def home(
    folder: Path,
    *blocks: Block,
    keeps: bool = True,
    policy: Policy | None = None,
    fetch: Fetch | None = None,
) -> AsyncIterator[Home]:
    """A daemon on a port of its own, with *blocks*; its state in *folder* where it *keeps* any."""
    port = free_port()
    with tempfile.TemporaryDirectory() as apart:
        demo = demonstration(wall=time.time())
        config = own_config(folder, port, *blocks, keeps=keeps)
        config = demo.world.configure(replace(config, policy=policy or Policy()), apart)
        async with run.running(
            config, network=demo.network, rng=Random(1), persists=False
        ) as daemon:
            if fetch is not None:
                daemon.lists.keeper.downloads = Downloads(fetch, lambda: daemon.parts)
            yield Home(daemon, config, port, folder)
