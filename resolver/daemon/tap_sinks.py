"""Where dnstap messages go: a receiver behind a socket, or a file. Both take frames, in order."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import trio

from resolver.errors import WireError
from resolver.limits import (
    DNSTAP_FILE_OCTETS,
    DNSTAP_HELLO_SECONDS,
    DNSTAP_SEND_SECONDS,
)
from resolver.telemetry import frame_stream
from resolver.telemetry.frame_stream import ACCEPT, HEAD_OCTETS, READY, START, STOP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.config.tap_target import TapTarget

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
_PRIVATE: Final = 0o600


class Sink(Protocol):
    """Takes frames."""

    async def send(self, octets: bytes) -> None:
        """Raises OSError, trio's resource errors, or TooSlowError."""


@asynccontextmanager
async def opened(target: TapTarget, worker: int) -> AsyncIterator[Sink]:
    """What takes frames for *target*, for as long as the block.

    Raises OSError, trio's resource errors, TooSlowError, or WireError where somebody else is there.
    """
    if target.file:
        path = f"{target.file}.{worker}" if worker else target.file
        file = _File(path)
        try:
            await file.open()
            yield file
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(file.close)
        return
    with trio.fail_after(DNSTAP_HELLO_SECONDS):
        stream = await _connected(target)
    try:
        with trio.fail_after(DNSTAP_HELLO_SECONDS):
            await _greet(stream)
        yield _Receiver(stream)
    finally:
        with (
            trio.move_on_after(DNSTAP_HELLO_SECONDS, shield=True),
            suppress(trio.BrokenResourceError),
        ):
            await stream.send_all(STOP)
        await trio.aclose_forcefully(stream)


async def _connected(target: TapTarget) -> trio.SocketStream:
    if target.endpoint is None:
        return await trio.open_unix_socket(target.socket)
    return await trio.open_tcp_stream(*target.endpoint)


async def _greet(stream: trio.SocketStream) -> None:
    """READY, ACCEPT, START."""
    await stream.send_all(READY)
    length = frame_stream.length_untrusted(await _exactly(stream, HEAD_OCTETS))
    kind = frame_stream.control_untrusted(await _exactly(stream, length))
    if kind != ACCEPT:
        raise WireError("the receiver does not accept")
    await stream.send_all(START)


async def _exactly(stream: trio.SocketStream, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        more = await stream.receive_some(count - len(octets))
        if not more:
            raise WireError("the receiver hung up")
        octets += more
    return octets


class _Receiver:
    """Behind a socket, and greeted."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def send(self, octets: bytes) -> None:
        with trio.fail_after(DNSTAP_SEND_SECONDS):
            await self._stream.send_all(octets)


class _File:
    """Begun anew at each start; one that is full is kept as PATH.old, until the next is.

    What is no file, such as a pipe or /dev/null, is never full.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1
        self._most = 0
        self._size = 0

    async def open(self) -> None:
        await trio.to_thread.run_sync(self._open)

    async def send(self, octets: bytes) -> None:
        await trio.to_thread.run_sync(self._write, octets, abandon_on_cancel=True)

    def close(self) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):
                os.write(self._descriptor, STOP)
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        self._descriptor = os.open(self._path, _FLAGS, _PRIVATE)
        is_file = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        self._most = DNSTAP_FILE_OCTETS if is_file else sys.maxsize
        self._size = os.write(self._descriptor, START)

    def _write(self, octets: bytes) -> None:
        if self._size + len(octets) > self._most:
            self.close()
            Path(self._path).replace(f"{self._path}.old")
            self._open()
        self._size += len(octets)
        while octets:
            octets = octets[os.write(self._descriptor, octets) :]
