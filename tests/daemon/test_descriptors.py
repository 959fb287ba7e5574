"""Open files: the table of a daemon has its size from the start."""

from __future__ import annotations

import subprocess
import sys

import pytest

from resolver.limits import DESCRIPTORS

_SIZE = """
import re, resource, sys
from pathlib import Path
from resolver.daemon.descriptors import make_room_for_descriptors
most = min(int(sys.argv[1]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
make_room_for_descriptors()
print(re.search(r"FDSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], most)
print(len(list(Path("/proc/self/fd").iterdir())))
"""


@pytest.mark.parametrize("allowed", [64, 1024, 1 << 20])
def test_the_table_has_its_size_before_anybody_waits(allowed: int) -> None:
    """Each doubling later would be a pause of 8 to 16 ms; and nothing stays open for it."""
    done = subprocess.run(
        [sys.executable, "-c", _SIZE, str(allowed)], capture_output=True, text=True, check=True
    )
    size, most, opened = map(int, done.stdout.split())
    assert size >= min(most, DESCRIPTORS)
    assert opened <= 4, "its own three, and the one that looks"
