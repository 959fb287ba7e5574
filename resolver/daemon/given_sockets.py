"""Sockets that a service manager has opened for us, by name (sd_listen_fds(3), systemd.socket(5)).

`FileDescriptorName=` says what is spoken on them: udp, tcp, tls, https, quic; where it says none of
these, port 53 is plain DNS. In any order, any number. One that cannot be what its name says is told
and left alone. They count as entries of `server.listen`, in the place of those that they would keep
from being bound, at each reload too; and they are never closed: what is bound anew is a duplicate.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from resolver.config.check_server import is_same_port
from resolver.config.endpoints import DNS_PORT, show
from resolver.config.listen_urls import listen_url
from resolver.protocol.transport import OVER_UDP, Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping

    from resolver.config.endpoints import Endpoint
    from resolver.config.schema import Config
    from resolver.listen.sockets import GivenSockets

_log = logging.getLogger(__name__)
_FIRST: Final = 3  # SD_LISTEN_FDS_START
_NAMED: Final = {
    each.value: each
    for each in (Transport.UDP, Transport.TCP, Transport.TLS, Transport.HTTPS, Transport.QUIC)
}
_NAMES: Final = ", ".join(_NAMED)
_VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


class Given(NamedTuple):
    """One socket, what is spoken on it, and where."""

    transport: Transport
    where: Endpoint
    sock: socket.socket

    @property
    def is_udp(self) -> bool:
        return self.transport in OVER_UDP

    def __str__(self) -> str:
        return f"{self.transport.value}://{show(self.where)}"


def take(environment: MutableMapping[str, str]) -> list[Given]:
    """Those that are meant for this process, once: *environment* speaks of them no longer."""
    pid, count, named = (environment.pop(each, "") for each in _VARIABLES)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    names = named.split(":") if named else []
    found: list[Given] = []
    for at in range(int(count)):
        one = _given(_FIRST + at, names[at] if at < len(names) else "")
        if one is None:
            continue
        if any(other.is_udp == one.is_udp and other.where == one.where for other in found):
            _log.warning("%s was given twice: the second one is left alone", one)
        else:
            found.append(one)
    return found


def _given(descriptor: int, name: str) -> Given | None:
    """What *descriptor* is; None, and a line, if it is nothing to listen on."""
    called = f"socket {descriptor} of the service manager ({name or 'without a name'})"
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        _log.warning("%s cannot be used: %s", called, error.strerror)
        return None
    wrong = _wrong(sock, name)
    if wrong:
        _log.warning("%s is left alone: %s", called, wrong)
        sock.detach()  # it is its owner's, and stays open
        return None
    if sock.family == socket.AF_INET6 and not sock.getsockopt(
        socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
    ):
        _log.warning("%s: clients by IPv4 are taken for strangers (BindIPv6Only=both)", called)
    sock.settimeout(0.0)
    host, port, *_ = sock.getsockname()
    return Given(_transport(sock, name), (host, port), sock)


def _transport(sock: socket.socket, name: str) -> Transport:
    plain = Transport.UDP if sock.type == socket.SOCK_DGRAM else Transport.TCP
    return _NAMED.get(name, plain)


def _wrong(sock: socket.socket, name: str) -> str:
    """Why *sock* cannot be what *name* says, or ""."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return "it is none of IPv4 or IPv6"
    if sock.type not in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        return "it is none of UDP or TCP"
    if name not in _NAMED and sock.getsockname()[1] != DNS_PORT:
        return f"FileDescriptorName= is to be one of {_NAMES}"
    is_udp = sock.type == socket.SOCK_DGRAM
    if is_udp != (_transport(sock, name) in OVER_UDP):
        wanted = "ListenStream=" if is_udp else "ListenDatagram="
        return f"{name} wants {wanted}"
    if not is_udp and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "it does not listen (Accept=yes?)"
    return ""


def by_place(given: Iterable[Given]) -> GivenSockets:
    """As `SystemListenNetwork` takes them."""
    return {(one.is_udp, one.where): one.sock for one in given}


def folded(config: Config, given: list[Given]) -> Config:
    """*config* with those that were *given* in `server.listen`."""
    if not given:
        return config
    kept = [text for entry in config.server.listen for text in _beside(entry, given)]
    listen = (*map(str, given), *(text for text in kept if text not in set(map(str, given))))
    server = msgspec.structs.replace(config.server, listen=listen)
    return msgspec.structs.replace(config, server=server)


def _beside(entry: str, given: list[Given]) -> Iterator[str]:
    """What is left to bind of *entry*."""
    url = listen_url(entry)
    free = [
        each
        for each in url.transports
        if not any(
            one.is_udp == (each in OVER_UDP) and is_same_port(one.where, url.where) for one in given
        )
    ]
    if len(free) == len(url.transports):
        yield entry
    else:
        yield from (f"{each.value}://{show(url.where)}{url.path}" for each in free)
