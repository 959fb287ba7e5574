"""A process of our own for one job, from within: it comes after all else, and ends with its parent.

The other side is `daemon.child`.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from resolver.limits import WORKER_BEAT_SECONDS

LOWEST: Final = 19  # of nice(2)
_FIRST_TO_GO: Final = "1000"  # where memory runs out (proc(5), oom_score_adj)


def begin(parent: int, weight: int = LOWEST) -> None:
    """From here on: niced by *weight*, the first to go for memory, gone when *parent* is.

    The kernel's death signal would not do: it comes with the end of the *thread* that made us.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with suppress(OSError):  # which a service may be forbidden (systemd's @resources)
        os.nice(weight)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, "ascii")


def spent() -> tuple[float, int]:
    """Seconds of CPU that this process has used, and octets of memory at the most."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss << 10


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WORKER_BEAT_SECONDS)
    os._exit(1)
