"""What /proc says of a process and of all it has started."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def family(pid: int) -> list[int]:
    """*pid* and the processes below it, parents first."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in children.read_text("ascii").split()]
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds of the one process so far, all its threads.

    From schedstat, in nanoseconds: the ticks of `stat` are too coarse for low rates.
    """
    spent = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        spent += int((thread / "schedstat").read_text("ascii").split()[0])
    return spent / 1e9


def rss_octets(pid: int) -> int:
    """Resident memory of the one process now."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf(
        "SC_PAGE_SIZE"
    )
