"""SIGHUP to a whole daemon: the configuration is read again, and a service manager hears of it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from resolver.protocol import names, wire
from resolver.protocol.codes import Flag, Rcode, RRClass, RRType
from tests.cli.test_serve import PATIENCE_S, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCALHOST = names.from_text("localhost.")
WHO = names.from_text("id.server.")


class Served:
    """A daemon, its files, and what it tells a service manager."""

    def __init__(self, directory: Path, *, workers: int) -> None:
        self.port = free_port()
        self.config = directory / "resolver.toml"
        self.log = directory / "log"
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(directory / "notify"))
        self.manager.settimeout(PATIENCE_S)
        self.workers = workers
        self.write("")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "resolver", "serve", "--config", str(self.config)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "NOTIFY_SOCKET": str(directory / "notify")},
        )

    def write(self, more: str) -> None:
        """The configuration, with *more*."""
        self.config.write_text(
            f"server.listen = ['127.0.0.1:{self.port}']\nserver.user = ''\n"
            f"server.workers = {self.workers}\nroot.prime = false\n"
            f"log = {{destination = '{self.log}', level = 'info'}}\n{more}"
        )

    def heard(self) -> str:
        """The next thing that the manager is told, but for what it shows people alone."""
        while (said := self.manager.recv(4096).decode()).startswith("STATUS="):
            pass
        return said.partition("\nSTATUS=")[0]

    def hang_up(self) -> list[str]:
        """SIGHUP; the lines that it brings, once the manager was told of its beginning and end."""
        before = len(self.said())
        self.process.send_signal(signal.SIGHUP)
        begin, _, stamp = self.heard().partition("\nMONOTONIC_USEC=")
        assert begin == "RELOADING=1"
        assert 0 <= time.clock_gettime(time.CLOCK_MONOTONIC) - int(stamp) / 1e6 < PATIENCE_S
        assert self.heard() == "READY=1"
        ends_at = time.monotonic() + PATIENCE_S
        while len(self.said()) == before and time.monotonic() < ends_at:
            time.sleep(0.02)
        return self.said()[before:]

    def said(self) -> list[str]:
        """What the log says of reloads."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        tails = [line.partition("SIGHUP: ")[2] for line in lines]
        return [tail for tail in tails if "reloaded" in tail]

    def rcode(self) -> int:
        """Of a name that is answered here, to us; another one each time, for names are dealt out to
        the workers."""
        name = names.prepend(secrets.token_hex(4).encode(), LOCALHOST)
        return self.ask(name, RRType.A).rcode

    def ask(self, name: names.Name, rtype: int, rclass: int = RRClass.IN) -> wire.Message:
        query = wire.build(id=7, flags=int(Flag.RD), question=(name, rtype, rclass))
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(("127.0.0.1", self.port))
            sock.send(query)
            return wire.parse_untrusted(sock.recv(4096))

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.manager.close()


@contextmanager
def serving(directory: Path, *, workers: int = 1) -> Iterator[Served]:
    it = Served(directory, workers=workers)
    try:
        assert it.heard() == "READY=1"
        yield it
    finally:
        it.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_good_configuration_counts_and_a_bad_one_changes_nothing(
    tmp_path: Path, workers: int
) -> None:
    with serving(tmp_path, workers=workers) as it:
        assert it.rcode() == Rcode.NOERROR
        it.write("server.allow_from = ['192.0.2.0/24']\n")
        assert it.hang_up() == ["reloaded: server.allow_from"]
        _wait_for(it, Rcode.REFUSED)
        it.write("server.allow_from = ['127.0.0.1', 'x']\nserver.nonsense = 1\n")
        said = it.hang_up()
        assert len(said) == len(("server.allow_from", "server.nonsense"))
        assert all(one.startswith("not reloaded, nothing has changed: ") for one in said)
        assert "server.nonsense" in said[1]
        assert [it.rcode() for _ in range(10)] == [Rcode.REFUSED] * 10
        it.write("server.identity = 'me'\n")
        assert it.hang_up() == ["reloaded: server.allow_from, server.identity"]
        _wait_for(it, Rcode.NOERROR)
        it.process.terminate()
        assert it.heard() == "STOPPING=1"
        assert it.process.wait(PATIENCE_S) == 0


def _wait_for(it: Served, rcode: int) -> None:
    """Every worker has it by now."""
    ends_at = time.monotonic() + PATIENCE_S
    alike = 0
    while alike < 20 and time.monotonic() < ends_at:
        alike = alike + 1 if it.rcode() == rcode else 0
    assert alike == 20


def test_a_worker_that_is_started_again_begins_with_what_the_others_go_by(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2) as it:
        it.write("server.allow_from = ['192.0.2.0/24']\n")
        it.hang_up()
        _wait_for(it, Rcode.REFUSED)
        (tmp_path / "resolver.toml").unlink()
        children = _children(it.process.pid)
        assert len(children) == 2
        for child in children:
            os.kill(child, signal.SIGKILL)
            ends_at = time.monotonic() + PATIENCE_S
            while len(set(_children(it.process.pid)) - {child}) < 2:
                assert time.monotonic() < ends_at
                time.sleep(0.05)
        time.sleep(1)
        _wait_for(it, Rcode.REFUSED)


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:  # noqa: PTH123
        return [int(child) for child in file.read().split()]
