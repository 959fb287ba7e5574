"""The budget fits into the memory that this process may have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from resolver.config.load import loads
from resolver.config.shares import most_records
from resolver.daemon.memory_limit import (
    available_octets,
    cut_short,
    fitted,
    room_for_lists,
    workers_that_fit,
)
from resolver.errors import ConfigError
from tests.runtime.memory_files import MEBI, machine

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.config.schema import Config


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
        ("0::/a", {"a/memory.max": "max\n", "a/memory.high": "268435456\n"}),
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


def told(config: Config, available: int | None) -> list[str]:
    return list(cut_short(config, fitted(config, available), available))


def test_records_are_cut_to_what_fits_and_it_is_said() -> None:
    wanted = loads(f"cache.size_octets = {1024 * MEBI}")
    config = fitted(wanted, 512 * MEBI)
    assert config.memory == 384 * MEBI
    assert config.cache.size_octets == most_records(config) < 300 * MEBI
    (sentence,) = told(wanted, 512 * MEBI)
    assert "in place of 1024 MiB (cache.size_octets)" in sentence
    assert "memory is 384 MiB" in sentence


def test_a_budget_is_cut_to_what_there_is_and_it_is_said() -> None:
    wanted = loads(f"memory = {1024 * MEBI}")
    assert fitted(wanted, 512 * MEBI).memory == 384 * MEBI
    (sentence,) = told(wanted, 512 * MEBI)
    assert sentence.startswith("a budget of 384 MiB in place of 1024 MiB (memory)")
    assert sentence.endswith("may have only 512 MiB of memory")


@pytest.mark.parametrize("text", ["", "memory = 300000000", "cache.size_octets = 200000000"])
def test_what_fits_is_left_alone(text: str) -> None:
    config = loads(text)
    assert fitted(config, 8 << 30).cache == config.cache
    assert told(config, 8 << 30) == told(config, None) == []


def test_auto_has_no_more_workers_than_the_budget_feeds() -> None:
    auto, four = loads('server.workers = "auto"'), loads("server.workers = 4")
    assert workers_that_fit(auto, 64, 2048 * MEBI) == (512 - 24) // 64
    assert workers_that_fit(auto, 2, 2048 * MEBI) == 2
    assert workers_that_fit(auto, 8, 128 * MEBI) == 1
    assert workers_that_fit(four, 4, 128 * MEBI) == 4  # said so


def kept(tmp_path: Path) -> str:
    """A configuration whose lists take 30 MiB, and its policy zone 10, as they are kept."""
    for name, octets in (("lists/compiled", 30 * MEBI), ("rpz/rpz.test.table", 10 * MEBI)):
        (tmp_path / name).parent.mkdir()
        with (tmp_path / name).open("wb") as file:
            file.truncate(octets)
    return (
        f'working_directory = "{tmp_path}"\n[[block]]\nsource = "https://lists.example/a"\n'
        '[[rpz]]\nzone = "rpz.test"\nprimaries = ["192.0.2.1"]\n'
    )


def test_a_budget_that_lists_alone_fill_is_refused(tmp_path: Path) -> None:
    text = kept(tmp_path)
    room_for_lists(loads(f"memory = {104 * MEBI}\n{text}"))
    with pytest.raises(ConfigError) as found:
        room_for_lists(loads(f"memory = {103 * MEBI}\n{text}"))
    assert found.value.where == "memory"
    assert f"at least {104 * MEBI}" in str(found.value)
    assert f"alone take {40 * MEBI}" in str(found.value)


def test_auto_has_room_for_the_lists_that_are_kept(tmp_path: Path) -> None:
    config = loads(kept(tmp_path))
    assert fitted(config, 256 * MEBI).memory == 104 * MEBI
    assert fitted(loads(""), 256 * MEBI).memory == 64 * MEBI
