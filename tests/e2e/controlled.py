"""A daemon as it is started, with the lab for its Internet, and a control socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import dns.message
import dns.query
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from resolver.protocol import names, wire
from resolver.protocol.codes import Flag, RRClass, RRType
from tests.cli.test_serve import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S = 60.0


class Controlled(NamedTuple):
    """The daemon, its files, and how to ask it."""

    process: subprocess.Popen[str]
    folder: Path
    port: int
    log: Path

    @property
    def socket(self) -> Path:
        return self.folder / "control"

    @property
    def config(self) -> Path:
        return self.folder / "resolver.toml"

    def asked_as(self, user: int, group: int, **request: object) -> str:
        """What a process of *user* and *group* is told: a line, or why the socket is closed."""
        return self.told_as(user, group, json.dumps(request).encode() + b"\n")

    def told_as(
        self, user: int, group: int, line: bytes, *, first: Callable[[], None] | None = None
    ) -> str:
        """The same for a *line*; what such a process does *first*.

        Forked, for such a user may not even read this interpreter.
        """
        mine, theirs = os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.setgroups([])
                os.setgid(group)
                os.setuid(user)
                if first is not None:
                    first()
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                    sock.connect(str(self.socket))
                    sock.sendall(line)
                    os.write(theirs, sock.recv(65_536))
            except OSError as error:
                os.write(theirs, str(error).encode())
            finally:
                os._exit(0)
        os.close(theirs)
        with open(mine, "rb") as told:  # noqa: PTH123
            said = told.read().decode("utf-8", "replace")
        os.waitpid(child, 0)
        return said

    def control(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What `resolver control` prints."""
        return self.command("control", *words)

    def command(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        """What `resolver COMMAND` prints."""
        line = [sys.executable, "-m", "resolver", command, "--socket", str(self.socket), *words]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    def told(self, *words: str) -> dict[str, Any]:
        """The object that it prints."""
        done = self.control(*words, "--json")
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def logged(self, words: str) -> bool:
        """Does the log say so, soon?"""
        ends_at = time.monotonic() + PATIENCE_S
        while words not in self.log.read_text():
            if time.monotonic() > ends_at:
                return False
            time.sleep(0.05)
        return True

    def ask(self, name: str, rtype: int = RRType.A, rclass: int = RRClass.IN) -> int:
        """The rcode for *name*."""
        question = (names.from_text(name), rtype, rclass)
        query = wire.build(id=7, flags=int(Flag.RD), question=question)
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(("127.0.0.1", self.port))
            sock.send(query)
            return wire.parse_untrusted(sock.recv(4096)).rcode

    def ask_anyone(self, name: str, rtype: int = RRType.A, rclass: int = RRClass.IN) -> int:
        """The same over TCP: of several workers now one answers, now another (over UDP each name is
        one worker's)."""
        query = dns.message.make_query(name, RdataType.make(rtype), RdataClass.make(rclass))
        return dns.query.tcp(query, "127.0.0.1", port=self.port, timeout=PATIENCE_S).rcode()


def write(folder: Path, port: int, head: str, more_listeners: str = "") -> None:
    (folder / "resolver.toml").write_text(
        f"{head}\nserver.listen = ['127.0.0.1:{port}', {more_listeners}]\nroot.prime = false\n"
        f"control.socket = '{folder / 'control'}'\n"
    )


@contextmanager
def open_folder() -> Iterator[Path]:
    """One that every account may enter: those of pytest are root's alone."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


def _is_open(path: Path) -> bool:
    """Looked at first: commands in vain would take the processor that the daemon starts with."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as sock:
        return sock.connect_ex(str(path)) == 0


@contextmanager
def controlled(
    folder: Path,
    *,
    head: str = "server.user = ''",
    is_lab: bool = True,
    port: int = 0,
    more_listeners: str = "",
) -> Iterator[Controlled]:
    """Ready once its control socket can be opened. Without the lab it asks nobody of its own.

    *more_listeners*: beside UDP and TCP at *port*, in TOML's quotes, with commas between.
    """
    port, log = port or free_port(), folder / "log"
    write(folder, port, head, more_listeners)
    command = [sys.executable, "-m", "resolver", "serve", "--config", str(folder / "resolver.toml")]
    with log.open("a") as file:
        process = subprocess.Popen(
            [*command, "--lab"] if is_lab else command, stderr=file, text=True
        )
    it = Controlled(process, folder, port, log)
    try:
        ends_at = time.monotonic() + PATIENCE_S
        while not _is_open(it.socket) or it.control("status").returncode != 0:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < ends_at, log.read_text()
            time.sleep(0.02)
        yield it
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
    assert "Traceback" not in log.read_text()
