"""The door: clients of the control socket, a line in, a line out.

Bounded in every way: CONTROL_CLIENTS at a time, the octets and the seconds of a line, of a reply
and of the work for it; one request of a client at a time, and nothing read ahead of it. A line that
is no request is told so and the next is read; one without an end closes. Where all places are
taken, who is idle for longest makes way; who may act also takes the place of who may only look. A
client that leaves in the midst, or does not read, harms nobody.

The page's process comes by a door of its own (`meet`): it may look, and a request of it may act
where it shows the token, which the browser has and the process has not.
"""

from __future__ import annotations

import hmac
import socket
import struct
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import trio

from resolver.errors import ResolverError, drop_frames
from resolver.limits import (
    CONTROL_CLIENTS,
    CONTROL_IDLE_SECONDS,
    CONTROL_LINE_OCTETS,
    CONTROL_LINE_SECONDS,
    CONTROL_REPLY_OCTETS,
    CONTROL_SEND_SECONDS,
    CONTROL_WORK_SECONDS,
)
from resolver.operate.request import NotUnderstood, error_line, reply_line, request_untrusted
from resolver.operate.rights import Peer, may, right_of
from resolver.operate.verb import Misused, Refused, Right

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from resolver.operate.perform import Perform
    from resolver.operate.request import Id, Request
    from resolver.operate.verb import Reply, Verb

_CREDENTIALS: Final = struct.Struct("=iII")
_CHUNK: Final = 4096


@dataclass(eq=False, slots=True)
class _Client:
    """One of those who are connected, and whether something is done for it."""

    stream: trio.SocketStream
    right: Right
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    is_idle: bool = True
    buffer: bytearray = field(default_factory=bytearray)


class _Gone(Exception):  # no error of anybody
    """The client has left, or is not worth waiting for."""


