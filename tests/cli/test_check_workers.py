"""`check` on how many processes there are to be."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Literal

import msgspec
import pytest

from resolver.cli import check_workers
from resolver.cli.check_workers import worker_notes
from resolver.config.schema import Config, Control, Server
from resolver.limits import CHECK_ASK_SECONDS, PROCESSOR_FULL_PART
from tests.support import set_limit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROCESSORS = 4


@pytest.fixture(autouse=True)
def _processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(PROCESSORS)))


class Daemon:
    """One that says how busy it was, or nothing."""

    def __init__(self, path: Path) -> None:
        self.part: float | None = 0.0
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with closing(client):
                while line := client.recv(4096):
                    asked = msgspec.json.decode(line)
                    assert asked["do"] == "stats"
                    if self.part is None:
                        continue
                    gauges = {"processor_part_busiest": self.part}
                    reply = {"id": asked["id"], "ok": True, "gauges": gauges}
                    client.sendall(msgspec.json.encode(reply) + b"\n")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    found = Daemon(tmp_path / "control")
    yield found
    found.close()


def _notes(workers: int | Literal["auto"], path: Path) -> list[str]:
    config = Config(server=Server(workers=workers), control=Control(socket=str(path)))
    return list(worker_notes(config))


@pytest.mark.reaches("PROCESSOR_FULL_PART")
def test_more_are_advised_where_one_had_no_more_to_give(daemon: Daemon) -> None:
    daemon.part = PROCESSOR_FULL_PART
    (said,) = _notes(1, daemon.path)
    assert "server.workers is 1" in said
    assert "70% of a processor" in said
    assert f"there are {PROCESSORS} processors" in said
    assert '"auto"' in said
    (said,) = _notes(2, daemon.path)
    assert "one of its processes" in said
    assert _notes("auto", daemon.path) == _notes(PROCESSORS, daemon.path) == []
    daemon.part = PROCESSOR_FULL_PART - 0.01
    assert _notes(1, daemon.path) == []


def test_more_than_there_are_processors_gain_nothing(tmp_path: Path) -> None:
    (said,) = _notes(PROCESSORS + 1, tmp_path / "none")
    assert f"server.workers is {PROCESSORS + 1}" in said


@pytest.mark.reaches("CHECK_ASK_SECONDS")
def test_who_cannot_be_asked_is_no_trouble(
    tmp_path: Path, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is none, it is gone, it is silent."""
    assert CHECK_ASK_SECONDS > 0
    set_limit(monkeypatch, check_workers, "CHECK_ASK_SECONDS", 0.1)
    assert _notes(1, tmp_path / "none") == []
    (tmp_path / "left").touch()
    assert _notes(1, tmp_path / "left") == []
    daemon.part = None
    assert _notes(1, daemon.path) == []
