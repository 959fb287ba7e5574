"""Memory for the page's timeline, which outlives the page's process and nothing else.

Its size is sealed: whoever has it can neither cut it short, which would kill a reader with SIGBUS,
nor have it grow.
"""

from __future__ import annotations

import fcntl
import os

from resolver.operate.timeline import OCTETS


def history_memory() -> int:
    """A descriptor of it, empty."""
    memory = os.memfd_create("page-timeline", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, OCTETS)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return memory
