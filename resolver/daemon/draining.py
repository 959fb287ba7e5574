"""Taking no more questions while the process goes on: its clients turn to another at once.

As at a reload that leaves no listener: what was asked is answered, and then the sockets are closed,
so that the kernel tells whoever comes that nobody is there. Counters, caches and the control socket
stay; a reload opens no listener until the daemon is told to listen again.

Where somebody asks for health, and has traffic sent elsewhere when it is told so, clients need not
turn: health says no, the route moves, and who comes until then is answered. Only when nobody has
come for a while, or the grace is over, the sockets are closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from resolver.daemon.bind import close_all
from resolver.daemon.self_probe import heard_at
from resolver.limits import (
    DRAIN_LEAST_SECONDS,
    DRAIN_LOOK_SECONDS,
    DRAIN_QUIET_SECONDS,
    DRAIN_SECONDS,
    LEAVING_LOOK_SECONDS,
)
from resolver.listen.tcp import StreamService
from resolver.listen.udp_socket import PlainUdpSocket

if TYPE_CHECKING:
    from resolver.config.schema import Config
    from resolver.daemon.bind import Bound, ListeningSockets, Wish
    from resolver.daemon.health import Health
    from resolver.daemon.listeners import Listeners
    from resolver.listen.admission import Admission
    from resolver.telemetry.shared_counters import Slot


class Listening(Protocol):
    """The process, as far as it listens (`run.Daemon`)."""

    sockets: ListeningSockets
    listeners: Listeners
    nursery: trio.Nursery
    health: Health | None
    slot: Slot | None

    @property
    def config(self) -> Config: ...

    async def listen_later(self) -> None: ...


async def drain(daemon: Listening, grace_s: float = 0.0) -> bool:
    """Returns when all that was asked is answered, or has had its time; False if it was undone
    meanwhile. Who comes is answered for *grace_s* at most, where somebody asks for health."""
    sockets, patience_s = daemon.sockets, daemon.config.resolution.query_timeout
    sockets.is_leaving = True
    if grace_s and daemon.health is not None and daemon.health.is_watched:
        await _until_gone(daemon, grace_s)
    if not sockets.is_leaving:
        return False
    _say(daemon, is_drained=True)
    await close_each(daemon.listeners, sockets.let_go(), patience_s)
    return True


def _say(daemon: Listening, *, is_drained: bool) -> None:
    """For who comes after a worker that dies meanwhile."""
    if daemon.slot is not None:
        daemon.slot.is_drained = is_drained


async def _until_gone(daemon: Listening, grace_s: float) -> None:
    """Returns when nobody comes any more, after *grace_s* at the latest."""
    began = last_at = trio.current_time()
    heard = _heard(daemon)
    with trio.move_on_after(grace_s):
        while daemon.sockets.is_leaving and not daemon.sockets.is_drained:
            await trio.sleep(DRAIN_LOOK_SECONDS)
            now, count = trio.current_time(), _heard(daemon)
            if count != heard:
                heard, last_at = count, now
            if now - began >= DRAIN_LEAST_SECONDS and now - last_at >= DRAIN_QUIET_SECONDS:
                return


def _heard(daemon: Listening) -> int:
    return sum(map(heard_at, daemon.listeners.services.values()))


async def hand_on(daemon: Listening) -> None:
    """Leave the ports to the other workers: they get what comes from now on. Returns when what had
    come here is answered, or has had its time.

    A connection that is made at this very moment may be cut off by the kernel, unless its
    net.ipv4.tcp_migrate_req is 1.
    """
    sockets, patience_s = daemon.sockets, daemon.config.resolution.query_timeout
    gone = sockets.let_go()
    for bound in gone.values():
        if isinstance(bound, PlainUdpSocket):
            bound.stand_aside()
    for wish in gone:
        service = daemon.listeners.services.get(wish)
        if isinstance(service, StreamService):
            await service.accept_no_more()
            await close_all([gone[wish]])
    await trio.sleep(LEAVING_LOOK_SECONDS)  # what was on its way through the kernel is there by now
    await close_each(daemon.listeners, gone, patience_s)


async def undrain(daemon: Listening) -> None:
    """Listen again, as it is configured by now. Raises ConfigError, and listens nowhere then."""
    sockets = daemon.sockets
    plan = await sockets.plan_anew(daemon.config) if sockets.is_drained else None
    sockets.is_leaving = False
    _say(daemon, is_drained=False)
    if plan is None:
        return
    sockets.adopt(plan, daemon.listeners)
    if daemon.sockets.missing:
        daemon.nursery.start_soon(daemon.listen_later)


async def drained(admission: Admission) -> None:
    """Returns when nothing is in flight, after DRAIN_SECONDS at the latest."""
    with trio.move_on_after(DRAIN_SECONDS):
        while admission.in_flight:  # noqa: ASYNC110  # once in a life, for seconds at most
            await trio.sleep(LEAVING_LOOK_SECONDS)


async def close_each(listeners: Listeners, gone: dict[Wish, Bound], patience_s: float) -> None:
    """Answer what was asked at each, and close it at once: what comes to it unread is lost."""

    async def close(wish: Wish, bound: Bound) -> None:
        try:
            await listeners.drop(wish, patience_s)
        finally:
            with trio.CancelScope(shield=True):
                await close_all([bound])

    async with trio.open_nursery() as nursery:
        for wish, bound in gone.items():
            nursery.start_soon(close, wish, bound)
