"""Hits are served where the event loop would sleep: at home, waking up is what a hit costs.

At a few hundred queries a second each comes alone, and trio's way from a descriptor to a task and
back costs more than the answer. So, while hits come, trio's hook `before_io_wait` waits in the
loop's stead, for the listening sockets and for all that the loop waits for together. A hit is
answered on the spot; for everything else, a miss or a due timer, the loop goes on. Nothing is
delayed: hits are served here only while no task can run.

The loop's epoll is an attribute of trio's that is not public. Where it is not found, or where the
platform has no eventfd, `watch_over` does nothing, and the listeners serve all the same: slower, so
a test says loudly when trio has moved it. `IS_ON` is the one switch for all of this.
"""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING, Protocol

import trio

from resolver.limits import IDLE_ALONE_SECONDS, IDLE_SHORTEST_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resolver.runtime.turns import Turns

IS_ON = True


class Watched(Protocol):
    """What serves one socket (`listen.udp.UdpService`)."""

    queries: int
    is_serving: bool  # its own task will go on until nothing waits

    @property
    def has_waiting(self) -> bool:
        """True if misses wait for `drain`."""

    def take_one(self) -> None:
        """Answer one datagram if it is a hit."""

    def take(self) -> bool:
        """Answer the hits that are there; True if more may be."""

    def drain(self) -> bool:
        """The same, and begin misses; True if more may be."""


async def watch_over(services: Mapping[int, Watched], turns: Turns) -> None:
    """Serve hits of *services*, by descriptor, in the loop's sleep, until cancelled."""
    loop_fd = loop_descriptor() if IS_ON and services else None
    if loop_fd is None:
        return
    try:
        bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    except OSError:  # no descriptor is left, or a sandbox forbids it: it only makes us quicker
        return
    watch = Watch(services, turns, loop_fd, bell)
    trio.lowlevel.add_instrument(watch)
    try:
        while True:
            await trio.lowlevel.wait_readable(bell)
            os.eventfd_read(bell)
            while _have_a_turn(services.values()):
                await trio.lowlevel.checkpoint()
    finally:
        trio.lowlevel.remove_instrument(watch)
        os.close(bell)


def _have_a_turn(services: Iterable[Watched]) -> bool:
    """One turn for each service whose own task is not at it; is there more?"""
    is_more = False
    for service in services:
        if not service.is_serving:
            is_more |= service.drain()
    return is_more


def loop_descriptor() -> int | None:
    """The descriptor of the running loop's epoll, which is readable when the loop must wake."""
    if not hasattr(os, "eventfd"):
        return None
    try:
        epoll = trio._core._run.GLOBAL_RUN_CONTEXT.runner.io_manager._epoll  # noqa: SLF001
        return int(epoll.fileno())
    except AttributeError:
        return None


class Watch(trio.abc.Instrument):
    """Waits for the listening sockets and the loop's own epoll at once. *bell* wakes the loop."""

    def __init__(
        self, services: Mapping[int, Watched], turns: Turns, loop_fd: int, bell: int
    ) -> None:
        self._services = services
        self._turns = turns
        self._bell = bell
        self._served_at = 0.0
        self._is_crowded = False  # several queries come together
        self._poll = select.poll()
        for fd in (loop_fd, *services):
            self._poll.register(fd, select.POLLIN)

    def before_io_wait(self, timeout: float) -> None:
        """Serve hits until there is something else to do, *timeout* seconds at most."""
        if not self._turns.is_short:
            return
        if timeout < IDLE_SHORTEST_SECONDS:
            self._serve_first()
            return
        ends_at = time.monotonic() + timeout
        while self._serve(timeout):
            timeout = ends_at - self._served_at

    def _serve_first(self) -> None:
        """The loop is busy: hits need not wait until a task's turn comes."""
        for service in self._services.values():
            service.take()
            if service.has_waiting and not service.is_serving:
                os.eventfd_write(self._bell, 1)

    def _serve(self, timeout_s: float) -> bool:
        """Wait once, and answer the hits that came; False if the loop has to go on."""
        ready = self._poll.poll(timeout_s * 1000) if timeout_s > 0 else []
        if not ready:
            os.eventfd_write(self._bell, 1)  # a timer is due, and the loop would sleep once more
            return False
        now = time.monotonic()
        if now - self._served_at < IDLE_ALONE_SECONDS:
            self._is_crowded = True
        self._served_at = now
        is_served = False
        for fd, _ in ready:
            service = self._services.get(fd)
            if service is None:
                continue  # the loop's own; ours make it readable too
            is_served = True
            if not self._is_crowded:
                service.take_one()
            elif self._take_batch(service):
                return False  # a flood: the loop finds the socket readable
            if service.has_waiting:
                os.eventfd_write(self._bell, 1)
                return False
        return is_served

    def _take_batch(self, service: Watched) -> bool:
        """As `take`; where that found one query alone, the next is expected alone."""
        before = service.queries
        is_more = service.take()
        self._is_crowded = service.queries > before + 1
        return is_more
