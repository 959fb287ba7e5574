"""Hits are served where the event loop would sleep: at home, waking up is what a hit costs.

At a few hundred queries a second each comes alone, and trio's way from a descriptor to a task and
back costs more than the answer. So, while hits come, trio's hook `before_io_wait` waits in the
loop's stead, for the listening sockets and for all that the loop waits for together. A hit is
answered on the spot; for everything else, a due timer say, the loop goes on. Nothing is delayed:
hits are served here only while no task can run.

A miss is begun here, too, and replies of servers are taken in; whom that wakes takes its step at
once (`runtime.steps`). Beside a flood, turns of the loop are what a miss waits for: of four that it
needed this leaves none. What is done here is not done once more by the task whose it is: a turn
gets no longer.

The loop's epoll and its queue are attributes of trio's that are not public. Where one is not found,
or where the platform has no eventfd, `watch_over` does nothing, and the listeners serve all the
same: slower, so a test says loudly when trio has moved it. `IS_ON` is the one switch for all this.
"""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING, Protocol

import trio

from resolver.limits import (
    IDLE_ALONE_SECONDS,
    IDLE_LOOK_ALONE_SECONDS,
    IDLE_LOOK_SECONDS,
    IDLE_SHORTEST_SECONDS,
)
from resolver.runtime.steps import loop_queue, may_step, run_woken, sleep_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sized

    from resolver.runtime.turns import Turns

IS_ON = True


class Watched(Protocol):
    """What serves one socket (`listen.udp.UdpService`), or all streams (`listen.readiness`); what
    takes in the replies of servers (`upstream.replies`).
    """

    queries: int
    is_serving: bool  # its own task will go on until nothing waits

    @property
    def has_waiting(self) -> bool:
        """True if misses wait for `drain`, or the loop has to have its turn."""

    def take_one(self) -> None:
        """Answer one datagram if it is a hit."""

    def take(self) -> bool:
        """Answer the hits that are there; True if more may be."""

    def begin_ahead(self) -> None:
        """Begin misses, so that `drain` need not at this turn of the loop."""

    def drain(self) -> bool:
        """As `take`, and begin misses; True if more may be."""


async def watch_over(services: Mapping[int, Watched], turns: Turns) -> None:
    """Serve hits of *services*, by descriptor, in the loop's sleep, until cancelled."""
    if not IS_ON or not services:
        return
    loop_fd, queue = loop_descriptor(), loop_queue()
    if loop_fd is None or queue is None:
        return
    try:
        bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    except OSError:  # no descriptor is left, or a sandbox forbids it: it only makes us quicker
        return
    try:
        watch = Watch(services, turns, loop_fd, bell, queue, steps=may_step())
    except OSError:
        os.close(bell)
        return
    trio.lowlevel.add_instrument(watch)
    try:
        while True:
            await trio.lowlevel.wait_readable(bell)
            os.eventfd_read(bell)
            while _have_a_turn(services.values()):
                await trio.lowlevel.checkpoint()
    finally:
        turns.number = 0
        turns.end()
        trio.lowlevel.remove_instrument(watch)
        watch.close()
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
    """Waits for the listening sockets and the loop's own epoll at once, in an epoll that is told of
    them once: poll(2), told at each call, makes a hit that comes alone dearer. Raises OSError.

    *bell* wakes the loop; *queue*: whoever is in it has been woken by what was served. *steps*: the
    tasks among them that clients wait for are run at once.
    """

    def __init__(
        self,
        services: Mapping[int, Watched],
        turns: Turns,
        loop_fd: int,
        bell: int,
        queue: Sized,
        *,
        steps: bool = False,
    ) -> None:
        self._services = services
        self._turns = turns
        self._bell = bell
        self._queue = queue
        self._steps = steps
        self._has_stepped = False
        self._served_at = 0.0
        self._is_crowded = False  # several queries come together
        self._all = select.epoll()
        for fd in (loop_fd, *services):
            self._all.register(fd, select.EPOLLIN)
        self._most = 1 + len(services)
        self._loop = select.poll()
        self._loop.register(loop_fd, select.POLLIN)

    def close(self) -> None:
        """It is not to be used any more."""
        self._all.close()

    def before_io_wait(self, timeout: float) -> None:
        """Serve hits until there is something else to do, *timeout* seconds at most."""
        try:
            self._turns.number += 1
            if self._turns.ending:
                self._turns.end()
            if self._turns.are_hits:
                self._serve_all(timeout)
        except BaseException:
            self._turns.number = 0  # trio takes us out: nobody counts any more
            self._turns.end()
            raise

    def _serve_all(self, timeout: float) -> None:
        if timeout < IDLE_SHORTEST_SECONDS:
            self._serve_first()
            if timeout > 0 and self._queue:
                os.eventfd_write(self._bell, 1)
            return
        began = time.monotonic()
        ends_at, looked_at = began + timeout, began
        while self._serve(timeout):
            # Who had to be waited for came while the loop had nothing to do, for it ends a wait
            # too; only of whom there are many one is ready at any time.
            seldom = IDLE_LOOK_SECONDS if self._is_crowded else IDLE_LOOK_ALONE_SECONDS
            if self._served_at >= looked_at + seldom:
                if self._loop.poll(0):
                    return
                looked_at = self._served_at
            timeout = ends_at - self._served_at
            if self._has_stepped:
                self._has_stepped = False
                if self._loop.poll(0):  # a step takes fifty times as long as a hit
                    return
                timeout = min(timeout, sleep_seconds())
                ends_at = self._served_at + timeout

    def _serve_first(self) -> None:
        """The loop is busy: hits need not wait until a task's turn comes."""
        for service in self._services.values():
            known = len(self._queue)
            service.take()
            service.begin_ahead()
            self._run_woken(known)
            if service.has_waiting and not service.is_serving:
                os.eventfd_write(self._bell, 1)

    def _serve(self, timeout_s: float) -> bool:
        """Wait once, and answer the hits that came; False if the loop has to go on."""
        ready = self._all.poll(timeout_s, self._most) if timeout_s > 0 else []
        if not ready:
            os.eventfd_write(self._bell, 1)  # a timer is due, and the loop would sleep once more
            return False
        now = time.monotonic()
        if now - self._served_at < IDLE_ALONE_SECONDS:
            self._is_crowded = True
        self._served_at = now
        self._turns.number += 1
        is_served = False
        for fd, _ in ready:
            service = self._services.get(fd)
            if service is None:
                continue  # the loop's own; ours make it readable too
            is_served, is_flood = True, False
            if self._is_crowded:
                is_flood = self._take_batch(service)
            else:
                service.take_one()
            if (service.has_waiting or self._queue) and not self._is_done_with(service):
                os.eventfd_write(self._bell, 1)
                return False
            if is_flood:
                return False  # the loop finds the socket readable
        return is_served

    def _is_done_with(self, service: Watched) -> bool:
        """Begin misses, and run whom they and replies woke: is nothing left for the loop?"""
        service.begin_ahead()
        self._run_woken(0)
        self._has_stepped = self._steps  # so timers may have been set
        return self._steps and not self._queue and not service.has_waiting

    def _run_woken(self, known: int) -> None:
        """Who was not in the queue when so many were."""
        if self._steps and len(self._queue) > known:
            run_woken(known, self._turns.prompt)
        if self._turns.ending:
            self._turns.end()

    def _take_batch(self, service: Watched) -> bool:
        """As `take`; where that found one query alone, the next is expected alone."""
        before = service.queries
        is_more = service.take()
        self._is_crowded = service.queries > before + 1
        return is_more
