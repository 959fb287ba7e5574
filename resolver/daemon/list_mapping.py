"""A compiled file → a table that steps look into.

Workers map one file, and so share its memory. Who is alone maps a copy of its own in memory, which
is sealed: whoever cuts a mapped file short ends all who have mapped it (SIGBUS), and what one
process has for itself nobody else can cut.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.errors import WireError
from resolver.limits import LIST_FILE_OCTETS
from resolver.policy.list_file import Table
from resolver.policy.lists import patterns_of

if TYPE_CHECKING:
    from resolver.policy.lists import Pattern

_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


class Mapped(NamedTuple):
    """Ready to be used."""

    table: Table
    patterns: list[Pattern]


def mapped_untrusted(descriptor: int, *, is_shared: bool) -> Mapped:
    """What is compiled in an open file; a thread's work. Raises WireError; OSError."""
    size = os.fstat(descriptor).st_size
    if not 0 < size <= LIST_FILE_OCTETS:
        raise WireError(f"{size} octets are no compiled lists")
    if is_shared:
        data = mmap.mmap(descriptor, size, prot=mmap.PROT_READ)
    else:
        own = os.memfd_create("lists", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            at = 0
            while at < size and (sent := os.sendfile(own, descriptor, at, size - at)):
                at += sent
            with suppress(OSError):
                fcntl.fcntl(own, fcntl.F_ADD_SEALS, _SEALS)
            data = mmap.mmap(own, at, prot=mmap.PROT_READ)
        finally:
            os.close(own)
    table = Table.read_untrusted(data)
    data.madvise(mmap.MADV_DONTNEED)  # the look at all of it is over
    return Mapped(table, patterns_of(table))
