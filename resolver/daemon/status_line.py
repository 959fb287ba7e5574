"""The line that `systemctl status` shows of us (sd_notify(3), STATUS=), told as it changes.

What it serves, what it keeps, and whether the network is there. Numbers are round, so that a line
is sent when something has changed, not for every query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio

from resolver.config.endpoints import show
from resolver.daemon import host
from resolver.limits import STATUS_SECONDS
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.config.endpoints import Endpoint
    from resolver.daemon.bind import ListeningSockets
    from resolver.daemon.wiring import Parts

_DIGITS = 2  # that a number of records is told by
_MINUTE = 60.0


class Told(Protocol):
    """The process, as far as it is told of (`run.Daemon`)."""

    parts: Parts
    sockets: ListeningSockets

    @property
    def bound(self) -> list[Endpoint]: ...


def serving(places: Iterable[Endpoint], workers: int = 1) -> str:
    """Where questions are taken."""
    where = ", ".join(map(show, places)) or "nowhere"
    return f"serving on {where}" + (f", {workers} processes" if workers > 1 else "")


def status_line(daemon: Told, now: float) -> str:
    """How *daemon* is at *now*, in trio's seconds."""
    said = ["drained" if daemon.sockets.is_drained else serving(daemon.bound)]
    if daemon.sockets.missing:
        said.append(f"waiting for {', '.join(map(str, daemon.sockets.missing))}")
    said.append(f"{_about(len(daemon.parts.memory.rrsets))} records in the cache")
    public = daemon.parts.dispatcher.ways.public
    if public.is_cut(now):
        since = now if public.cut_since is None else public.cut_since
        minutes = (now - since) // _MINUTE * _MINUTE
        said.append(f"the network is away{f' for {duration(minutes)}' if minutes else ''}")
    return "; ".join(said)


def _about(count: int) -> str:
    """*count*, by its first digits."""
    unit = 10 ** max(len(str(count)) - _DIGITS, 0)
    return f"{count // unit * unit:,}"


async def keep_telling(daemon: Told) -> None:
    """Tell the service manager, if there is one, until cancelled."""
    told = ""
    while host.is_heard():
        line = status_line(daemon, trio.current_time())
        if line != told:
            host.notify(f"STATUS={line}")
            told = line
        await trio.sleep(STATUS_SECONDS)
