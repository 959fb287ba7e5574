"""A dispatcher beside servers that are asked encrypted, in the virtual Internet."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import trio

from resolver.model import Delegation, Question, Server
from resolver.protocol.codes import RRType
from resolver.protocol.names import from_text
from tests.upstream.virtual_servers import ZONE, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.lab.virtual_network import VirtualNetwork
    from resolver.upstream.encrypted import Encryption
    from resolver.upstream.request import Reply


class Listener(Protocol):
    """A server of `tls_servers`, `https_servers` or `quic_servers`."""

    async def listen(
        self, network: VirtualNetwork, host: str, nursery: trio.Nursery, /
    ) -> None: ...


@asynccontextmanager
async def running(world: World, encryption: Encryption, **servers: Listener) -> AsyncIterator[None]:
    """*servers* by host, its dots and colons written as underscores."""
    async with trio.open_nursery() as nursery:
        for host, server in servers.items():
            address = host.strip("_").replace("_", ".")
            world.network.faults.set(address, world.network.faults.path(address, 0.0))
            nursery.start_soon(server.listen, world.network, address, nursery)
        await nursery.start(world.dispatcher.run)
        world.dispatcher.encrypted.go_by(encryption)
        world.whole.deadline = trio.current_time() + 100_000
        world.whole.queries = 100_000
        yield
        nursery.cancel_scope.cancel()


def forward(*servers: Server, is_opportunistic: bool = False) -> Delegation:
    names = tuple(from_text(f"ns{i}.example.net") for i in range(len(servers)))
    given = {
        name: (one._replace(nameserver=name),) for name, one in zip(names, servers, strict=True)
    }
    return Delegation(
        ZONE, names, given, is_forward=True, is_last_word=True, is_opportunistic=is_opportunistic,
        way=ZONE,
    )  # fmt: skip


async def ask(world: World, cut: Delegation, name: str = "www.example.com") -> Reply:
    question = Question(from_text(name), RRType.A)
    return await world.dispatcher.ask(world.request(delegation=cut, question=question))
