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
from pathlib import Path

import pytest

from resolver.config.schema import Config
from resolver.daemon.lifeline import REREAD, Lifeline, Pulse
from resolver.daemon.workers import Hooks, Supervisor, _Worker, worker_count
from resolver.limits import WORKER_RESTART_SECONDS, WORKER_STOP_SECONDS, WORKERS, WORKERS_RANGE

# A worker tells its number and pid, then waits for the signal; worker 0 dies once, to be replaced.
PROGRAM = r"""
import os, pathlib, signal, sys
from resolver.daemon.workers import Supervisor
mark = pathlib.Path(sys.argv[1])

def work(number):
    os.write(1, f"{number} {os.getpid()}\n".encode())  # one write: lines must not mix
    supervisor.lifeline.beat()
    if number == 0 and not mark.exists():
        signal.sigtimedwait([], 1.2)
        mark.touch()
        return 3
    signal.pause()

supervisor = Supervisor(2, work)
sys.exit(supervisor.run())
"""


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


# Workers that beat; each tells its pid. The supervisor's patience is made short.
BEATING = r"""
import os, signal, sys, trio
from resolver.daemon import lifeline, workers
from resolver.daemon.workers import Hooks, Supervisor
lifeline.WORKER_BEAT_SECONDS = workers.WORKER_BEAT_SECONDS = 0.1
lifeline.WORKER_SILENCE_SECONDS = 0.5
workers.WORKER_RESTART_SECONDS = 0.1

def say(text):
    os.write(1, text.encode() + b"\n")

def work(number):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    say(str(os.getpid()))
    if USER and os.geteuid() == 0:
        os.setuid(USER)
        supervisor.lifeline.tie()
    trio.run(supervisor.lifeline.keep_beating)
    return 0

hooks = Hooks(*(lambda word=word: say(word) for word in ("ready", "stopping", "reopen")))
supervisor = Supervisor(3, work, hooks=hooks)
sys.exit(supervisor.run())
"""


def _beating(user: int = 0) -> subprocess.Popen[str]:
    code = f"USER = {user}\n" + textwrap.dedent(BEATING)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def _lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2][0]
    except OSError:
        return True
    return state == "Z"  # an orphan that nobody reaps in a container


def _all_gone(pids: list[str]) -> bool:
    ends_at = time.monotonic() + 20
    while time.monotonic() < ends_at:
        if all(_is_gone(int(pid)) for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ready_is_told_once_when_all_serve_and_a_hung_worker_is_replaced() -> None:
    """A stopped worker keeps its share of the port: the kernel goes on sending clients there."""
    with _beating() as process:
        said = _lines(process, 4)
        assert said[3] == "ready"
        os.kill(int(said[1]), signal.SIGSTOP)
        successor = _lines(process, 1)[0]
        assert successor.isdigit()
        assert _is_gone(int(said[1]))
        assert not _is_gone(int(said[0]))
        process.send_signal(signal.SIGHUP)
        assert _lines(process, 1) == ["reopen"]
        process.terminate()
        assert _lines(process, 1) == ["stopping"]
        assert process.wait(20) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_where_all_stood_still_nobody_is_replaced() -> None:
    """SIGSTOP and SIGCONT of the whole daemon; a laptop that slept."""
    with _beating() as process:
        everybody = [process.pid, *map(int, _lines(process, 4)[:3])]
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in everybody:
                os.kill(pid, number)
            time.sleep(1.5)
        assert not any(_is_gone(pid) for pid in everybody)
        process.terminate()
        assert _lines(process, 1) == ["stopping"]
        assert process.wait(20) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_hung_worker_does_not_keep_the_supervisor_from_ending() -> None:
    with _beating() as process:
        said = _lines(process, 4)
        os.kill(int(said[0]), signal.SIGSTOP)
        process.terminate()
        assert process.wait(20) == 0
        assert _all_gone(said[:3])


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux'")
@pytest.mark.parametrize("user", [0, 65534])
def test_workers_end_with_a_supervisor_that_is_killed(user: int) -> None:
    """They would share the port with the next daemon. A change of user clears the death signal."""
    with _beating(user) as process:
        said = _lines(process, 4)
        process.kill()
        assert _all_gone(said[:3])


@pytest.mark.parametrize("after_s", [0.0, 1.5])
def test_failure_at_the_start_is_final(after_s: float) -> None:
    """A port that is taken does not become free by trying forever, however long each try took."""

    def work(_: int) -> int:
        signal.sigtimedwait([], after_s)
        return 2

    assert Supervisor(2, work).run() == 2


def test_exception_in_a_worker_ends_it_only(capfd: pytest.CaptureFixture[str]) -> None:
    def work(_: int) -> int:
        raise ValueError("our fault")

    assert Supervisor(1, work).run() == 1
    assert "our fault" in capfd.readouterr().err


@pytest.mark.reaches("WORKERS")
def test_count() -> None:
    assert Config().server.workers == WORKERS
    assert worker_count(3) == 3
    assert 1 <= worker_count("auto") <= WORKERS_RANGE[1]
    assert worker_count(WORKERS_RANGE[1] + 1) == WORKERS_RANGE[1]


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


@pytest.mark.reaches("WORKER_RESTART_SECONDS", "WORKER_STOP_SECONDS")
def test_who_dies_at_once_is_due_in_a_while_and_the_end_has_its_time() -> None:
    supervisor = Supervisor(1, lambda _: 0, now=lambda: 100.0)
    theirs, ours = os.pipe()
    os.write(ours, b".")
    began = 100.0 - WORKER_RESTART_SECONDS / 4
    assert supervisor._ended(_Worker(0, 1, Pulse(theirs, 99.0), began), 0) == 0
    assert supervisor._due == {0: began + WORKER_RESTART_SECONDS}
    supervisor._stop()
    assert supervisor._due == {}
    assert supervisor._stop_by == 100.0 + WORKER_STOP_SECONDS
    os.close(ours)


@pytest.mark.parametrize("is_dead", [False, True])
def test_what_a_worker_is_asked_to_have_done_is_done(is_dead: bool) -> None:  # noqa: FBT001
    """Its last word counts too: it may have died the moment after."""
    heard: list[str] = []
    supervisor = Supervisor(2, lambda _: 0, hooks=Hooks(on_reread=lambda: heard.append("reread")))
    mine, theirs = os.pipe()
    worker = _Worker(0, 1 << 30, Pulse(mine, 0.0), 0.0)
    Lifeline(theirs, os.getppid()).tell(REREAD)
    if is_dead:
        supervisor._ended(worker, 0)
    else:
        supervisor._running[worker.pid] = worker
        supervisor._look_after()
        worker.pulse.close()
    os.close(theirs)
    assert heard == ["reread"]
