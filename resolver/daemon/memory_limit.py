"""How much memory this process may have: the machine's, or less where a cgroup says so.

What exceeds a cgroup's limit is killed without a word (cgroups(7); systemd's MemoryMax=, a
container's limit), so caches are cut to what fits before they fill. Linux only; elsewhere, or where
nothing can be read, nothing is known.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from resolver.limits import (
    MEMORY_BASE_OCTETS,
    MEMORY_PER_CACHED_OCTET,
    RRSET_CACHE_OCTETS_RANGE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config

_log = logging.getLogger(__name__)
_MEBI = 1 << 20


def available_octets(root: Path = Path("/")) -> int | None:
    """The least of the machine's memory and of the limits of our cgroups; None if unknown."""
    known = [*_machine(root), *_cgroups(root)]
    return min(known, default=None)


def _machine(root: Path) -> Iterator[int]:
    """By proc(5), which a container may have of its own, or else by sysinfo(2): systemd's
    ProcSubset=pid hides the former."""
    text = _text(root / "proc/meminfo")
    for line in text.splitlines():
        if line.startswith("MemTotal:"):
            yield int(line.split()[1]) << 10
    if not text and (root / "proc/self/cgroup").exists():
        with suppress(OSError, ValueError):
            yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cgroups(root: Path) -> Iterator[int]:
    """Of each group we are in and all above it, versions 1 and 2.

    Inside a container the path may be the host's, which is not there: then the top counts.
    """
    mounts = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            tops: tuple[Path, ...] = (mounts, mounts / "unified")
            name = "memory.max"
        elif "memory" in controllers.split(","):
            tops, name = (mounts / "memory",), "memory.limit_in_bytes"
        else:
            continue
        for top in tops:
            group = top / path.strip("/")
            for place in (group, *group.parents):
                text = _text(place / name).strip()
                if text.isdigit():
                    yield int(text)
                if place == top:
                    break


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


def within(config: Config, available: int | None) -> Config:
    """*config* with `cache.size_octets` no larger than fits into *available* octets; told if less.

    Workers have caches of their own. The least that configuration allows is always kept.
    """
    wanted = config.cache.size_octets
    if available is None:
        return config
    workers = config.server.workers if isinstance(config.server.workers, int) else 1
    room = available // workers - MEMORY_BASE_OCTETS
    fits = max(RRSET_CACHE_OCTETS_RANGE[0], int(room / MEMORY_PER_CACHED_OCTET))
    if fits >= wanted:
        return config
    _log.warning(
        "caches of %d MiB in place of %d MiB (cache.size_octets), since this process may have only "
        "%d MiB of memory",
        fits // _MEBI, wanted // _MEBI, available // _MEBI,
    )  # fmt: skip
    cache = msgspec.structs.replace(config.cache, size_octets=fits)
    return msgspec.structs.replace(config, cache=cache)
