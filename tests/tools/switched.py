"""A machine made up for the switch: its daemon, its service manager, its versions."""

from __future__ import annotations

import shutil
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools import switch

if TYPE_CHECKING:
    from pathlib import Path

SERVFAIL, NXDOMAIN = 2, 3


class Daemon:
    """Answers each query with *rcode*; None: not at all."""

    def __init__(self) -> None:
        self.rcode: int | None = NXDOMAIN
        self.asked: list[bytes] = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            query, client = self.socket.recvfrom(512)
            if query == b"end":
                return
            self.asked.append(query)
            if self.rcode is not None:
                flags = bytes([0x81, 0x80 | self.rcode])
                self.socket.sendto(query[:2] + flags + query[4:], client)

    def end(self) -> None:
        self.socket.sendto(b"end", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()


@dataclass
class Service:
    """A service manager. A version starts as its file `starts` says, "active" without."""

    top: Path
    daemon: Daemon
    active: str = "active"
    pid: int = 100
    calls: list[str] = field(default_factory=list)

    def state(self) -> tuple[str, int]:
        return self.active, self.pid

    def reload(self) -> None:
        self.calls.append("reload")

    def restart(self) -> None:
        tree = (self.top / "current").resolve()
        self.calls.append(f"restart {switch.version(tree).split()[1]}")
        self.pid += 1
        self.active = _text(tree / "starts") or "active"
        said = _text(tree / "rcode") or str(NXDOMAIN)
        self.daemon.rcode = int(said) if said.isdigit() else None


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@dataclass(frozen=True)
class Machine:
    """With the package's first version on it, running."""

    switch: switch.Switch
    service: Service
    daemon: Daemon

    @property
    def current(self) -> str:
        return str((self.switch.top / "current").readlink())

    def brings(self, version: str, **files: str) -> None:
        """What dpkg does: the new files are there, the old ones are not."""
        top = self.switch.top
        packaged = top / "packaged"
        if packaged.is_symlink():
            shutil.rmtree(top / packaged.readlink())
            packaged.unlink()
        (top / version / "bin").mkdir(parents=True)
        for name, text in {"resolver.service": f"unit {version}\n", **files}.items():
            (top / version / name).write_text(text)
        packaged.symlink_to(version)
        self.switch.unit.write_text(f"unit {version}\n")

    def run(self, *arguments: str) -> int:
        return switch.main(arguments, self.switch)
