"""Several workers, one door: the worker that has it asks the others, and joins what they say.

A pair of sockets leads to each of the others, made before the fork and kept by their parent: one
that dies is followed by another on the same line. A message is a JSON object: *ask* with what a
client asked, *taken* at once, *item* for each reply, *next* when the last has been read, *stop*
when nobody wants more; *end* or *error* is the last. Whoever does not take a question up is dead or
stands still: it is told as missing, and nobody waits for it. Numbers begin at random: what was
meant for a worker that has died is nobody's.
"""

from __future__ import annotations

import os
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import trio

from resolver.errors import ResolverError, WireError, drop_frames
from resolver.limits import CONTROL_REPLY_OCTETS, CONTROL_WORK_SECONDS, CONTROL_WORKER_SECONDS
from resolver.operate.request import request_untrusted
from resolver.operate.verb import Refused

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from resolver.operate.perform import Perform
    from resolver.operate.request import Request
    from resolver.operate.verb import Reply, Verb

    Line = trio.socket.SocketType

_MOST: Final = CONTROL_REPLY_OCTETS + 1024


class Absent(ResolverError):
    """A worker does not take up what it is asked."""


class _Message(msgspec.Struct, frozen=True, omit_defaults=True):
    number: int
    kind: Literal["ask", "taken", "item", "next", "stop", "end", "error"]
    content: msgspec.Raw = msgspec.Raw(b"null")


async def _send(line: Line, message: _Message) -> bool:
    """False if it is not taken: nobody reads there."""
    with trio.move_on_after(CONTROL_WORKER_SECONDS) as patience:
        try:
            await line.send(msgspec.json.encode(message))
        except OSError as error:
            drop_frames(error)
            return False
    return not patience.cancelled_caught


async def _messages(line: Line) -> AsyncGenerator[_Message, None]:
    while True:
        try:
            yield msgspec.json.decode(await line.recv(_MOST), type=_Message)
        except msgspec.DecodeError:
            continue  # half a word of another version, that was here before


# --- who asks -------------------------------------------------------------------------------------


class Colleagues:
    """The other workers, by number, seen by the first."""

    def __init__(self, ends: Mapping[int, socket.socket]) -> None:
        self._lines = {worker: trio.socket.from_stdlib_socket(end) for worker, end in ends.items()}
        self._waiting: dict[int, trio.MemorySendChannel[_Message]] = {}
        self._number = int.from_bytes(os.urandom(6), "big")

    def __repr__(self) -> str:
        return f"<Colleagues {sorted(self._lines)}>"

    def __iter__(self) -> Iterator[int]:
        return iter(self._lines)

    async def run(self) -> None:
        """Hear what they say, until cancelled."""
        async with trio.open_nursery() as nursery:
            for line in self._lines.values():
                nursery.start_soon(self._hear, line)

    async def _hear(self, line: Line) -> None:
        with line:
            await self._hear_all(line)

    async def _hear_all(self, line: Line) -> None:
        async with aclosing(_messages(line)) as messages:
            async for message in messages:
                channel = self._waiting.get(message.number)
                if channel is not None:
                    try:
                        channel.send_nowait(message)
                    except trio.WouldBlock:
                        continue  # it says more than it was asked for

    async def items(self, worker: int, request: Request) -> AsyncGenerator[Reply, None]:
        """What *worker* replies to *request*. Raises Absent, and Refused as it does."""
        self._number += 1
        number, line = self._number, self._lines[worker]
        send, heard = trio.open_memory_channel[_Message](2)
        self._waiting[number] = send
        is_over = False
        try:
            if not await _send(line, _Message(number, "ask", msgspec.Raw(_asked(request)))):
                raise Absent(f"worker {worker} does not answer")
            await _within(CONTROL_WORKER_SECONDS, heard, worker)
            while True:
                message = await _within(CONTROL_WORK_SECONDS, heard, worker)
                is_over = message.kind in ("end", "error")
                if message.kind == "error":
                    raise Refused(msgspec.json.decode(message.content, type=str))
                if is_over:
                    return
                yield msgspec.json.decode(message.content)
                await _send(line, _Message(number, "next"))
        finally:
            del self._waiting[number]
            if not is_over:
                with trio.CancelScope(shield=True):
                    await _send(line, _Message(number, "stop"))


def _asked(request: Request) -> bytes:
    given: dict[str, Any] = msgspec.to_builtins(request.given)
    return msgspec.json.encode({"do": request.verb.name, **given})


async def _within(
    seconds: float, heard: trio.MemoryReceiveChannel[_Message], worker: int
) -> _Message:
    with trio.move_on_after(seconds):
        return await heard.receive()
    raise Absent(f"worker {worker} does not answer")


def joined(
    here: AsyncGenerator[Reply, None], others: Colleagues, request: Request
) -> AsyncGenerator[Reply, None]:
    """What all workers say to *request*: *here* is what this one does, first.

    One reply, by the verb's own way to merge; of a verb without an end one at a time, for as long
    as it is read; of one that says many things the items of each worker in turn, which say whose
    they are. Whoever does not answer, or fails, is told in `failed`.
    """
    if request.verb.is_endless:
        return _abreast(here, others, request)
    return (_in_turn if request.verb.streams else _at_once)(here, others, request)


