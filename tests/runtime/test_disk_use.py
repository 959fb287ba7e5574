"""What a thread has had to do with disks."""

from __future__ import annotations

import importlib
import os
import resource
from typing import TYPE_CHECKING

import pytest

from resolver.runtime import disk_use

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_what_is_written_is_counted(tmp_path: Path) -> None:
    """As far as the system counts it at all: files in memory are no disk's."""
    before = disk_use.octets_written()
    with (tmp_path / "file").open("wb") as file:
        file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    assert 0 <= disk_use.octets_written() - before <= 4 << 20
    assert disk_use.octets_written() % 512 == 0


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system that counts for processes only."""
    with monkeypatch.context() as patched:
        patched.delattr(resource, "RUSAGE_THREAD", raising=False)
        importlib.reload(disk_use)
        yield
    importlib.reload(disk_use)


@pytest.mark.usefixtures("elsewhere")
def test_where_threads_are_not_counted_the_process_is() -> None:
    assert disk_use._WHO == resource.RUSAGE_SELF
    assert disk_use.disk_reads() >= 0
    assert disk_use.octets_written() >= 0
