"""The daemon as a process: it starts, answers, and ends when it is told to. Loopback only."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from resolver.cli.main import main
from resolver.protocol import names, wire
from resolver.protocol.codes import Flag, RRType
from tests.cli.fake_server import address, reply
from tests.cli.fake_server import serving as serving_forwarder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LOCALHOST = wire.build_query(
    id=7, qname=names.from_text("localhost."), qtype=RRType.A, flags=Flag.RD
)
PATIENCE_S = 20.0


def free_port() -> int:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _started(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "resolver", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@contextmanager
def serving(
    directory: Path, port: int, *, head: str = "", more: Sequence[int] = ()
) -> Iterator[subprocess.Popen[str]]:
    """The daemon on *port*, and *more*; ready as the outside sees it: a TCP connection succeeds."""
    path = directory / "resolver.toml"
    listen = [f"127.0.0.1:{number}" for number in (port, *more)]
    path.write_text(f"{head}\nserver.listen = {listen}\nroot.prime = false\n")
    process = _started("serve", "--config", str(path))
    try:
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
                break
            except ConnectionRefusedError:
                continue
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_answers_and_ends_with_status_0_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, port) as process:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
            sock.settimeout(PATIENCE_S)
            sock.sendto(LOCALHOST, ("127.0.0.1", port))
            answer = wire.parse_untrusted(sock.recv(4096))
        assert (answer.id, answer.rcode, answer.answer[0].rdata) == (7, 0, b"\x7f\0\0\1")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")


def test_a_query_finds_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Our own client knows our own daemon, and asks it instead of resolving beside it."""
    port = free_port()
    with serving(tmp_path, port):
        assert main(["query", "--config", str(tmp_path / "resolver.toml"), "localhost"]) == 0
    said = capsys.readouterr().out.splitlines()[1]
    assert said == f";; answered by the daemon at 127.0.0.1:{port} (UDP)"


def test_it_remembers_when_it_ran(tmp_path: Path) -> None:
    """The floor of the next run's clock; `user` is empty, for the directory is the tester's."""
    head = f"working_directory = '{tmp_path}'\nserver.user = ''"
    with serving(tmp_path, free_port(), head=head) as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert int((tmp_path / "last-run").read_text()) > 1_700_000_000


def test_a_busy_port_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with serving(tmp_path, port) as process:
            _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1  # for a service manager: another time it may be free
    assert f"line 2: server.listen: '127.0.0.1:{port}' is in use; expected an address" in err


def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    hints = tmp_path / "my.hints"
    hints.write_text("here\n")
    with serving(tmp_path, free_port(), head=f"root.hints_file = '{hints}'") as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert err.count("\n") == 1
    assert "my.hints line 1: 'here' is not allowed; expected owner, TTL, type and one value" in err


def test_every_problem_of_the_configuration_is_told(tmp_path: Path) -> None:
    with serving(tmp_path, 53, head="server.workers = 0\nserver.usr = 'x'") as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "server.workers: 0 is not allowed" in err
    assert 'did you mean "user"?' in err


