"""Which streams have something to read: one look for all of them, and most need no task.

trio waits for a socket anew each time, and a turn of its loop comes between what is there and who
reads it; with one question at a time that was most of what a hit over TCP or TLS costs. Here a
stream is registered once, with what is to be done when octets have come; its task sleeps on until
there is something that needs it. One task looks for all, or `idle_loop` in the loop's sleep, as it
does for datagrams. Where there is no epoll, tasks wait for their streams themselves, as they do for
streams without a socket.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections import deque
from typing import TYPE_CHECKING

import trio

from resolver.limits import STREAMS_AT_ONCE, TCP_ROUND_HITS
from resolver.runtime.tls_stream import TlsStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.runtime.turns import Rounds

    Hear = Callable[[], bool]
    # What has come, so many octets at most, and whether more is to be had from the stream's own
    # `receive_some` only: its end, say. Never waits. Raises BrokenResourceError.
    ReceiveNow = Callable[[int], tuple[bytes, bool]]


class Readiness:
    """The streams of a process; see `idle_loop.Watched`. *rounds*: how much they may do at once."""

    has_waiting = False  # what is not done at once is a task's that was woken

    def __init__(self, rounds: Rounds) -> None:
        self.queries = 0  # times that something had come
        self.is_serving = False
        self._rounds = rounds
        self._epoll: select.epoll | None = None
        self._waiting: dict[int, tuple[Hear, trio.lowlevel.Task]] = {}
        self._ready: deque[int] = deque()  # who had no turn yet

    def __repr__(self) -> str:
        return f"<Readiness of {len(self._waiting)} streams>"

    def open(self) -> int:
        """The descriptor that is readable while any stream is; -1 where there can be none.

        `run` has to follow.
        """
        with contextlib.suppress(AttributeError, OSError):  # not Linux; no descriptor is left
            self._epoll = select.epoll()
        return -1 if self._epoll is None else self._epoll.fileno()

    async def run(self) -> None:
        """Serve them until cancelled."""
        if self._epoll is None:
            return
        try:
            while True:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                self.is_serving = True
                while self.drain():
                    await trio.lowlevel.checkpoint()
                self.is_serving = False
        finally:
            for fd in list(self._waiting):
                self._wake(fd)
            self._epoll.close()
            self._epoll = None

    def of(self, stream: trio.abc.Stream) -> Heard | None:
        """*stream*, to be waited for here; None if it cannot be."""
        carrier = stream.transport if isinstance(stream, TlsStream) else stream
        if self._epoll is None or not isinstance(carrier, trio.SocketStream):
            return None
        fd = carrier.socket.fileno()
        receive = stream.receive_now if isinstance(stream, TlsStream) else _receiver(fd)
        return Heard(self, fd, receive)

    # --- waiting ---------------------------------------------------------------------------------

    async def wait(self, fd: int, hear: Hear) -> None:
        """Have *hear* called whenever there is something to read, until it says that it needs its
        task: this one. It is called at once, too, for what was read but not heard.
        """
        if self._epoll is None or not hear():
            await trio.lowlevel.checkpoint()
            return
        try:
            self._epoll.register(fd, select.EPOLLIN)
        except OSError:  # the kernel has no room for one more
            await trio.lowlevel.wait_readable(fd)
            return
        self._waiting[fd] = hear, trio.lowlevel.current_task()

        def leave(_: object) -> trio.lowlevel.Abort:
            self._forget(fd)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)

    def _forget(self, fd: int) -> None:
        del self._waiting[fd]
        if self._epoll is not None:
            self._epoll.unregister(fd)

    def _wake(self, fd: int) -> None:
        _, task = self._waiting[fd]
        self._forget(fd)
        trio.lowlevel.reschedule(task)

    # --- serving ---------------------------------------------------------------------------------

    def take_one(self) -> None:
        """Hear one stream out."""
        self._take(1)

    def take(self) -> bool:
        """Hear a few; True if there may be more."""
        return self._take(STREAMS_AT_ONCE)

    drain = take

    def begin_ahead(self) -> None:
        """Nothing: what comes is begun where it is read."""

    def _take(self, most: int) -> bool:
        if self._epoll is None or not self._waiting:
            return False
        rounds, ready, before = self._rounds, self._ready, self.queries
        if rounds.left < TCP_ROUND_HITS:
            rounds.renew()
        if not ready:
            polled = self._epoll.poll(0, most)
            if len(polled) == 1:
                self._hear(polled[0][0])
                return most == 1
            ready.extend(fd for fd, _ in polled)
        is_more = len(ready) >= most
        while ready and rounds.left > 0 and self.queries - before < most:
            self._hear(ready.popleft())
        return is_more or bool(ready)

    def _hear(self, fd: int) -> None:
        waiting = self._waiting.get(fd)
        if waiting is None:  # let go of meanwhile
            return
        self.queries += 1
        if not waiting[0]() and self._waiting.get(fd) is waiting:
            self._wake(fd)


class Heard:
    """One stream of a `Readiness`."""

    __slots__ = ("_fd", "_readiness", "receive")

    def __init__(self, readiness: Readiness, fd: int, receive: ReceiveNow) -> None:
        self._readiness = readiness
        self._fd = fd
        self.receive = receive

    async def wait(self, hear: Hear) -> None:
        """See `Readiness.wait`; to be cancelled before the stream is closed."""
        await self._readiness.wait(self._fd, hear)


def _receiver(fd: int) -> ReceiveNow:
    """Reads a socket by its descriptor: not to be called once it is closed."""

    def receive(most: int) -> tuple[bytes, bool]:
        try:
            octets = os.read(fd, most)  # non-blocking, as all of trio's are
        except BlockingIOError:
            return b"", False
        except OSError as error:
            raise trio.BrokenResourceError(error.strerror) from None
        return octets, not octets

    return receive
