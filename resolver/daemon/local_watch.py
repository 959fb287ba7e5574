"""Hosts and lease files while the daemon runs: looked at every few seconds (`local_files`)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import trio

from resolver.limits import LOCAL_LOOK_SECONDS
from resolver.policy.local_table import drained
from resolver.runtime.clock import SystemClock
from resolver.runtime.rests import Rests

if TYPE_CHECKING:
    from resolver.config.schema import Config
    from resolver.daemon.local_files import LocalFiles
    from resolver.daemon.wiring import Parts
    from resolver.policy.local_table import Table

_log = logging.getLogger(__name__)


class Following(Protocol):
    """The process (`run.Daemon`), as far as its files need it."""

    parts: Parts
    is_first: bool


async def keep_local_files(daemon: Following) -> None:
    """Have what the files say, a few seconds after they say it, until cancelled."""
    files = daemon.parts.base.local_files
    files.tells = daemon.is_first
    while True:
        tell_lines(files)
        await trio.sleep(LOCAL_LOOK_SECONDS)
        parts = daemon.parts
        gone = await refreshed(parts)
        follow(daemon.parts)  # a reload may have come between
        await free(gone)


def tell_lines(files: LocalFiles) -> None:
    """What does not parse, once."""
    said, files.said = files.said, []
    for sentence in said if files.tells else ():
        _log.warning("%s", sentence)


def follow(parts: Parts) -> None:
    """Have what was read last; packets that were made of other names are forgotten."""
    data = parts.stock.local
    if data is not None and data.follow(parts.base.local_files.tables(parts.config)):
        parts.packets.flush()


async def free(tables: list[Table]) -> None:
    """Give back what nobody looks at any more, in slices."""
    rests = Rests()
    for table in tables:
        for _ in drained(table):
            await rests.turn()


async def refreshed(parts: Parts, config: Config | None = None) -> list[Table]:
    """`LocalFiles.refresh`, for *config* if it is another; from a thread where time is real."""
    files, is_real = parts.base.local_files, isinstance(parts.clock, SystemClock)
    return await files.refresh(config or parts.config, in_thread=is_real)
