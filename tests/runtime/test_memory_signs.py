"""What the kernel says of memory is read as cgroups(7), proc(5) and PSI have it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from resolver.runtime.memory_signs import MemorySigns
from tests.runtime.memory_files import MEBI, grouped, machine

if TYPE_CHECKING:
    from pathlib import Path


def test_where_nothing_can_be_read_nothing_is_short(tmp_path: Path) -> None:
    signs = MemorySigns(tmp_path)
    assert (signs.resident(), signs.left(), signs.waited(1.0)) == (0, 1.0, 0.0)


def test_resident_memory_is_in_pages(tmp_path: Path) -> None:
    assert MemorySigns(machine(tmp_path)).resident() == 12_800 * os.sysconf("SC_PAGE_SIZE")


def test_of_memory_that_four_see_each_answers_for_a_quarter(tmp_path: Path) -> None:
    status = "VmRSS:\t   51200 kB\nRssAnon:\t   40000 kB\nRssShmem:\t    8000 kB\nVmData:\t 1 kB\n"
    root = machine(tmp_path, {"proc/self/status": status})
    own = MemorySigns(root).resident()
    assert MemorySigns(root, sharers=4).resident() == own - 3 * (2000 << 10)
    (root / "proc/self/status").unlink()
    assert MemorySigns(root, sharers=4).resident() == own


@pytest.mark.reaches("MEMORY_MACHINE_FACTOR")
def test_of_a_machine_half_as_much_may_be_left(tmp_path: Path) -> None:
    text = "MemTotal: 1000000 kB\nMemAvailable: 40000 kB\n"
    assert MemorySigns(machine(tmp_path, {"proc/meminfo": text})).left() == pytest.approx(0.08)


def test_left_is_what_a_limit_leaves(tmp_path: Path) -> None:
    assert MemorySigns(grouped(tmp_path, limit=100 * MEBI, used=60 * MEBI)).left() == 0.4


def test_files_that_the_kernel_takes_back_do_not_count(tmp_path: Path) -> None:
    """A database's file fills every cgroup up to its limit, and is no reason to forget anything."""
    stat = f"anon 1\ninactive_file {30 * MEBI}\nactive_file {20 * MEBI}\nfile {70 * MEBI}\n"
    root = grouped(tmp_path, limit=100 * MEBI, used=99 * MEBI, stat=stat)
    assert MemorySigns(root).left() == pytest.approx(0.51)


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("0::/a", {"unified/a/memory.high": 100, "unified/a/memory.current": 95}),
        (
            "0::/a/b",
            {
                "a/memory.max": 100, "a/memory.current": 95,
                "a/b/memory.max": 1000, "a/b/memory.current": 10,
            },
        ),
        (
            "4:cpu,memory:/a",
            {"memory/a/memory.limit_in_bytes": 100, "memory/a/memory.usage_in_bytes": 95},
        ),
    ],
)  # fmt: skip
def test_the_nearest_limit_counts(tmp_path: Path, line: str, files: dict[str, int]) -> None:
    """A limit that slows down; one of a group above; one of version 1."""
    placed = {f"sys/fs/cgroup/{name}": f"{size * MEBI}\n" for name, size in files.items()}
    root = machine(tmp_path, {"proc/self/cgroup": f"{line}\n", **placed})
    assert MemorySigns(root).left() == pytest.approx(0.05)


def test_of_version_1_the_lines_count_that_have_all_groups_below(tmp_path: Path) -> None:
    place = "sys/fs/cgroup/memory/a"
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/a\n",
            f"{place}/memory.limit_in_bytes": f"{100 * MEBI}\n",
            f"{place}/memory.usage_in_bytes": f"{99 * MEBI}\n",
            f"{place}/memory.stat": f"inactive_file 1\ntotal_inactive_file {49 * MEBI}\n",
        },
    )
    assert MemorySigns(root).left() == pytest.approx(0.5)


def test_a_group_without_a_limit_leaves_the_machines(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/a\n",
        "sys/fs/cgroup/a/memory.max": "max\n",
        "sys/fs/cgroup/a/memory.current": "5\n",
    }
    assert MemorySigns(machine(tmp_path, files)).left() == 1.0


def _psi(total_us: int) -> str:
    return (
        f"some avg10=0.00 avg60=0.00 avg300=0.00 total={total_us}\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=99999999\n"
    )


@pytest.mark.parametrize("place", ["proc/pressure/memory", "sys/fs/cgroup/a/memory.pressure"])
def test_who_waits_for_memory_is_told_since_the_last_look(tmp_path: Path, place: str) -> None:
    files = {"proc/self/cgroup": "0::/a\n", "proc/pressure/memory": _psi(7), place: _psi(1_000_000)}
    signs = MemorySigns(machine(tmp_path, files))
    assert signs.waited(10.0) == 0.0  # of what was before nobody knows when
    (tmp_path / place).write_text(_psi(1_500_000))
    assert signs.waited(12.0) == pytest.approx(0.25)
    assert signs.waited(14.0) == 0.0


def test_what_is_no_number_says_nothing(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemTotal: many kB\nMemAvailable:\n",
        "proc/self/statm": "x\n",
        "proc/self/cgroup": "0::/a\n",
        "sys/fs/cgroup/a/memory.max": "-5\n",
        "sys/fs/cgroup/a/memory.current": "\n",
        "proc/pressure/memory": "some avg10=0.00\n",
    }
    signs = MemorySigns(machine(tmp_path, files))
    assert (signs.resident(), signs.left(), signs.waited(1.0)) == (0, 1.0, 0.0)