class Door:
    """Serves *verbs* to whoever comes. *admins*: who may act besides root, looked up each time.

    *token*: what a request may show to act, "" for nothing. *barred*: a process that may only look,
    whatever its account may, 0 for none. *places*: clients at a time.
    """

    COUNTS: ClassVar = {
        "clients": "Clients that connected to the control socket.",
        "refused": "Those that were sent away, or made way, for all places were taken.",
        "requests": "What they asked that was understood.",
        "errors": "Lines that were not, and requests that were refused or failed.",
    }

    def __init__(
        self,
        verbs: Mapping[str, Verb],
        perform: Perform,
        admins: Callable[[], frozenset[int]],
        *,
        token: Callable[[], str] = str,
        barred: Callable[[], int] = int,
        places: int = CONTROL_CLIENTS,
    ) -> None:
        self._verbs = verbs
        self._perform = perform
        self._admins = admins
        self._token = token
        self._barred = barred
        self._places = places
        self._clients: dict[_Client, None] = {}  # the one that is idle for longest comes first
        self.clients = self.refused = self.requests = self.errors = 0

    def __repr__(self) -> str:
        return f"<Door, {self.present} clients>"

    @property
    def present(self) -> int:
        """Clients that are connected now."""
        return len(self._clients)

    @property
    def busy(self) -> int:
        """Those of them for whom something is done."""
        return sum(not client.is_idle for client in self._clients)

    async def serve(self, listener: socket.socket, nursery: trio.Nursery) -> None:
        """Until cancelled; *listener* stays open, and so do its clients, who are in *nursery*:
        one of them may be having the socket moved."""
        accepting = trio.socket.from_stdlib_socket(listener)
        while True:
            try:
                accepted, _ = await accepting.accept()
            except OSError as error:  # too many open files, or the client left
                drop_frames(error)
                await trio.sleep(_PAUSE_S)
                continue
            peer = _peer(accepted)
            right = Right.LOOK if peer.pid == self._barred() else right_of(peer, self._admins())
            nursery.start_soon(self.meet, accepted, right)

    async def meet(self, accepted: trio.socket.SocketType, right: Right) -> None:
        """Serve one client, who has that *right*, until it leaves."""
        stream = trio.SocketStream(accepted)
        client = _Client(stream, right)
        self.clients += 1
        try:
            if not self._has_room(client.right):
                self.refused += 1
                await _send(client, error_line(None, "too many clients; try again"))
                return
            self._clients[client] = None
            with client.scope:
                await self._converse(client)
        except (_Gone, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            drop_frames(error)
        finally:
            self._clients.pop(client, None)
            await trio.aclose_forcefully(stream)

    def _has_room(self, right: Right) -> bool:
        """Is there a place, or somebody who makes way?"""
        if len(self._clients) < self._places:
            return True
        for client in self._clients:
            if client.is_idle or (right is Right.ACT and client.right is Right.LOOK):
                del self._clients[client]
                client.scope.cancel()
                self.refused += 1
                return True
        return False

    async def _converse(self, client: _Client) -> None:
        while True:
            line = await self._line(client)
            client.is_idle = False
            await self._answer(client, line)
            client.is_idle = True
            self._clients[client] = self._clients.pop(client)  # to the end

    async def _line(self, client: _Client) -> bytes:
        """The next line. Raises _Gone at the end of all, or of patience."""
        buffer, searched = client.buffer, 0
        patience_s = CONTROL_LINE_SECONDS if buffer else CONTROL_IDLE_SECONDS
        with trio.move_on_after(patience_s) as patience:
            while (end := buffer.find(b"\n", searched)) < 0:
                searched = len(buffer)
                if searched > CONTROL_LINE_OCTETS:
                    self.errors += 1
                    told = f"a line of over {CONTROL_LINE_OCTETS} octets"
                    await _send(client, error_line(None, told))
                    raise _Gone
                chunk = await client.stream.receive_some(_CHUNK)
                if not chunk:
                    raise _Gone
                if not buffer:
                    patience.deadline = trio.current_time() + CONTROL_LINE_SECONDS
                buffer += chunk
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            return line
        raise _Gone

    async def _answer(self, client: _Client, line: bytes) -> None:
        if not line.strip():
            return
        try:
            request = request_untrusted(line, self._verbs)
        except NotUnderstood as error:
            await self._fail(client, error.id, str(error), is_misuse=True)
            return
        if told := self._objection(client, request):
            await self._fail(client, request.id, told)
            return
        self.requests += 1
        client.is_idle = request.verb.is_endless  # who but reads makes way, and ends with us
        try:
            await self._do(client, request)
        except ResolverError as error:
            drop_frames(error)
            is_misuse = isinstance(error, Misused)
            await self._fail(client, request.id, str(error), is_misuse=is_misuse)

    def _objection(self, client: _Client, request: Request) -> str:
        """Why *client* may not have *request* done; "" if it may."""
        right = client.right
        if request.token:
            if not _is_same(request.token, self._token()):
                return "the token is another one"
            right = Right.ACT
        if may(right, request.verb.right):
            return ""
        return f"{request.verb.name}: only root, and who is in control.admins, may do that"

    async def _do(self, client: _Client, request: Request) -> None:
        """Raises ResolverError where it is refused, or takes too long."""
        async with aclosing(self._perform(request)) as items:
            while (item := await _next(items)) is not None:
                line = reply_line(request.id, item)
                if len(line) > CONTROL_REPLY_OCTETS:
                    raise Refused(f"the reply has over {CONTROL_REPLY_OCTETS} octets")
                await _send(client, line)
        if request.verb.streams:
            await _send(client, reply_line(request.id, {"end": True}))

    async def _fail(
        self, client: _Client, id: Id, sentence: str, *, is_misuse: bool = False
    ) -> None:
        self.errors += 1
        await _send(client, error_line(id, sentence, is_misuse=is_misuse))


_PAUSE_S = 0.1  # after a failure to accept


async def _next(items: AsyncGenerator[Reply, None]) -> Reply | None:
    """The next of *items*, None behind the last. Raises Refused if it takes too long."""
    with trio.move_on_after(CONTROL_WORK_SECONDS):
        return await anext(items, None)
    raise Refused(f"it is not done within {CONTROL_WORK_SECONDS:g} s")


async def _send(client: _Client, line: bytes) -> None:
    """Raises _Gone if it is not read within CONTROL_SEND_SECONDS."""
    with trio.move_on_after(CONTROL_SEND_SECONDS) as patience:
        await client.stream.send_all(line)
    if patience.cancelled_caught:
        raise _Gone


def _is_same(shown: str, token: str) -> bool:
    """Compared in a time that tells nothing of where they differ; no token fits none."""
    given, wanted = shown.encode("utf-8", "replace"), token.encode()
    return bool(token) and hmac.compare_digest(given, wanted)


def _peer(accepted: trio.socket.SocketType) -> Peer:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return Peer(0, _NOBODY, _NOBODY)  # a system that does not tell: who can open it may look
    raw = accepted.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    return Peer(*_CREDENTIALS.unpack(raw))


_NOBODY: Final = 0xFFFFFFFF
