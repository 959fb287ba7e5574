"""A cgroup with a hard limit of memory, for a program that a bench starts; versions 1 and 2.

Where the machine has both, whichever has the controller of memory is used. Needs root. The group is
gone when its block ends, and so must be what was in it.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from resolver.runtime.cgroups import groups

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOUNTS = Path("/sys/fs/cgroup")


class _Files(NamedTuple):
    """What a version calls its files."""

    limit: str
    usage: str
    peak: str
    events: str


_OLD = _Files(
    "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes",
    "memory.oom_control",
)  # fmt: skip
_NEW = _Files("memory.max", "memory.current", "memory.peak", "memory.events")


@dataclass(frozen=True, slots=True)
class Group:
    """One, while its block lasts."""

    place: Path
    files: _Files

    @property
    def prefix(self) -> list[str]:
        """Words in front of a command in a network namespace, where /sys is another: it sees its
        cgroups, as it would anywhere else."""
        old = "mkdir /sys/fs/cgroup/memory && mount -t cgroup -o memory none /sys/fs/cgroup/memory"
        mount = old if self.files is _OLD else "mount -t cgroup2 none /sys/fs/cgroup"
        return [
            "sh", "-c", f'mount -t tmpfs none /sys/fs/cgroup && {mount} && exec "$@"', "sh",
        ]  # fmt: skip

    @contextlib.contextmanager
    def joined(self) -> Iterator[None]:
        """What this process starts in the block is in the group. (In a namespace of a program's own
        the group's files may not be there.)"""
        before = next(one for one in groups(Path("/")) if (one.place / self.files.usage).exists())
        (self.place / "cgroup.procs").write_text(f"{os.getpid()}\n")
        try:
            yield
        finally:
            (before.place / "cgroup.procs").write_text(f"{os.getpid()}\n")

    def kills(self) -> int:
        """How many processes of it the kernel has killed for want of memory."""
        lines = dict(
            line.split()[:2] for line in self._text(self.files.events).splitlines() if line
        )
        return int(lines.get("oom_kill", 0))

    def peak_mb(self) -> float:
        """The most that it took, files and the kernel's share included."""
        text = self._text(self.files.peak).strip()
        return int(text) / 1e6 if text.isdigit() else 0.0

    def _text(self, name: str) -> str:
        with contextlib.suppress(OSError):
            return (self.place / name).read_text("ascii")
        return ""


def missing() -> str | None:
    """Why there can be none here; None: there can."""
    with contextlib.suppress(OSError), limited(1 << 30):
        return None
    return "no cgroup whose memory can be limited (as root, with its controller)"


@contextlib.contextmanager
def limited(octets: int) -> Iterator[Group]:
    """A group that may have so many *octets*, and is killed for more. Raises OSError."""
    group = _made()
    try:
        (group.place / group.files.limit).write_text(f"{octets}\n")
        yield group
    finally:
        _removed(group.place)


def _made() -> Group:
    name = f"bench-{os.getpid()}-{time.monotonic_ns()}"
    trouble: OSError | None = None
    for top, files in ((_MOUNTS / "memory", _OLD), (_MOUNTS, _NEW), (_MOUNTS / "unified", _NEW)):
        place = top / name
        try:
            if files is _NEW:
                (top / "cgroup.subtree_control").write_text("+memory\n")
            place.mkdir()
        except OSError as error:
            trouble = error
            continue
        if (place / files.limit).exists():
            return Group(place, files)
        place.rmdir()
    raise trouble or OSError("no controller of memory")


def _removed(place: Path) -> None:
    """When the last process has ended: the kernel takes a moment."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            place.rmdir()
            return
        time.sleep(0.05)
