"""What the kernel says of memory: how much we take, how much is left, who waits for it.

Left is what a cgroup's limit (ours, or one above) leaves when all that can be taken back is taken
back: what is over it is killed. Without such limits it is what the machine has available. Who waits
is told by PSI, the cgroup's own or else the machine's; where the kernel keeps none nobody waits.
Every look reads anew; what is not there says nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from resolver.limits import MEMORY_MACHINE_FACTOR
from resolver.runtime.cgroups import groups, text_of

_FAR: Final = 0.85  # of a limit in use, below which nobody asks what could be taken back
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class MemorySigns:
    """Of this process, its cgroups and the machine, below *root*. *sharers*: how many processes
    have the memory together that it shares."""

    def __init__(self, root: Path = Path("/"), *, sharers: int = 1) -> None:
        self._root = root
        self._sharers = sharers
        found = list(groups(root))
        self._groups = [one for one in found if (one.place / one.usage).exists()]
        places = [*(one.pressure() for one in found), root / "proc/pressure/memory"]
        self._pressure = next((place for place in places if text_of(place)), None)
        self._waited_us = 0
        self._looked_at: float | None = None

    def __repr__(self) -> str:
        return f"<MemorySigns of {len(self._groups)} cgroups, PSI {self._pressure}>"

    def resident(self) -> int:
        """Octets of the machine's memory that this process takes, its part of what it shares with
        others of its kind included; 0 where nobody tells."""
        fields = text_of(self._root / "proc/self/statm").split()
        octets = int(fields[1]) * _PAGE if len(fields) > 1 and fields[1].isdigit() else 0
        return octets - self._of_others() if self._sharers > 1 else octets

    def _of_others(self) -> int:
        """Of shared memory that it sees (proc(5), RssShmem), what the others answer for."""
        shared = _line(text_of(self._root / "proc/self/status"), "RssShmem:") or 0
        return (shared << 10) * (self._sharers - 1) // self._sharers

    def left(self) -> float:
        """Part of the limit that is nearest which is left, 0 to 1; 1 where nothing is known."""
        least = self._available()
        for group in self._groups:
            limit = group.limit()
            if limit is None:
                continue
            used = group.used()
            if used > _FAR * limit:
                used -= group.reclaimable()
            least = min(least, max(0.0, 1 - used / limit))
        return least

    def _available(self) -> float:
        text = text_of(self._root / "proc/meminfo")
        whole, left = (_line(text, name) for name in ("MemTotal:", "MemAvailable:"))
        return 1.0 if not whole or left is None else min(MEMORY_MACHINE_FACTOR * left / whole, 1.0)

    def waited(self, now: float) -> float:
        """Part of the time since the last look that some task waited for memory, 0 to 1."""
        if self._pressure is None:
            return 0.0
        total = text_of(self._pressure).partition("some")[2].partition("total=")[2].split()
        before, self._waited_us = self._waited_us, int(total[0]) if total else 0
        began, self._looked_at = self._looked_at, now
        if began is None or now <= began or self._waited_us < before:
            return 0.0
        return min((self._waited_us - before) / 1e6 / (now - began), 1.0)


def _line(text: str, name: str) -> int | None:
    """The first number behind *name* in *text*, which stands at the beginning of a line."""
    word = text.partition(name)[2].partition("\n")[0].split()
    return int(word[0]) if word and word[0].isdigit() else None
