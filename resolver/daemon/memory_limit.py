"""How much memory this process may have: the machine's, or less where a cgroup says so.

What exceeds a cgroup's limit is killed without a word (cgroups(7); systemd's MemoryMax=, a
container's limit), and what exceeds MemoryHigh= is slowed down: so the budget (`config.shares`) is
a part of it. Linux only; elsewhere, or where nothing can be read, nothing is known.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from resolver.config import shares
from resolver.daemon.list_shelf import COMPILED
from resolver.daemon.list_shelf import DIRECTORY as LISTS_DIRECTORY
from resolver.daemon.rpz_terms import kept_as
from resolver.errors import ConfigError
from resolver.limits import MEMORY_SUPERVISOR_OCTETS
from resolver.runtime.cgroups import groups, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config

_MEBI = 1 << 20


def available_octets(root: Path = Path("/")) -> int | None:
    """The least of the machine's memory and of the limits of our cgroups; None if unknown."""
    known = [*_machine(root), *_cgroups(root)]
    return min(known, default=None)


def _machine(root: Path) -> Iterator[int]:
    """By proc(5), which a container may have of its own, or else by sysinfo(2): systemd's
    ProcSubset=pid hides the former."""
    text = text_of(root / "proc/meminfo")
    for line in text.splitlines():
        if line.startswith("MemTotal:"):
            yield int(line.split()[1]) << 10
    if not text and (root / "proc/self/cgroup").exists():
        with suppress(OSError, ValueError):
            yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cgroups(root: Path) -> Iterator[int]:
    for group in groups(root):
        limit = group.limit()
        if limit is not None:
            yield limit


def fitted(config: Config, available: int | None) -> Config:
    """*config* with the budget in octets in the place of "auto", no larger than *available* allows,
    and with `cache.size_octets` no larger than fits into it."""
    budget = shares.budget_octets(config, available, lists=kept_octets(config))
    config = msgspec.structs.replace(config, memory=budget)
    wanted, fits = config.cache.size_octets, shares.most_records(config)
    if wanted == "auto" or wanted <= fits:
        return config
    cache = msgspec.structs.replace(config.cache, size_octets=fits)
    return msgspec.structs.replace(config, cache=cache)


def kept_octets(config: Config) -> int:
    """What the lists and policy zones of *config* take that lie compiled in `working_directory`."""
    directory, octets = config.working_directory, 0
    if not directory:
        return 0
    names = [f"{LISTS_DIRECTORY}/{COMPILED}"] if config.block or config.allow else []
    for name in (*names, *map(kept_as, config.rpz)):
        with suppress(OSError):
            octets += (Path(directory) / name).stat().st_size
    return octets


def room_for_lists(config: Config) -> None:
    """Raises ConfigError where what is kept of lists leaves no room for anything else."""
    if config.memory == "auto":
        return
    lists = kept_octets(config)
    if config.memory < (least := shares.least_octets(config) + lists):
        raise ConfigError(
            "memory", config.memory,
            f"at least {least}: lists and policy zones alone take {lists}",
        )  # fmt: skip


def cut_short(config: Config, fitted: Config, available: int | None) -> Iterator[str]:
    """A sentence for each size that *fitted* has smaller than *config* wants it."""
    budget = int(fitted.memory)
    if config.memory != "auto" and budget < config.memory:
        yield (
            f"a budget of {budget // _MEBI} MiB in place of {config.memory // _MEBI} MiB (memory), "
            f"since this process may have only {(available or 0) // _MEBI} MiB of memory"
        )
    wanted, fits = config.cache.size_octets, fitted.cache.size_octets
    if wanted != fits:
        yield (
            f"records of {int(fits) // _MEBI} MiB in place of {int(wanted) // _MEBI} MiB "
            f"(cache.size_octets), since the budget of memory is {budget // _MEBI} MiB"
        )


def workers_that_fit(config: Config, count: int, available: int | None) -> int:
    """*count*, or as many workers as have the least budget each, where "auto" chose it."""
    if config.server.workers != "auto":
        return count
    room = shares.budget_octets(config, available) - MEMORY_SUPERVISOR_OCTETS
    return max(1, min(count, room // shares.least_each(config)))
