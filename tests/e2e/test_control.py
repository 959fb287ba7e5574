"""`resolver control` against a daemon as it is started."""

from __future__ import annotations

import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from resolver import __version__
from tests.cli.test_serve import free_port
from tests.e2e.controlled import PATIENCE_S, controlled, open_folder, write

if TYPE_CHECKING:
    from pathlib import Path

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
STRANGER = 54321


def test_it_says_how_it_is(tmp_path: Path) -> None:
    with controlled(tmp_path) as daemon:
        assert daemon.ask("www.example.com.") == 0
        assert daemon.ask("www.example.com.") == 0
        told = daemon.told("status")
        assert told["ok"] is True
        assert told["version"] == __version__
        assert told["listening"] == [f"127.0.0.1:{daemon.port}"]
        assert told["link"]["is_up"] is True
        assert told["queries"]["servers"] == told["queries"]["packets"] == 1
        assert told["memory"]["resident_octets"] > 1 << 20
        done = daemon.control("status")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"resolver {__version__}, since ")
        assert "queries: 2, from memory 50.0 %, from servers 50.0 %" in done.stdout
    assert not daemon.socket.exists()


def test_options_stand_before_the_verb_or_behind_it(tmp_path: Path) -> None:
    with controlled(tmp_path) as daemon:
        for words in (
            ("--json", "status"), ("status", "--json"),
            ("status", "--config", str(daemon.config), "--json"),
        ):  # fmt: skip
            assert json.loads(daemon.control(*words).stdout)["ok"] is True


def _control(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "resolver", "control", *words],
        capture_output=True, text=True, check=False, env={**os.environ, **env},
    )  # fmt: skip


def test_it_is_found_in_the_runtime_directory(tmp_path: Path) -> None:
    """As systemd makes one; the client is told of it in the same way."""
    port = free_port()
    write(tmp_path, port, "server.user = ''")
    config = tmp_path / "resolver.toml"
    config.write_text("".join(config.read_text().partition("control.socket")[:1]))
    command = [sys.executable, "-m", "resolver", "serve", "--lab", "--config", str(config)]
    env = {"RUNTIME_DIRECTORY": str(tmp_path)}
    with subprocess.Popen(command, env={**os.environ, **env}) as process:
        ends_at = time.monotonic() + PATIENCE_S
        while _control("status", **env).returncode != 0:
            assert time.monotonic() < ends_at
        process.terminate()


def test_without_a_daemon_it_says_where_it_looked(tmp_path: Path) -> None:
    done = _control("status", "--socket", str(tmp_path / "control"))
    assert done.returncode == 1
    assert f"no daemon has a control socket at {tmp_path / 'control'}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [("nothing",), ("status", "much"), ("status", "--fast"), ()], ids=str
)
def test_a_wrong_command_line_is_told(words: tuple[str, ...]) -> None:
    done = _control(*words)
    assert done.returncode == 2
    assert "resolver control" in done.stderr


def test_a_file_without_a_socket_is_told(tmp_path: Path) -> None:
    config = tmp_path / "resolver.toml"
    config.write_text("control.socket = ''\n")
    done = _control("status", "--config", str(config))
    assert done.returncode == 2
    assert "control.socket" in done.stderr


def test_a_killed_daemon_s_socket_is_taken_over(tmp_path: Path) -> None:
    with controlled(tmp_path) as daemon:
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait(PATIENCE_S)
        assert daemon.socket.exists()
        done = daemon.control("status")
        assert done.returncode == 1
        assert f"no daemon listens at {daemon.socket} any more" in done.stderr
        with controlled(tmp_path) as other:
            assert other.told("status")["ok"] is True


def test_a_second_daemon_leaves_it_to_the_first(tmp_path: Path) -> None:
    """It serves without one, and says so."""
    with controlled(tmp_path) as daemon:
        pid = daemon.told("status")["pid"]
        write(tmp_path, free_port(), "server.user = ''")
        command = [sys.executable, "-m", "resolver", "serve", "--lab", "--config"]
        with subprocess.Popen(
            [*command, str(daemon.config)], stderr=subprocess.PIPE, text=True
        ) as second:
            assert second.stderr is not None
            assert "another daemon listens there" in second.stderr.readline()
            second.send_signal(signal.SIGTERM)
            assert second.wait(PATIENCE_S) == 0
        assert daemon.told("status")["pid"] == pid == daemon.process.pid


@AS_ROOT
def test_it_is_there_for_root_when_the_daemon_is_nobody() -> None:
    """Opened before root is given up, and not for the group of an account that many share."""
    head = "server.user = 'nobody'"
    with open_folder() as folder, controlled(folder, head=head) as daemon:
        found = daemon.socket.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, 0, 0o660)
        assert daemon.told("status")["ok"] is True
        nobody = pwd.getpwnam("nobody")
        assert "Permission denied" in daemon.asked_as(nobody.pw_uid, nobody.pw_gid, do="status")
