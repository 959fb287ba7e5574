"""What clients are served with is loaded while root can still read it, and nothing besides."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import sys
from resolver.config.schema import Config, Https, Server
from resolver.daemon import preload
is_on, *listen = sys.argv[1:]
preload.load(Config(server=Server(listen=tuple(listen)), https=Https(http3=is_on == "True")))
print(*(name for name in ("h2", "aioquic", "resolver.listen.http3") if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("listen", "http3", "loaded"),
    [
        (["127.0.0.1:53", "tls://127.0.0.1:853"], True, []),
        (["127.0.0.1:53", "https://127.0.0.1/dns-query"], False, ["h2"]),
        (["https://127.0.0.1/dns-query"], True, ["h2", "aioquic", "resolver.listen.http3"]),
        (["quic://127.0.0.1"], True, ["aioquic"]),
    ],
)
def test_what_is_listened_with_is_loaded(
    listen: list[str],
    http3: bool,  # noqa: FBT001
    loaded: list[str],
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(http3), *listen],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == loaded
