"""Who has the port that we want: tried by binding it, and looked up in /proc if that fails."""

from __future__ import annotations

import errno
import os
import re
import socket
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.config.endpoints import Endpoint

_TABLES: Final = {True: ("udp", "udp6"), False: ("tcp", "tcp6")}
_TCP_LISTENS: Final = "0A"
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")
_UNIT: Final = re.compile(r"([^/]+\.service)(?:/|$)")


class Holder(NamedTuple):
    """Who holds a port: *pid* is 0 where nobody can tell (another namespace)."""

    where: str
    pid: int = 0
    name: str = ""
    unit: str = ""

    def __str__(self) -> str:
        if not self.pid:
            return f"{self.where} is held by a program that cannot be seen from here"
        unit = f", {self.unit}" if self.unit else ""
        return f"{self.where} is held by {self.name} (pid {self.pid}{unit})"

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.pid == 1:
            return "`systemctl list-sockets` names its socket unit: stop and disable that"
        if self.unit:
            return f"sudo systemctl disable --now {self.unit}"
        if self.pid:
            return f"stop it (sudo kill {self.pid}), and whatever starts it again"
        return "ss -lntup 'sport = :53' as root of the machine itself"


def holders(wishes: Iterable[tuple[bool, Endpoint]]) -> list[Holder]:
    """For each socket (is it UDP? where?) that another program keeps us from: that program."""
    found: dict[tuple[int, str], Holder] = {}
    for is_udp, (host, port) in wishes:
        if not _is_taken(host, port, is_udp=is_udp):
            continue
        shown = f"port {port} of {host} ({'UDP' if is_udp else 'TCP'})"
        holder = _holder(shown, port, is_udp=is_udp)
        found.setdefault((holder.pid, "" if holder.pid else shown), holder)
    return list(found.values())


def _is_taken(host: str, port: int, *, is_udp: bool) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if is_udp else socket.SOCK_STREAM
    try:
        with closing(socket.socket(family, kind)) as sock:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if not is_udp:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host.partition("%")[0], port))
            if not is_udp:
                sock.listen(1)
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def _holder(shown: str, port: int, *, is_udp: bool) -> Holder:
    inodes = {inode for table in _TABLES[is_udp] for inode in _inodes(table, port)}
    for pid, inode in _open_sockets():
        if inode in inodes:
            return Holder(shown, pid, _text(pid, "comm").strip(), unit_of(_text(pid, "cgroup")))
    return Holder(shown)


def _inodes(table: str, port: int) -> Iterator[str]:
    """Of the sockets bound to *port*; of TCP's only those that listen. proc(5), /proc/net/tcp."""
    with suppress(OSError):
        for line in Path("/proc/net", table).read_text("ascii").splitlines()[1:]:
            words = line.split()
            is_there = int(words[1].rpartition(":")[2], 16) == port
            if is_there and (table.startswith("udp") or words[3] == _TCP_LISTENS):
                yield words[9]


def _open_sockets() -> Iterator[tuple[int, str]]:
    """(pid, inode) of every socket that we may see."""
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    found = _SOCKET.match(os.readlink(descriptor))
                    if found:
                        yield int(process.name), found[1]


def unit_of(cgroup: str) -> str:
    """The service in /proc/PID/cgroup, or ""."""
    found = _UNIT.findall(cgroup)
    return found[-1] if found else ""


def _text(pid: int, name: str) -> str:
    try:
        return Path("/proc", str(pid), name).read_text("utf-8", "replace")
    except OSError:
        return ""
