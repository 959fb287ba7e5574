"""What clients are served with is loaded while root can still read it, and nothing besides."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import sys
from resolver.daemon import preload
preload.load(sys.argv[1:])
print(*(name for name in ("h2", "aioquic") if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("listen", "loaded"),
    [
        (["127.0.0.1:53", "tls://127.0.0.1:853"], []),
        (["127.0.0.1:53", "https://127.0.0.1/dns-query"], ["h2"]),
        (["quic://127.0.0.1"], ["aioquic"]),
    ],
)
def test_what_is_listened_with_is_loaded(listen: list[str], loaded: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *listen], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == loaded
