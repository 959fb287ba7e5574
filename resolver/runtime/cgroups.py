"""The cgroups of this process, as far as they are about memory; versions 1 and 2 (cgroups(7)).

Each group we are in, and all above it. Inside a container the path may be the host's, which is not
there: then the top counts.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_UNLIMITED: Final = 1 << 62  # what version 1 says for none is a little less than 2^63
_ENOUGH: Final = 1 << 16
_RECLAIMABLE: Final = frozenset({"inactive_file", "active_file", "slab_reclaimable"})


class Group(NamedTuple):
    """One of them, and how its files are called."""

    place: Path
    limits: tuple[str, ...]
    usage: str
    prefix: str  # of the lines of memory.stat that count groups below it, too

    def limit(self) -> int | None:
        """Octets that it may have; the least where several are set. None: as many as there are."""
        found = [text_of(self.place / name).strip() for name in self.limits]
        return min((int(one) for one in found if is_limit(one)), default=None)

    def used(self) -> int:
        """Octets that it has, files that lie in memory among them; 0 where nobody says."""
        text = text_of(self.place / self.usage).strip()
        return int(text) if text.isdigit() else 0

    def reclaimable(self) -> int:
        """Of these, what the kernel takes back before it kills: files, above all."""
        octets = 0
        for line in text_of(self.place / "memory.stat").splitlines():
            name, _, value = line.partition(" ")
            if name.removeprefix(self.prefix) in _RECLAIMABLE and name.startswith(self.prefix):
                octets += int(value) if value.isdigit() else 0
        return octets

    def pressure(self) -> Path:
        """Where PSI is read, if the kernel keeps it for groups."""
        return self.place / "memory.pressure"


def groups(root: Path) -> Iterator[Group]:
    """Ours first, of each hierarchy that there is."""
    mounts = root / "sys/fs/cgroup"
    for line in text_of(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            tops: tuple[Path, ...] = (mounts, mounts / "unified")
            limits: tuple[str, ...] = "memory.max", "memory.high"
            usage, prefix = "memory.current", ""
        elif "memory" in controllers.split(","):
            tops = (mounts / "memory",)
            limits, usage, prefix = ("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_"
        else:
            continue
        for top in tops:
            group = top / path.strip("/")
            for place in (group, *group.parents):
                yield Group(place, limits, usage, prefix)
                if place == top:
                    break


def is_limit(text: str) -> bool:
    """Is it a number that bounds anything?"""
    return text.isdigit() and int(text) < _UNLIMITED


def text_of(path: Path) -> str:
    """What is there now; "" where nothing can be read.

    A file of the kernel's has no length to ask for and is made anew when it is read: three system
    calls, where `read_text` has nine. It is read every few seconds for as long as we live.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        octets = os.read(descriptor, _ENOUGH)
        while len(octets) >= _ENOUGH and (more := os.read(descriptor, _ENOUGH)):
            octets += more
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return octets.decode("utf-8", "replace")
