"""The daemon as a process: it starts, answers, and ends when it is told to. Loopback only."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from resolver.protocol import names, wire
from resolver.protocol.codes import Flag, RRType

if TYPE_CHECKING:
    from collections.abc import Iterator
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


@contextmanager
def serving(directory: Path, port: int, *, head: str = "") -> Iterator[subprocess.Popen[str]]:
    """The daemon on *port*, ready as the outside sees it: a TCP connection succeeds."""
    path = directory / "resolver.toml"
    path.write_text(f"{head}\nserver.listen = ['127.0.0.1:{port}']\nroot.prime = false\n")
    command = [sys.executable, "-m", "resolver", "serve", "--config", str(path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
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
    assert process.returncode == 2
    assert err.count("\n") == 1
    assert f"127.0.0.1:{port}' is not allowed; expected a free address; another program" in err


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
