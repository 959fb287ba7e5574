"""What a kernel says of memory, in files of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MEBI = 1 << 20


def machine(root: Path, files: dict[str, str] | None = None) -> Path:
    """A root directory with *files*, and a gibibyte of memory, half of it available."""
    told = {
        "proc/meminfo": "MemTotal:    1048576 kB\nMemFree:  1000 kB\nMemAvailable: 524288 kB\n",
        "proc/self/statm": "30000 12800 5000 1 0 10000 0\n",
        **(files or {}),
    }
    for name, text in told.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def grouped(root: Path, *, limit: int, used: int, stat: str = "") -> Path:
    """The same in a cgroup of version 2."""
    place = "sys/fs/cgroup/a"
    return machine(
        root,
        {
            "proc/self/cgroup": "0::/a\n",
            f"{place}/memory.max": f"{limit}\n",
            f"{place}/memory.current": f"{used}\n",
            f"{place}/memory.stat": stat,
        },
    )
