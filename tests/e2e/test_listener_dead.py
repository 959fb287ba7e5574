"""A listener whose socket the kernel has ended, by `ss --kill`: the daemon sees it, and opens it
anew, alone."""

from __future__ import annotations

import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from resolver.limits import SELF_PROBE_FAILURES, SELF_PROBE_SECONDS
from tests.e2e.daemon import require
from tests.simulation import netns

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.netns, pytest.mark.timeout(400)]
WELL, DEAD = "127.0.0.1", "127.0.0.2"
PATIENCE_S = 4 * SELF_PROBE_SECONDS * SELF_PROBE_FAILURES


def listens(home: netns.Namespace, host: str) -> bool:
    with home.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        return sock.connect_ex((host, 53)) == 0


def test_one_that_the_kernel_has_ended_is_opened_anew_alone(tmp_path: Path) -> None:
    require("ss")
    assert netns.missing() is None
    config = tmp_path / "resolver.toml"
    config.write_text(f"server.user = ''\nserver.listen = ['{WELL}:53', '{DEAD}:53']\n")
    with netns.namespace("home") as home:
        command = (sys.executable, "-m", "resolver", "serve", "--lab", "--config", str(config))
        daemon = home.spawn(*command, log=tmp_path / "log")
        netns.wait_for([(home, WELL, 53), (home, DEAD, 53)], programs=[daemon], patience_s=60)
        assert home.run("ss", "--kill", "--tcp", "--listening", "src", f"{DEAD}:53").returncode == 0
        assert not listens(home, DEAD)
        ends_at = time.monotonic() + PATIENCE_S
        while not listens(home, DEAD):
            assert listens(home, WELL)
            assert time.monotonic() < ends_at, daemon.output()
            time.sleep(0.5)
        told = [line for line in daemon.output().splitlines() if "opening it anew" in line]
        assert len(told) == 1
        assert f"{DEAD}:53 (TCP): does not answer, while others do" in told[0]
