"""Who has the port that we want: tried by binding it, and looked up if that fails."""

from __future__ import annotations

import errno
import socket
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from resolver.runtime import port_holders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.config.endpoints import Endpoint


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
        holder = _holder(shown, host, port, is_udp=is_udp)
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


def _holder(shown: str, host: str, port: int, *, is_udp: bool) -> Holder:
    held = port_holders.holder(host, port, is_udp=is_udp)
    return Holder(shown) if held is None else Holder(shown, held.pid, held.name, held.unit)
