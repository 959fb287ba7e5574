"""Every command, interrupted at every moment, and with nobody to write to: never a traceback."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolver.cli import ending
from resolver.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = {
    "query": "query --lab www.example.com",
    "query in JSON": "query --lab --json www.example.com",
    "query that fails": "query --lab www.bogus.org",
    "trace": "trace --lab www.signed.org",
    "trace in JSON": "trace --lab --json www.signed.org",
    "bench": "bench --names names --no-public --no-self --server 127.0.0.1:PORT",
    "bench in JSON": "bench --names names --no-public --no-self --server 127.0.0.1:PORT --json -",
    "check": "check resolver.toml",
    "check of nothing": "check missing.toml",
    "keys": "keys",
    "limits": "limits",
    "serve of nothing": "serve --config missing.toml",
}
BRIEF = ("query", "trace in JSON", "bench", "check", "check of nothing", "limits")
# The signal comes TIME seconds after the program began to load, whatever it is at then.
INTERRUPTED = """
import os, signal, sys, threading
from resolver.__main__ import run
timer = threading.Timer(float(sys.argv.pop(1)), os.kill, (os.getpid(), signal.SIGINT))
timer.daemon = True
class Begin:
    def find_spec(self, *_):
        sys.meta_path.remove(self)
        timer.start()
sys.meta_path.insert(0, Begin())
sys.exit(run())
"""
CLOSED = {
    "stdout": ">&-",
    "stderr": "2>&-",
    "everything": "<&- >&- 2>&-",
    "a full disk": ">/dev/full",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with what the commands read, and a server that says nothing."""
    directory = tmp_path_factory.mktemp("place")
    (directory / "names").write_text("www.example.com\n")
    (directory / "resolver.toml").write_text("root.prime = false\n")
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as mute:
        mute.bind(("127.0.0.1", 0))
        (directory / "port").write_text(str(mute.getsockname()[1]))
        yield directory


def _arguments(place: Path, kind: str) -> list[str]:
    return COMMANDS[kind].replace("PORT", (place / "port").read_text()).split()


def _is_quiet(text: str) -> bool:
    return "Traceback" not in text and "Exception" not in text


@pytest.mark.parametrize("kind", [*COMMANDS, "serve"])
def test_an_interrupt_is_silent_at_any_moment(place: Path, kind: str) -> None:
    arguments = ["serve", "--lab", "--listen", "127.0.0.1:0"] if kind == "serve" else []
    arguments = arguments or _arguments(place, kind)
    if kind == "serve":
        with closing(socket.socket()) as sock:
            sock.bind(("127.0.0.1", 0))
            arguments[-1] = f"127.0.0.1:{sock.getsockname()[1]}"
    for moment in ("0.0", "0.1", "0.4", "1.2"):
        done = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, moment, *arguments],
            capture_output=True, text=True, cwd=place, check=False,
        )  # fmt: skip
        assert _is_quiet(done.stderr), (moment, done.stderr)
        assert done.returncode in (130, 0, 1, 2), (moment, done.stderr)  # it may have ended before


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_reader_that_left_is_no_reason_to_complain(place: Path, kind: str) -> None:
    """resolver trace example.com | head -1."""
    theirs, ours = os.pipe()
    os.close(theirs)
    done = subprocess.run(
        [sys.executable, "-m", "resolver", *_arguments(place, kind)],
        stdout=ours, stderr=subprocess.PIPE, text=True, cwd=place, check=False,
    )  # fmt: skip
    os.close(ours)
    assert _is_quiet(done.stderr), done.stderr
    assert done.returncode == (2 if "nothing" in kind else 141)


def test_a_reader_that_leaves_in_the_middle_is_no_fault_of_the_resolver(place: Path) -> None:
    """Steps are told by tasks that run beside the question, too."""
    command = f"{sys.executable} -m resolver trace --lab www.signed.org | head -1"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, cwd=place, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith("  1 ")


@pytest.mark.parametrize("what", CLOSED)
@pytest.mark.parametrize("kind", BRIEF)
def test_streams_may_be_closed_or_full(place: Path, kind: str, what: str) -> None:
    command = [sys.executable, "-m", "resolver", *_arguments(place, kind)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {CLOSED[what]}', "sh", *command],
        capture_output=True, text=True, cwd=place, check=False,
    )  # fmt: skip
    assert _is_quiet(done.stderr + done.stdout), done.stderr
    expected = 2 if "nothing" in kind else 1 if "full" in what or "fails" in kind else 0
    assert done.returncode == (1 if "bench" in kind else expected)


def test_a_closed_stderr_does_not_stop_the_daemon() -> None:
    """Nor does its number go to a socket, to which the next log line would be written."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = [sys.executable, "-m", "resolver", "serve", "--listen", f"127.0.0.1:{port}"]
    with subprocess.Popen(["sh", "-c", 'exec "$@" 2>&-', "sh", *command]) as process:
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=20).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None
                signal.sigtimedwait([], 0.05)
        is_socket = str(Path(f"/proc/{process.pid}/fd/2").readlink()).startswith("socket:")
        process.terminate()
        assert process.wait(20) == 0
    assert not is_socket


def test_what_is_our_fault_is_raised() -> None:
    """A bug must not look like a wrong configuration, nor be silent."""
    for error in (ValueError("x"), OSError(errno.EBADF, "Bad file descriptor")):
        with pytest.raises(type(error)):
            ending.status_of(error)


def test_what_tasks_raise_together_is_taken_apart(capsys: pytest.CaptureFixture[str]) -> None:
    error = ConfigError("server.listen", "x", "an address")
    group: BaseExceptionGroup[BaseException] = BaseExceptionGroup("", [ExceptionGroup("", [error])])
    assert ending.status_of(group) == ending.WRONG_USE
    assert capsys.readouterr().err == f"resolver: {error}\n"
    causes: list[BaseException] = [ExceptionGroup("", [error]), KeyboardInterrupt()]
    group = BaseExceptionGroup("", causes)
    assert ending.status_of(group) == ending.INTERRUPTED
    denied = PermissionError(errno.EACCES, "Permission denied", "/root/x.json")
    assert ending.status_of(denied) == ending.FAILED
    assert capsys.readouterr().err == "resolver: /root/x.json: Permission denied\n"
