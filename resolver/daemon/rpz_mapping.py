"""A file's octets → a table that steps look into.

Workers map one file, and so share its memory, as they do with lists. Who is alone maps a file of
its own in memory, sealed: whoever cuts a mapped file short ends all who have mapped it (SIGBUS),
and what one process has for itself nobody else can cut.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from resolver.errors import WireError
from resolver.limits import RPZ_OCTETS
from resolver.policy.rpz_table import Table

if TYPE_CHECKING:
    from resolver.daemon.state import StateDirectory

_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def fresh_file() -> int:
    """A file in memory that has no name. Raises OSError."""
    return os.memfd_create("rpz", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def mapped_untrusted(descriptor: int) -> Table:
    """The table in a file that nobody writes to any more. A thread's work.

    Raises WireError, OSError.
    """
    size = os.fstat(descriptor).st_size
    if not 0 < size <= RPZ_OCTETS:
        raise WireError(f"{size} octets are no policy zone")
    with suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    data = mmap.mmap(descriptor, size, prot=mmap.PROT_READ)
    table = Table.read_untrusted(data)
    data.madvise(mmap.MADV_DONTNEED)  # the look at all of it is over
    return table


def shared_kept(state: StateDirectory, name: str) -> int:
    """What is kept as *name*, opened. Raises OSError."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    return os.open(name, flags, dir_fd=state.descriptor)


def own_kept(state: StateDirectory, name: str) -> int:
    """A copy of it in a file of our own. A thread's work. Raises OSError."""
    kept = shared_kept(state, name)
    try:
        out = fresh_file()
        size, at = min(os.fstat(kept).st_size, RPZ_OCTETS + 1), 0
        while at < size and (sent := os.sendfile(out, kept, at, size - at)):
            at += sent
    finally:
        os.close(kept)
    return out
