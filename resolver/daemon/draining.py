"""Taking no more questions while the process goes on: its clients turn to another at once.

As at a reload that leaves no listener: what was asked is answered, and then the sockets are closed,
so that the kernel tells whoever comes that nobody is there. Counters, caches and the control socket
stay; a reload opens no listener until the daemon is told to listen again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from resolver.daemon.bind import close_all

if TYPE_CHECKING:
    from resolver.config.schema import Config
    from resolver.daemon.bind import Bound, ListeningSockets, Wish
    from resolver.daemon.listeners import Listeners


class Listening(Protocol):
    """The process, as far as it listens (`run.Daemon`)."""

    sockets: ListeningSockets
    listeners: Listeners
    nursery: trio.Nursery

    @property
    def config(self) -> Config: ...

    async def listen_later(self) -> None: ...


async def drain(daemon: Listening) -> None:
    """Returns when all that was asked is answered, or has had its time."""
    patience_s = daemon.config.resolution.query_timeout
    await close_each(daemon.listeners, daemon.sockets.let_go(), patience_s)


async def undrain(daemon: Listening) -> None:
    """Listen again, as it is configured by now. Raises ConfigError, and listens nowhere then."""
    if not daemon.sockets.is_drained:
        return
    plan = await daemon.sockets.plan_anew(daemon.config)
    daemon.sockets.adopt(plan, daemon.listeners)
    if daemon.sockets.missing:
        daemon.nursery.start_soon(daemon.listen_later)


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
