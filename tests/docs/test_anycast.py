"""contrib/anycast: what can be seen of it without routes (tests/e2e/test_anycast_routes.py)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ANYCAST = Path(__file__).resolve().parents[2] / "contrib" / "anycast"
PATIENCE_S = 30.0


class Health:
    """Says *status* to who asks, nothing at all where that is 0."""

    def __init__(self) -> None:
        self.status = 503
        health = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the library's name
                if not health.status:
                    time.sleep(3)
                    return
                self.send_response(health.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/health"


@pytest.fixture
def health() -> Iterator[Health]:
    with closing(Health()) as it:
        yield it


def said(file: Path, *words: str) -> bool:
    """Are these what the commands have been, soon?"""
    ends_at = time.monotonic() + PATIENCE_S
    while (file.read_text().split() if file.exists() else []) != [*words]:
        if time.monotonic() > ends_at:
            return False
        time.sleep(0.1)
    return True


def test_follow_health_runs_a_command_at_each_change(tmp_path: Path, health: Health) -> None:
    """A no counts at once, silence when it came twice; the last word is down."""
    file = tmp_path / "said"
    up, down = (f"echo {word} >> {file}" for word in ("up", "down"))
    with subprocess.Popen([ANYCAST / "follow-health", up, down, health.url]) as script:
        try:
            assert said(file, "down")
            health.status = 200
            assert said(file, "down", "up")
            health.status = 503
            assert said(file, "down", "up", "down")
            health.status = 200
            assert said(file, "down", "up", "down", "up")
            health.status = 0
            assert said(file, "down", "up", "down", "up", "down")
            health.status = 200
            assert said(file, "down", "up", "down", "up", "down", "up")
        finally:
            script.send_signal(signal.SIGTERM)
    assert said(file, "down", "up", "down", "up", "down", "up", "down")


def test_a_command_that_fails_is_run_again(tmp_path: Path, health: Health) -> None:
    """The route speaker is not there yet."""
    file = tmp_path / "said"
    health.status = 200
    up = f"echo try >> {file}; test $(wc -l < {file}) -ge 2"
    with subprocess.Popen([ANYCAST / "follow-health", up, "true", health.url]) as script:
        try:
            assert said(file, "try", "try")
            time.sleep(2.5)
            assert said(file, "try", "try")
        finally:
            script.send_signal(signal.SIGTERM)


def test_without_commands_it_says_what_is_missing() -> None:
    done = subprocess.run(
        [ANYCAST / "follow-health", "true"], capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "DOWN is missing" in done.stderr


def _installed(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def test_shellcheck_has_nothing_to_say_of_it() -> None:
    shellcheck = _installed("shellcheck")
    done = subprocess.run(
        [shellcheck, ANYCAST / "follow-health"], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""


def test_bird_takes_its_file() -> None:
    bird = _installed("bird")
    done = subprocess.run(
        [bird, "-p", "-c", ANYCAST / "bird.conf"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
