"""Are there open files enough to listen and to ask at all? Looked at by `serve` and by `check`."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from resolver.daemon.bind import wishes_of
from resolver.errors import CannotStart
from resolver.limits import DESCRIPTORS, DESCRIPTORS_LEAST
from resolver.upstream.udp import descriptor_limit, raise_descriptor_limit

if TYPE_CHECKING:
    from resolver.config.schema import Config


def count_descriptors(config: Config) -> None:
    """Have as many open files as the system grants.

    Raises CannotStart if they are fewer than it takes to listen and to ask at all.
    """
    raise_descriptor_limit()
    needed = DESCRIPTORS_LEAST + sum(1 for _ in wishes_of(config))
    allowed = descriptor_limit()
    if allowed < needed:
        raise CannotStart(
            f"only {allowed} open files are allowed (LimitNOFILE=, ulimit -n); at least {needed} "
            "are needed, a few hundred to serve many"
        )


def make_room_for_descriptors() -> None:
    """Have this process's table of open files as large as it may become.

    Linux doubles it, from 64 on, whenever it is full; in a process with threads it waits then for
    all processors (`synchronize_rcu`), 8 to 16 ms of which a hit waits each. Once, and before there
    are threads, it takes 50 µs, and 150 kB of the kernel's.
    """
    highest = min(descriptor_limit(), DESCRIPTORS) - 1
    with suppress(OSError):  # it only makes us quicker
        one = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.close(fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, highest))
        finally:
            os.close(one)
