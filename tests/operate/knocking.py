"""What the tests of the door share: a door of their own, and clients that knock."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import trio
from msgspec import Meta

from resolver.operate import door_socket
from resolver.operate.door import Door
from resolver.operate.perform import performed
from resolver.operate.verb import WORD, Arguments, Misused, Nothing, Refused, Reply, Right, Verb

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from resolver.operate.request import Request
    from resolver.operate.view import Running


class Size(Arguments, frozen=True, kw_only=True):
    octets: Annotated[int, Meta(ge=0, description="how much"), WORD] = 1
    items: Annotated[int, Meta(ge=0, description="how often")] = 1


async def _say(_: Running, given: Size) -> Reply:
    return {"text": "x" * given.octets}


async def _count(_: Running, given: Size) -> AsyncGenerator[Reply, None]:
    for number in range(given.items):
        yield {"number": number, "text": "x" * given.octets}


async def _misuse(_: Running, __: Nothing) -> Reply:
    raise Misused("no such word")


async def _refuse(_: Running, __: Nothing) -> Reply:
    raise Refused("not today")


async def _break(_: Running, __: Nothing) -> Reply:
    raise ZeroDivisionError


async def _sleep(_: Running, __: Nothing) -> Reply:
    await trio.sleep(1000)
    return {}


VERBS = {
    verb.name: verb
    for verb in (
        Verb("say", Right.LOOK, "say much", Size, _say),
        Verb("count", Right.LOOK, "say it often", Size, _count, streams=True),
        Verb("refuse", Right.LOOK, "refuse", Nothing, _refuse),
        Verb("misuse", Right.LOOK, "misuse", Nothing, _misuse),
        Verb("break", Right.LOOK, "break", Nothing, _break),
        Verb("sleep", Right.LOOK, "take for ever", Nothing, _sleep),
        Verb("act", Right.ACT, "change things", Size, _say),
    )
}


def perform(request: Request) -> AsyncGenerator[Reply, None]:
    return performed(None, request)  # type: ignore[arg-type]  # these look at no daemon


class Client:
    """One who knocks."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._buffer = b""

    async def send(self, *lines: bytes) -> None:
        await self.stream.send_all(b"".join(line + b"\n" for line in lines))

    async def hear(self) -> dict[str, Any] | None:
        """The next reply; None at the end."""
        with trio.fail_after(30):
            while b"\n" not in self._buffer:
                try:
                    chunk = await self.stream.receive_some(65_536)
                except trio.BrokenResourceError:
                    return None
                if not chunk:
                    return None
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        heard: dict[str, Any] = json.loads(line)
        return heard

    async def ask(self, **request: object) -> dict[str, Any] | None:
        await self.send(json.dumps(request).encode())
        return await self.hear()


class House:
    """A door that is served at *path*."""

    def __init__(self, path: Path, door: Door) -> None:
        self.path = path
        self.door = door
        self.clients: list[Client] = []

    async def knock(self) -> Client:
        sock = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
        await sock.connect(str(self.path))
        self.clients.append(Client(trio.SocketStream(sock)))
        return self.clients[-1]


@asynccontextmanager
async def house(folder: Path, verbs: dict[str, Verb] | None = None) -> AsyncIterator[House]:
    opened = door_socket.opened(folder / "control")
    door = Door(verbs or VERBS, perform, frozenset)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(door.serve, opened.listener, nursery)
            home = House(opened.path, door)
            yield home
            for client in home.clients:
                await trio.aclose_forcefully(client.stream)
            nursery.cancel_scope.cancel()
    finally:
        door_socket.removed(opened)
