"""What a thread has had to do with disks, as the kernel counts it: waits, and octets for writing.

Linux and FreeBSD count for each thread; elsewhere the process' numbers stand in, log and all. Where
nothing is counted, or the file lies in memory, both stay 0.
"""

from __future__ import annotations

import resource
from typing import Final

_WHO: Final[int] = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
_BLOCK_OCTETS: Final = 512  # getrusage(2): whatever the disk's own are


def disk_reads() -> int:
    """How often this thread has waited for a disk."""
    return resource.getrusage(_WHO).ru_inblock


def octets_written() -> int:
    """How much this thread has had written to disk. Pages written again before they went count
    once, as they do for the disk."""
    return resource.getrusage(_WHO).ru_oublock * _BLOCK_OCTETS
