"""Caches fit into the memory that this process may have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
import pytest

from resolver.config.schema import Config
from resolver.daemon.memory_limit import available_octets, within
from resolver.limits import (
    MEMORY_BASE_OCTETS,
    MEMORY_PER_CACHED_OCTET,
    RRSET_CACHE_OCTETS_RANGE,
)

if TYPE_CHECKING:
    from pathlib import Path

MEBI = 1 << 20


def machine(root: Path, files: dict[str, str]) -> Path:
    """A root directory with *files*, and a gibibyte of memory."""
    for name, text in {"proc/meminfo": "MemTotal:    1048576 kB\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_nothing_to_read_is_nothing_known(tmp_path: Path) -> None:
    assert available_octets(tmp_path) is None


def test_where_a_sandbox_shows_processes_alone_the_kernel_is_asked(tmp_path: Path) -> None:
    """ProcSubset=pid hides /proc/meminfo: on small machines caches were too large."""
    machine(tmp_path, {"proc/self/cgroup": "0::/\n"})
    (tmp_path / "proc/meminfo").unlink()
    assert available_octets(tmp_path) == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_without_a_group_the_machines_memory_counts(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/\n"}
    assert available_octets(machine(tmp_path, files)) == 1024 * MEBI


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("0::/a/b", {"a/memory.max": "268435456\n", "a/b/memory.max": "max\n"}),
        ("0::/a/b", {"a/memory.max": "max\n", "a/b/memory.max": "268435456\n"}),
        ("0::/not/shown/inside", {"memory.max": "268435456\n"}),
        ("0::/a", {"unified/a/memory.max": "268435456\n"}),
        ("4:memory:/a", {"memory/a/memory.limit_in_bytes": "268435456\n"}),
        ("4:cpu,memory:/x", {"memory/memory.limit_in_bytes": "268435456\n"}),
    ],
)
def test_the_least_limit_of_all_groups_counts(
    tmp_path: Path, path: str, files: dict[str, str]
) -> None:
    """Of our own and those above it; of both versions; of the top where ours is not shown."""
    placed = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    lines = f"9:name=systemd:/elsewhere\n{path}\n"
    assert available_octets(machine(tmp_path, {"proc/self/cgroup": lines, **placed})) == 256 * MEBI


@pytest.mark.reaches("MEMORY_BASE_OCTETS", "MEMORY_PER_CACHED_OCTET")
def test_caches_are_cut_to_what_fits_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    fitted = within(Config(), 256 * MEBI)
    room = 256 * MEBI - MEMORY_BASE_OCTETS
    assert fitted.cache.size_octets == room / MEMORY_PER_CACHED_OCTET
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cache.size_octets" in caplog.text
    config = Config()
    two = msgspec.structs.replace(config, server=msgspec.structs.replace(config.server, workers=2))
    assert within(two, 256 * MEBI).cache.size_octets < fitted.cache.size_octets
    assert within(Config(), 1).cache.size_octets == RRSET_CACHE_OCTETS_RANGE[0]


def test_what_fits_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    config = Config()
    assert within(config, 8 << 30) is config
    assert within(config, None) is config
    assert not caplog.records
