"""What `check` says of `server.workers`: too many for the machine, or too few for the load.

The load is what a daemon tells that runs by this configuration, if one does and may be asked; else
nothing is said of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from resolver.cli.control_session import NoDaemon, Refusal, Session
from resolver.daemon.workers import worker_count
from resolver.limits import CHECK_ASK_SECONDS, PROCESSOR_FULL_PART
from resolver.operate import door_socket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config


def worker_notes(config: Config) -> Iterator[str]:
    """One sentence, if any."""
    workers, processors = worker_count(config.server.workers), worker_count("auto")
    if workers > processors:
        yield (
            f"server.workers is {workers}, and there {_are(processors)} here: more processes than "
            "that have smaller caches each, and are no faster"
        )
    elif workers < processors and (part := _busiest(config)) >= PROCESSOR_FULL_PART:
        which = "the daemon that runs" if workers == 1 else "one of its processes"
        yield (
            f"server.workers is {workers}, and {which} took {part:.0%} of a processor in its "
            f'busiest minute; there {_are(processors)} here: "auto" uses all of them'
        )


def _are(processors: int) -> str:
    return "is one processor" if processors == 1 else f"are {processors} processors"


def _busiest(config: Config) -> float:
    """The part of a processor that a process of the running daemon took at most; 0: who knows."""
    path = door_socket.path_of(config.control.socket, config.working_directory)
    with suppress(NoDaemon, Refusal, OSError):
        if path is not None and path.exists():
            with Session(path, CHECK_ASK_SECONDS) as session:
                gauges = session.ask("stats")["gauges"]
                return float(gauges.get("processor_part_busiest", 0.0))
    return 0.0
