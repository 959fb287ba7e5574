"""The daemon, as the page's process knows it: questions over the control socket, bounded.

A conversation is one end of a pair of sockets, the other of which the daemon is handed. Those that
have had their answer wait for the next question; one that fails, or is cut short, is closed. A
token that is to be shown comes from the browser, request by request, and is not kept.
"""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from resolver.errors import ResolverError
from resolver.limits import CONTROL_REPLY_OCTETS, WEB_ASKING, WEB_PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    Reply = dict[str, Any]

_CHUNK: Final = 65_536


class Away(ResolverError):
    """The daemon does not answer just now."""


class Refusal(ResolverError):
    """It said no, in a sentence."""


class _Conversation:
    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._buffer = bytearray()

    async def send(self, do: str, token: str, given: Reply) -> None:
        shown = {"token": token} if token else {}
        line = msgspec.json.encode({"id": 1, "do": do, **shown, **given}) + b"\n"
        await self.stream.send_all(line)

    async def reply(self) -> Reply:
        """Raises Refusal, Away."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            chunk = await self.stream.receive_some(_CHUNK)
            if not chunk or searched > CONTROL_REPLY_OCTETS:
                raise Away("the daemon has ended the conversation")
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        reply: Reply = msgspec.json.decode(line, type=dict[str, Any])
        if not reply.get("ok"):
            raise Refusal(str(reply.get("error", "it was refused")))
        return reply


class Daemon:
    """*line*: the pair that leads to it."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._idle: list[_Conversation] = []
        self._places = trio.Semaphore(WEB_ASKING)

    def __repr__(self) -> str:
        return f"<Daemon, {len(self._idle)} conversations wait>"

    def close(self) -> None:
        """End the conversations that wait."""
        while self._idle:
            self._idle.pop().stream.socket.close()

    async def ask(self, do: str, *, token: str = "", **given: object) -> Reply:
        """What the verb *do* replies. Raises Refusal, Away."""
        with trio.move_on_after(WEB_PATIENCE_SECONDS):
            async with self._places, self._talking() as conversation:
                await conversation.send(do, token, given)
                return await conversation.reply()
        raise Away("the daemon does not answer")

    async def items(self, do: str, *, token: str = "", **given: object) -> AsyncGenerator[Reply]:
        """What it replies one after the other, until the end or until nobody wants more."""
        async with self._talking(is_kept=False) as conversation:
            await conversation.send(do, token, given)
            while not (reply := await conversation.reply()).get("end"):
                yield reply

    @asynccontextmanager
    async def _talking(self, *, is_kept: bool = True) -> AsyncIterator[_Conversation]:
        """Raises Away. What was refused leaves the conversation as good as it was."""
        conversation = self._idle.pop() if self._idle and is_kept else self._begun()
        is_good = False
        try:
            yield conversation
            is_good = True
        except Refusal:
            is_good = True
            raise
        except (trio.BrokenResourceError, trio.ClosedResourceError, msgspec.DecodeError):
            raise Away("the daemon has ended the conversation") from None
        finally:
            if is_good and is_kept:
                self._idle.append(conversation)
            else:
                conversation.stream.socket.close()

    def _begun(self) -> _Conversation:
        try:
            mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            raise Away(f"no conversation can begin: {error.strerror}") from None
        with theirs:
            try:
                socket.send_fds(self._line, [b"+"], [theirs.fileno()])
            except OSError as error:
                mine.close()
                raise Away(f"no conversation can begin: {error.strerror}") from None
        mine.settimeout(0)
        return _Conversation(trio.SocketStream(trio.socket.from_stdlib_socket(mine)))