async def _at_once(
    here: AsyncGenerator[Reply, None], others: Colleagues, request: Request
) -> AsyncGenerator[Reply, None]:
    async with aclosing(here):
        replies = {0: await anext(here)}
    failed: list[Reply] = []

    async def all_of(worker: int) -> None:
        try:
            async with aclosing(others.items(worker, request)) as items:
                replies[worker] = await anext(items)
        except ResolverError as error:
            failed.append(_failure(worker, error))

    async with trio.open_nursery() as nursery:
        for worker in others:
            nursery.start_soon(all_of, worker)
    assert request.verb.merge is not None  # noqa: S101  # else nobody asks the others
    reply = request.verb.merge([replies[worker] for worker in sorted(replies)])
    yield reply | ({"failed": failed} if failed else {})


async def _in_turn(
    here: AsyncGenerator[Reply, None], others: Colleagues, request: Request
) -> AsyncGenerator[Reply, None]:
    async with aclosing(here):
        async for item in here:
            yield {"worker": 0, **item}
    async with aclosing(said_by(others, request)) as items:
        async for item in items:
            yield item


async def said_by(others: Colleagues, request: Request) -> AsyncGenerator[Reply, None]:
    """What each of the others says to *request*, one after the other, and whose it is; of one that
    does not answer, or fails, `failed`."""
    for worker in others:
        try:
            async with aclosing(others.items(worker, request)) as items:
                async for item in items:
                    yield {"worker": worker, **item}
        except ResolverError as error:
            yield {"failed": [_failure(worker, error)]}


async def _abreast(
    here: AsyncGenerator[Reply, None], others: Colleagues, request: Request
) -> AsyncGenerator[Reply, None]:
    """One item of each, merged, then the next. Who does not answer is asked anew with the next:
    another process may be that worker by then."""
    merge = request.verb.merge
    assert merge is not None  # noqa: S101  # else nobody asks the others
    asked = {0: here}
    try:
        while True:
            for worker in others:
                if worker not in asked:
                    asked[worker] = others.items(worker, request)
            said = await _one_of_each(asked)
            replies = {who: one for who, one in said.items() if not isinstance(one, ResolverError)}
            failed = [
                _failure(who, one) for who, one in said.items() if isinstance(one, ResolverError)
            ]
            for one in failed:
                del asked[one["worker"]]
            if 0 not in asked:
                raise Refused(failed[0]["error"])
            yield merge([*replies.values()]) | ({"failed": failed} if failed else {})
    finally:
        for items in asked.values():
            await items.aclose()


async def _one_of_each(
    asked: Mapping[int, AsyncGenerator[Reply, None]],
) -> dict[int, Reply | ResolverError]:
    """What each says next, or why it does not: no later than CONTROL_WORKER_SECONDS after 0."""
    said: dict[int, Reply | ResolverError] = {
        worker: Absent(f"worker {worker} does not answer") for worker in asked
    }

    async def next_of(worker: int) -> None:
        try:
            said[worker] = await anext(asked[worker])
        except StopAsyncIteration:
            said[worker] = Absent(f"worker {worker} has ended")
        except ResolverError as error:
            said[worker] = error

    async with trio.open_nursery() as nursery:
        for worker in asked:
            if worker:
                nursery.start_soon(next_of, worker)
        await next_of(0)
        nursery.cancel_scope.deadline = trio.current_time() + CONTROL_WORKER_SECONDS
    return said


def _failure(worker: int, error: ResolverError) -> Reply:
    drop_frames(error)
    return {"worker": worker, "error": str(error)}


# --- who answers ----------------------------------------------------------------------------------


class Answering:
    """One of the others: carries out what the first asks."""

    def __init__(self, end: socket.socket, verbs: Mapping[str, Verb], perform: Perform) -> None:
        self._line = trio.socket.from_stdlib_socket(end)
        self._verbs = verbs
        self._perform = perform
        self._asked: dict[int, tuple[trio.Event, trio.CancelScope]] = {}

    def __repr__(self) -> str:
        return f"<Answering {len(self._asked)}>"

    async def run(self) -> None:
        """Until cancelled."""
        with self._line:
            await self._obey()

    async def _obey(self) -> None:
        async with trio.open_nursery() as nursery, aclosing(_messages(self._line)) as messages:
            async for message in messages:
                if message.kind == "ask":
                    nursery.start_soon(self._answer, message)
                elif message.number in self._asked:
                    event, scope = self._asked[message.number]
                    if message.kind == "next":
                        event.set()
                    else:
                        scope.cancel()

    async def _answer(self, message: _Message) -> None:
        number = message.number
        await self._say(number, "taken")
        try:
            with trio.CancelScope() as scope:
                self._asked[number] = trio.Event(), scope
                await self._reply(number, scope, request_untrusted(message.content, self._verbs))
                await self._say(number, "end")
        except (ResolverError, WireError) as error:
            drop_frames(error)
            await self._say(number, "error", str(error))
        finally:
            self._asked.pop(number, None)

    async def _reply(self, number: int, scope: trio.CancelScope, request: Request) -> None:
        async with aclosing(self._perform(request)) as items:
            async for item in items:
                self._asked[number] = wanted, _ = trio.Event(), scope
                await self._say(number, "item", item)
                with trio.move_on_after(CONTROL_WORK_SECONDS) as patience:
                    await wanted.wait()
                if patience.cancelled_caught:
                    raise Refused("nobody reads it")

    async def _say(self, number: int, kind: Any, content: object = None) -> None:
        raw = msgspec.json.encode(content)
        if len(raw) > CONTROL_REPLY_OCTETS:
            raise Refused(f"the reply has over {CONTROL_REPLY_OCTETS} octets")
        await _send(self._line, _Message(number, kind, msgspec.Raw(raw)))
