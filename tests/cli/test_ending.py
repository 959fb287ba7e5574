"""Every command, interrupted at every moment, refused what it needs, with nobody to write to:
never a traceback."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import resolver
from resolver.cli import ending
from resolver.errors import ConfigError
from resolver.runtime import interrupt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _pytest.mark import ParameterSet

PACKAGE = Path(resolver.__file__).parent
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
    "lab": "lab",
    "completion": "completion bash",
    "serve of nothing": "serve --config missing.toml",
    "query of a server": "query @127.0.0.1:PORT www.example.com --timeout 0.2",
    "query of nobody": "query @127.0.0.1:1 www.example.com",
    "help": "--help",
    "help of query": "query --help",
    "version": "--version",
    "wrong use of nothing": "query --no-such-option nothing",
    "no command, nothing": "",
}
BRIEF = (
    "query", "query of a server", "trace in JSON", "bench", "check", "check of nothing", "limits",
    "help", "help of query", "wrong use of nothing",
)  # fmt: skip
PRINTS_AND_FAILS = ("query that fails", "bench", "bench in JSON")
STATUS = {"query of a server": 9, "query of nobody": 9, "query that fails": 1, "bench": 1}
# Python's argparse says nothing of what it could not write, if it finds out at once.
ENVIRONMENT = os.environ | {"PYTHONUNBUFFERED": ""}
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
MOMENTS = ("0.0", "0.1", "0.4", "1.2")
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


def _arguments(place: Path, kind: str, *, is_soon_over: bool = False) -> list[str]:
    """*is_soon_over*: where a bench would wait for ten seconds, it is refused instead."""
    port = "1" if is_soon_over and "bench" in kind else (place / "port").read_text()
    return COMMANDS[kind].replace("PORT", port).split()


def _is_quiet(text: str) -> bool:
    return "Traceback" not in text and "Exception" not in text


def _is_ours(text: str) -> bool:
    """Is there a traceback out of this package?

    Before its first line the interpreter has its own: it reads `site` and `runpy` and looks for
    what `-m` names, with its own handler of Ctrl-C, which nobody can replace so early.
    """
    is_lost = "ignored" in text and "_get_module_lock" not in text
    return not _is_quiet(text) and (str(PACKAGE) in text or is_lost)


def _serving() -> list[str]:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return ["serve", "--lab", "--listen", f"127.0.0.1:{sock.getsockname()[1]}"]


def _each(kinds: Iterable[str], others: Iterable[str]) -> list[ParameterSet]:
    """Each of *kinds* with each of *others*: in every run with half of them, in turn."""
    return [
        pytest.param(kind, other, marks=[pytest.mark.long] * ((number + place) % 2))
        for number, kind in enumerate(kinds)
        for place, other in enumerate(others)
    ]


@pytest.mark.parametrize(("kind", "moment"), _each([*COMMANDS, "serve"], MOMENTS))
def test_an_interrupt_is_silent_at_any_moment(place: Path, kind: str, moment: str) -> None:
    arguments = _serving() if kind == "serve" else _arguments(place, kind)
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, moment, *arguments],
        capture_output=True, text=True, cwd=place, check=False,
    )  # fmt: skip
    assert _is_quiet(done.stderr), (moment, done.stderr)
    assert done.returncode in (130, 0, 1, 2, 9), (moment, done.stderr)  # or ended before


def _interrupted(place: Path, arguments: list[str], after_s: float) -> tuple[int, str]:
    """Status and stderr of a command that gets Ctrl-C so long after it was started."""
    command = [sys.executable, "-m", "resolver", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=place
    ) as process:
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
    return process.returncode, err


@pytest.mark.parametrize("kind", ["query", "query of a server", "limits", "help", "serve"])
def test_an_interrupt_is_silent_while_the_program_starts(place: Path, kind: str) -> None:
    arguments = _serving() if kind == "serve" else _arguments(place, kind)
    for moment in range(0, 150, 30):
        status, err = _interrupted(place, arguments, moment / 1000)
        assert not _is_ours(err), (moment, err)
        assert status in (130, -signal.SIGINT, 0, 9) or not _is_quiet(err), (moment, err)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", [*COMMANDS, "serve"])
def test_an_interrupt_is_silent_every_ten_milliseconds(place: Path, kind: str) -> None:
    for moment in range(0, 500, 10):
        arguments = _serving() if kind == "serve" else _arguments(place, kind)
        _, err = _interrupted(place, arguments, moment / 1000)
        assert not _is_ours(err), (moment, err)


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_reader_that_left_is_no_reason_to_complain(place: Path, kind: str) -> None:
    """resolver trace example.com | head -1."""
    theirs, ours = os.pipe()
    os.close(theirs)
    done = subprocess.run(
        [sys.executable, "-m", "resolver", *_arguments(place, kind, is_soon_over=True)],
        stdout=ours, stderr=subprocess.PIPE, text=True, cwd=place, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    os.close(ours)
    assert _is_quiet(done.stderr), done.stderr
    expected = 2 if "nothing" in kind else STATUS.get(kind, 141)
    assert done.returncode == (141 if kind in PRINTS_AND_FAILS else expected)


def test_a_reader_that_leaves_in_the_middle_is_no_fault_of_the_resolver(place: Path) -> None:
    """Steps are told by tasks that run beside the question, too."""
    command = f"{sys.executable} -m resolver trace --lab www.signed.org | head -1"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, cwd=place, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith("  1 ")


@pytest.mark.parametrize(("kind", "what"), _each(BRIEF, CLOSED))
def test_streams_may_be_closed_or_full(place: Path, kind: str, what: str) -> None:
    command = [sys.executable, "-m", "resolver", *_arguments(place, kind, is_soon_over=True)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {CLOSED[what]}', "sh", *command],
        capture_output=True, text=True, cwd=place, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    assert _is_quiet(done.stderr + done.stdout), done.stderr
    expected = 2 if "nothing" in kind else STATUS.get(kind, 0)
    if what == "a full disk" and expected == 0:
        expected = 1
    assert done.returncode == expected


NO_EARS = {"a full disk": "2>/dev/full", "nobody": ""}


@pytest.mark.parametrize("ears", NO_EARS)
@pytest.mark.parametrize(
    "kind", ["query of a server", "check of nothing", "serve of nothing", "bench"]
)
def test_errors_may_find_nobody_to_hear_them(place: Path, kind: str, ears: str) -> None:
    """stderr is a full disk, or a pipe whose reader is gone."""
    theirs, ours = os.pipe()
    os.close(theirs)
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {NO_EARS[ears]}', "sh",
         sys.executable, "-m", "resolver", *_arguments(place, kind, is_soon_over=True)],
        stdout=subprocess.PIPE, stderr=ours, text=True, cwd=place, check=False, env=ENVIRONMENT,
    )  # fmt: skip
    os.close(ours)
    assert _is_quiet(done.stdout)
    assert done.returncode in (1, 2, 9, 141)


def _without_capabilities(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """As root without any of root's rights, or as who we are: may read what is everybody's."""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*drop, sys.executable, "-m", "resolver", *arguments],
        capture_output=True, text=True, cwd=cwd, check=False, timeout=60,
    )  # fmt: skip


REFUSED = {
    "query --config private/file a.b": 2,
    "trace --config private/file a.b": 2,
    "check private/file": 2,
    "serve --config private/file": 2,
    "bench --config private/file": 2,
    "bench --names private/file": 2,
    "bench --json private/file": 2,
    "bench --png private/plot.png": 2,
    "serve --listen 127.0.0.1:53": 2,
    "serve --config state.toml": 2,
}


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="not installed: setpriv"
)
@pytest.mark.parametrize("command", REFUSED)
def test_what_is_not_permitted_is_a_line(tmp_path: Path, command: str) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "file").write_text("")
    (tmp_path / "state.toml").write_text(
        f"working_directory = '{private}'\nserver.listen = ['127.0.0.1:53']\n"
    )
    if os.geteuid() == 0:
        os.chown(private, 65_534, 65_534)
    private.chmod(0o700 if os.geteuid() == 0 else 0)
    try:
        done = _without_capabilities(*command.split(), cwd=tmp_path)
    finally:
        private.chmod(0o755)
    if "127.0.0.1:53" in command and _may_bind_53():
        pytest.skip("anybody may bind port 53 here (net.ipv4.ip_unprivileged_port_start)")
    assert _is_quiet(done.stderr)
    assert done.stderr.startswith(("resolver: ", "--config: ")), done.stderr
    assert done.returncode == REFUSED[command], done.stderr


def _may_bind_53() -> bool:
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    return start.exists() and int(start.read_text()) <= 53


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
    assert ending.status_of(group) == interrupt.INTERRUPTED
    denied = PermissionError(errno.EACCES, "Permission denied", "/root/x.json")
    assert ending.status_of(denied) == ending.FAILED
    assert capsys.readouterr().err == "resolver: /root/x.json: Permission denied\n"
