"""A client starts at once: what it does not need is not loaded."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from resolver.limits import START_OBJECTS
from tests.cli.fake_server import address, reply, serving

if TYPE_CHECKING:
    from pathlib import Path

# What is slow to load itself, and what such things load: a client has 0.15 s in all.
LIBRARIES = {"trio", "cryptography", "dns", "msgspec", "cffi", "idna"}
HEAVY = LIBRARIES | {"asyncio", "dataclasses", "inspect", "json", "ssl", "threading"}
LOADED = """
import sys
from resolver.__main__ import run
status = run()
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def _loaded(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("form", ["", "--short", "--json"])
def test_asking_a_server_takes_sockets_and_little_else(form: str) -> None:
    with serving(lambda query, _: reply(query, address(query))) as port:
        loaded = _loaded("query", f"@127.0.0.1:{port}", "www.example.com", "AAAA", *form.split())
    assert "resolver" in loaded
    assert loaded & HEAVY == ({"json"} if form == "--json" else set())


@pytest.mark.parametrize("arguments", [["limits"], ["query", "@127.0.0.1#x", "a.b"]])
def test_what_asks_nobody_loads_little(arguments: list[str]) -> None:
    assert _loaded(*arguments) & HEAVY == set()


def test_checking_a_configuration_loads_no_cryptography(tmp_path: Path) -> None:
    """It takes long to load, and only a key that somebody trusts needs to be looked at."""
    config = tmp_path / "resolver.toml"
    config.write_text("server.user = ''\n")
    assert "cryptography" not in _loaded("check", str(config))
    (tmp_path / "anchor").write_text(f". DNSKEY 257 3 15 {'A' * 43}=\n")
    config.write_text(f"""
        server.user = ''
        dnssec = {{builtin_root_anchor = false, trust_anchors_file = "{tmp_path / "anchor"}"}}
    """)
    assert "cryptography" in _loaded("check", str(config))


PASSES = """
import gc
from resolver.__main__ import run
passes = []
gc.callbacks.append(lambda when, _: passes.append(when))
status = run()
made = sum(1 for when in passes if when == "start")
print(made, gc.get_count()[0], gc.get_threshold()[0])
"""


@pytest.mark.reaches("START_OBJECTS")
def test_hardly_anything_that_a_start_makes_is_looked_over_for_garbage(tmp_path: Path) -> None:
    """Of the longest one: all that a daemon is made of is loaded."""
    config = tmp_path / "resolver.toml"
    config.write_text("server.listen = ['127.0.0.1:0']\nserver.user = ''\n")
    done = subprocess.run(
        [sys.executable, "-c", PASSES, "check", str(config)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    made, objects, threshold = map(int, done.stdout.splitlines()[-1].split())
    assert threshold == START_OBJECTS
    assert made < 5  # while that limit itself is loaded; else there are dozens
    assert START_OBJECTS / 20 < objects < START_OBJECTS
