"""Workers are started, watched, started again, and stopped together."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from resolver.limits import WORKERS
from resolver.workers import Supervisor, worker_count

if TYPE_CHECKING:
    from pathlib import Path

# A worker tells its number and pid, then waits for the signal; worker 0 dies once, to be replaced.
PROGRAM = r"""
import os, pathlib, signal, sys
from resolver.workers import Supervisor
mark = pathlib.Path(sys.argv[1])

def work(number):
    os.write(1, f"{number} {os.getpid()}\n".encode())  # one write: lines must not mix
    if number == 0 and not mark.exists():
        signal.sigtimedwait([], 1.2)
        mark.touch()
        return 3
    signal.pause()

sys.exit(Supervisor(2, work).run())
"""


@pytest.mark.reaches("WORKER_RESTART_SECONDS")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")
def test_dead_worker_is_started_again_and_all_stop(tmp_path: object) -> None:
    arguments = [sys.executable, "-c", textwrap.dedent(PROGRAM), f"{tmp_path}/mark"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().split() for _ in range(3)]
        process.send_signal(signal.SIGTERM)  # before any assertion: leaving the block waits
        assert sorted(number for number, _ in said) == ["0", "0", "1"], said
        assert said[2][0] == "0"
        assert process.wait(20) == 0
        for _, pid in said:
            with pytest.raises(ProcessLookupError):
                os.kill(int(pid), 0)


def test_failure_at_the_start_is_final() -> None:
    """A port that is taken does not become free by trying forever."""
    assert Supervisor(2, lambda _: 2).run() == 2


def test_exception_in_a_worker_ends_it_only(capfd: pytest.CaptureFixture[str]) -> None:
    def work(_: int) -> int:
        raise ValueError("our fault")

    assert Supervisor(1, work).run() == 1
    assert "our fault" in capfd.readouterr().err


@pytest.mark.reaches("WORKERS")
def test_count() -> None:
    assert worker_count(3) == 3
    assert 1 <= worker_count("auto") <= int(WORKERS.ceiling)
    assert worker_count(int(WORKERS.ceiling) + 1) == int(WORKERS.ceiling)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")
def test_one_page_has_the_numbers_of_all_workers(tmp_path: Path) -> None:
    """Whichever worker the scraper reaches."""
    with socket.socket() as one, socket.socket() as two:
        for sock in (one, two):
            sock.bind(("127.0.0.1", 0))
        dns, web = one.getsockname()[1], two.getsockname()[1]
    file = tmp_path / "resolver.toml"
    file.write_text(
        f'[server]\nlisten = ["127.0.0.1:{dns}"]\nworkers = 2\nuser = ""\n'
        f'[metrics]\nlisten = "127.0.0.1:{web}"\n'
        "[root]\nprime = false\n"
    )
    arguments = [sys.executable, "-m", "resolver", "serve", "--config", str(file)]
    both = [f'resolver_worker_starts_total{{worker="{worker}"}} 1' for worker in (0, 1)]
    with subprocess.Popen(arguments) as process:
        try:
            page, ends_at = "", time.monotonic() + 20
            while not all(line in page for line in both) and time.monotonic() < ends_at:
                time.sleep(0.2)
                with contextlib.suppress(OSError):
                    page = urllib.request.urlopen(f"http://127.0.0.1:{web}/metrics").read().decode()
        finally:
            process.terminate()
        assert process.wait(20) == 0
    for line in both:
        assert line in page
    assert 'resolver_udp_queries_total{worker="1"} 0' in page