def _say(port: int, query: bytes = LOCALHOST) -> wire.Message:
    """What it answers to a question about localhost, or to *query*; waits until it does."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.settimeout(0.2)
        for _ in range(int(PATIENCE_S / 0.2)):
            with suppress(OSError):
                sock.sendto(query, ("127.0.0.1", port))
                return wire.parse_untrusted(sock.recv(4096))
            time.sleep(0.05)
    raise AssertionError("no answer")


def _until(path: Path, text: str) -> str:
    """What stands in *path* once *text* does."""
    for _ in range(int(PATIENCE_S / 0.05)):
        found = path.read_text() if path.exists() else ""
        if text in found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{path} never said {text!r}")


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_reopens_the_log_and_kills_nobody(tmp_path: Path, workers: int) -> None:
    """logrotate moves the file and sends SIGHUP; so does a terminal that is closed."""
    port, log = free_port(), tmp_path / "resolver.log"
    head = f"log.destination = '{log}'\nserver.user = ''\nserver.workers = {workers}"
    with serving(tmp_path, port, head=head) as process:
        _say(port)
        log.rename(tmp_path / "resolver.log.1")
        process.send_signal(signal.SIGHUP)
        said = _until(log, "SIGHUP: log file reopened")
        assert said.count("reopened") == 1
        assert _say(port).rcode == 0
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


def test_a_log_that_cannot_be_reopened_goes_on_as_it_was(tmp_path: Path) -> None:
    port, directory = free_port(), tmp_path / "log"
    directory.mkdir()
    log = directory / "resolver.log"
    with serving(tmp_path, port, head=f"log.destination = '{log}'\nserver.user = ''") as process:
        _say(port)
        directory.rename(tmp_path / "old")
        process.send_signal(signal.SIGHUP)
        _until(tmp_path / "old" / "resolver.log", "going on with the old")
        assert _say(port).rcode == 0


@pytest.mark.parametrize("name", ["USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "PIPE"])
def test_signals_that_mean_nothing_do_nothing(tmp_path: Path, name: str) -> None:
    """Any of them would end a Unix process that did not say otherwise."""
    port = free_port()
    with serving(tmp_path, port) as process:
        _say(port)
        process.send_signal(signal.Signals[f"SIG{name}"])
        assert _say(port).rcode == 0
        process.send_signal(signal.SIGQUIT)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")


def test_a_port_that_becomes_free_is_served(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        path = tmp_path / "resolver.toml"
        path.write_text(f"server.listen = ['127.0.0.1:{port}']\nroot.prime = false\n")
        process = _started("serve", "--config", str(path))
        assert process.stderr is not None
        assert "another program listens there" in process.stderr.readline()
    try:
        assert _say(port).rcode == 0
    finally:
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "listening now" in err


def test_one_busy_port_of_two_does_not_keep_the_other_from_being_served(tmp_path: Path) -> None:
    free = free_port()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with serving(tmp_path, free, more=[port]) as process:
            assert _say(free).rcode == 0
            taken.close()
            assert _say(port).rcode == 0
            process.terminate()
            _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert err.count("another program listens there") == 1


def test_what_is_in_flight_at_sigterm_is_answered(tmp_path: Path) -> None:
    """A client that is told nothing asks again after five seconds only."""

    def slowly(query: wire.Message, transport: str) -> bytes | None:
        """Over TCP only, which is tried after 0.9 s, and half a second later."""
        if query.qtype == RRType.A and transport == "udp":
            return None
        time.sleep(0.5 if query.qtype == RRType.A else 0.0)
        return reply(query, address(query))

    www = wire.build_query(
        id=9, qname=names.from_text("www.example."), qtype=RRType.A, flags=Flag.RD
    )
    with serving_forwarder(slowly) as forwarder:
        port = free_port()
        forward = f"forward = [{{zone = '.', addresses = ['127.0.0.1:{forwarder}']}}]"
        head = f"{forward}\ndnssec.validate = false\nserver.user = ''"
        with (
            serving(tmp_path, port, head=head) as process,
            closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock,
        ):
            sock.settimeout(PATIENCE_S)
            sock.sendto(www, ("127.0.0.1", port))
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            assert wire.parse_untrusted(sock.recv(4096)).answer[0].rdata == b"\xc0\x00\x02\x01"
            process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0


def test_it_ends_at_once_while_it_waits_for_a_port() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        process = _started("serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
        assert process.stderr is not None
        process.stderr.readline()
        process.terminate()
        process.communicate(timeout=5)
    assert process.returncode == 0


@pytest.mark.parametrize("kind", ["rpz", "block"])
def test_it_ends_at_once_while_it_waits_for_policy_to_be_read(tmp_path: Path, kind: str) -> None:
    """Its ports are bound by then, so a client may have to wait, but not who stops it."""
    lines = "".join(f"host{number}.example CNAME .\n" for number in range(400_000))
    (tmp_path / "large").write_text(f"$TTL 60\n@ SOA . . 1 1 1 1 1\n{lines}")
    zone = "zone = 'z', file" if kind == "rpz" else "source"
    head = f"{kind} = [{{{zone} = 'large'}}]\nworking_directory = '{tmp_path}'\nlog.level = 'info'"
    with serving(tmp_path, free_port(), head=f"{head}\nserver.user = ''") as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "SIGTERM" in err
    assert not [*tmp_path.glob("rpz/*.table"), *tmp_path.glob("lists/compiled*")]


@pytest.mark.parametrize(("level", "tells_names"), [("info", 0), ("debug", 1)])
def test_the_log_tells_of_start_and_stop_and_on_debug_of_queries(
    tmp_path: Path, level: str, tells_names: int
) -> None:
    port, log = free_port(), tmp_path / "resolver.log"
    head = f"log.destination = '{log}'\nlog.level = '{level}'\nserver.user = ''"
    with serving(tmp_path, port, head=head) as process:
        assert _say(port).rcode == 0
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
    said = log.read_text()
    assert f"listening on 127.0.0.1:{port}; answering 127.0.0.0/8, ::1; " in said
    assert "SIGTERM\n" in said
    assert "stopped; " in said
    assert said.count("127.0.0.1 udp localhost. A: NOERROR, 1 records") >= tells_names
    assert ("localhost." in said) == bool(tells_names)


def test_a_trial_beside_the_daemon_opens_no_door_and_keeps_nothing(tmp_path: Path) -> None:
    """As `resolver bench` runs it: with the configuration of a daemon that may be running."""
    port, page = free_port(), free_port()
    path = tmp_path / "resolver.toml"
    path.write_text(
        f'working_directory = "{tmp_path}"\nserver.listen = ["127.0.0.1:1"]\n'
        f'control.socket = "{tmp_path}/control"\nmetrics.listen = "127.0.0.1:{page}"\n'
        'root.prime = false\nserver.user = ""\n'
    )
    process = _started("serve", "--config", str(path), "--listen", f"127.0.0.1:{port}", "--beside")
    try:
        give_up = time.monotonic() + PATIENCE_S
        while not _answers(port):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        assert not (tmp_path / "control").exists()
        assert not (tmp_path / "cache").exists()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", page))
    finally:
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_S)
    assert "WARNING" not in said


def _answers(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.settimeout(1.0)
        sock.connect(("127.0.0.1", port))
        try:
            sock.send(LOCALHOST)
            return len(sock.recv(4096)) > 0
        except OSError:
            return False
