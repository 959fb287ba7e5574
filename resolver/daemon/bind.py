"""The listening sockets: what can be bound is served, the rest is bound when it can be.

A port that its last owner still holds, an address that DHCP, a VPN or duplicate address detection
brings later, are no reason to leave everybody without a resolver: each is told once, and tried
again every BIND_RETRY_SECONDS. Where not one UDP socket can be had at the start the daemon waits
BIND_PATIENCE_SECONDS for it and then gives up: a service manager starts it again, and somebody at a
terminal has read why. What waiting cannot mend (no permission) is an error at once.
Unbound and Knot give up at the first address, BIND goes on and looks again once an hour.
"""

from __future__ import annotations

import errno
import logging
import socket
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

import trio

from resolver.config.endpoints import endpoint, show
from resolver.errors import CannotStart, ConfigError
from resolver.limits import BIND_PATIENCE_SECONDS, BIND_RETRY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config
    from resolver.listen.listen_network import ListenNetwork, TcpListener, UdpSocket

_log = logging.getLogger(__name__)
_UNPRIVILEGED: Final = 1024
_LATER: Final = frozenset(
    {
        errno.EADDRINUSE,
        errno.EADDRNOTAVAIL,
        errno.ENODEV,  # the interface of a scoped address
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
    }
)
_NO_FAMILY: Final = frozenset({errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})


class Wish(NamedTuple):
    """One socket to have: for which key, of which kind, where."""

    key: str
    kind: Literal["UDP", "TCP", "HTTP"]
    where: tuple[str, int]


class Takers(Protocol):
    """Who serves what is bound after the start."""

    def add_udp(self, host: str, sock: UdpSocket) -> None: ...

    def add_tcp(self, host: str, listener: TcpListener) -> None: ...

    def add_metrics(self, listener: TcpListener) -> None: ...


class ListeningSockets:
    """What is bound, and what is still missing. *tells* False: another process says it all."""

    def __init__(self, network: ListenNetwork, config: Config, *, tells: bool = True) -> None:
        self.udp: list[tuple[str, UdpSocket]] = []
        self.tcp: list[tuple[str, TcpListener]] = []
        self.metrics: list[TcpListener] = []
        self.bound: list[tuple[str, int]] = []
        self.missing: list[Wish] = []
        self._network = network
        self._wishes = list(_wishes(config))
        self._told: dict[tuple[str, int], str] = {}
        self._level = logging.WARNING if tells else logging.DEBUG

    def __repr__(self) -> str:
        return f"<ListeningSockets {len(self.bound)} bound, {len(self.missing)} missing>"

    @property
    def needs_privilege(self) -> bool:
        """True if what is still missing can be bound by a privileged process only."""
        return any(wish.where[1] < _UNPRIVILEGED for wish in self.missing)

    async def bind(self) -> None:
        """All that can be had; at least one UDP socket.

        Raises ConfigError where waiting is of no use, CannotStart after BIND_PATIENCE_SECONDS.
        """
        ends_at = trio.current_time() + BIND_PATIENCE_SECONDS
        wishes = self._wishes
        while True:
            for wish, error in self._bind_each(wishes):
                raise ConfigError(wish.key, show(wish.where), _advice(error)) from error
            if self.udp or not self._wishes:
                return
            if not self.missing:
                missing = _family(self._wishes[0])
                expected = f"an address of a kind that this system has (it has no {missing})"
                raise ConfigError("server.listen", show(self._wishes[0].where), expected)
            if trio.current_time() >= ends_at:
                raise CannotStart("cannot listen on " + "; ".join(self._told.values()))
            await trio.sleep(BIND_RETRY_SECONDS)
            wishes = self.missing

    async def bind_missing(self, takers: Takers) -> None:
        """Try until nothing is missing; *takers* get what was bound."""
        while self.missing:
            await trio.sleep(BIND_RETRY_SECONDS)
            udp, tcp, metrics = len(self.udp), len(self.tcp), len(self.metrics)
            for wish, error in self._bind_each(self.missing):  # privileges went after the start
                _log.log(self._level, "%s: not bound: %s", show(wish.where), error.strerror)
            for host, sock in self.udp[udp:]:
                takers.add_udp(host, sock)
            for host, listener in self.tcp[tcp:]:
                takers.add_tcp(host, listener)
            for listener in self.metrics[metrics:]:
                takers.add_metrics(listener)

    def _bind_each(self, wishes: list[Wish]) -> list[tuple[Wish, OSError]]:
        """Try each once. What is worth another try is `missing` then, the rest is returned."""
        self.missing, hopeless = [], []
        for wish in wishes:
            try:
                self._bind_one(wish)
            except OSError as error:
                if error.errno in _NO_FAMILY:
                    self._tell(wish, f"this system has no {_family(wish)}", "listening without it")
                elif error.errno in _LATER or isinstance(error, socket.gaierror):
                    self.missing.append(wish)
                    self._tell(wish, _reason(error), "trying again")
                else:
                    hopeless.append((wish, error))
            else:
                if wishes is not self._wishes:
                    _log.log(self._level, "%s (%s): listening now", show(wish.where), wish.kind)
        return hopeless

    def _tell(self, wish: Wish, why: str, so: str) -> None:
        """One line an address, however long it lasts: UDP and TCP mostly share their fate."""
        if wish.where not in self._told:
            self._told[wish.where] = f"{show(wish.where)}: {why}"
            _log.log(self._level, "%s: %s; %s", show(wish.where), why, so)

    def _bind_one(self, wish: Wish) -> None:
        host = wish.where[0]
        if wish.kind == "UDP":
            self.udp.append((host, self._network.bind_udp(*wish.where)))
            self.bound.append(wish.where)
        elif wish.kind == "TCP":
            self.tcp.append((host, self._network.bind_tcp(*wish.where)))
        else:
            self.metrics.append(self._network.bind_tcp(*wish.where))

    async def aclose(self) -> None:
        for _, sock in self.udp:
            sock.close()
        for listener in (*(listener for _, listener in self.tcp), *self.metrics):
            await listener.aclose()


def _wishes(config: Config) -> Iterator[Wish]:
    for text in config.server.listen:
        where = endpoint(text)
        yield Wish("server.listen", "UDP", where)
        yield Wish("server.listen", "TCP", where)
    if config.metrics.listen:
        yield Wish("metrics.listen", "HTTP", endpoint(config.metrics.listen))


def _family(wish: Wish) -> str:
    return "IPv6" if ":" in wish.where[0] else "IPv4"


def _reason(error: OSError) -> str:
    """Why it cannot be had now, and what may be done about it, in one line."""
    if error.errno == errno.EADDRINUSE:
        return "another program listens there (ss -lntup shows which)"
    if error.errno == errno.EADDRNOTAVAIL:
        return "not an address of this machine yet"
    if error.errno == errno.ENODEV or isinstance(error, socket.gaierror):
        return "this machine has no such interface yet"
    return error.strerror or str(error)


def _advice(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "a port above 1023, or start as root, or with CAP_NET_BIND_SERVICE"
    return f"an address to listen on ({error.strerror})"
