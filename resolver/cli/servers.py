"""Which server to ask: the one behind an @, or the daemon of this machine, if it is there.

The daemon is looked for at each address where one of ours may listen, all at a time and with one
question that of all servers only our own answers: another resolver on 127.0.0.1 must not be taken
for it. Probes go to addresses of this machine alone, and leave from loopback: a configuration that
was written for another machine leaks nothing.
"""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from resolver.config import endpoints
from resolver.errors import ConfigError, WireError
from resolver.limits import DAEMON_PROBE_SECONDS
from resolver.protocol import wire
from resolver.protocol.chaos_names import DAEMON, DAEMON_TEXT
from resolver.protocol.codes import RRClass, RRType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.config.endpoints import Endpoint

DEFAULT_CONFIG = "/etc/resolver/resolver.toml"
# Port 5300 is where the daemon listens that is tried out beside another resolver.
_USUAL = (("127.0.0.1", 53), ("::1", 53), ("127.0.0.1", 5300), ("::1", 5300))
_PORTS = range(1, 0x10000)
_MAX_UDP_OCTETS = 65_535


def named(text: str, *, port: int | None = None) -> list[Endpoint]:
    """The addresses of "host", "host:port", "host#port", "[v6]:port" or "v6", best first.

    *port* is for those that name none. Asks the system for a host's addresses. Raises ConfigError.
    """
    host, said = split(text)
    number = said if said is not None else endpoints.DNS_PORT if port is None else port
    if not host or number not in _PORTS:
        raise ConfigError("@SERVER", f"@{text}", "@host, @host:port, @host#port or @[v6]:port")
    try:
        where = host.encode() if host.isascii() else host  # octets load no codec
        found = socket.getaddrinfo(where, number, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no name of a host"
        raise ConfigError("@SERVER", f"@{text}", f"a server ({reason})") from None
    return [(each, number) for each in dict.fromkeys(_host(*address) for *_, address in found)]


def host_of(text: str) -> str:
    """The host in what `named` takes."""
    return split(text)[0]


def daemon(listens: Iterable[str]) -> tuple[Endpoint | None, list[Endpoint]]:
    """Where our daemon answers, or None; and all the places that were tried.

    *listens* are listen addresses of a configuration, which come first; then the usual ones. Ends
    when the first that can still be it is it, and after DAEMON_PROBE_SECONDS at the latest.
    """
    places = list(dict.fromkeys([*reachable(listens), *_USUAL]))
    ours: set[Endpoint] = set()
    with ExitStack() as opened:
        waiting = {place: sock for place in places if (sock := _probe(place, opened)) is not None}
        deadline = time.monotonic() + DAEMON_PROBE_SECONDS
        while True:
            first = next((place for place in places if place in ours or place in waiting), None)
            if first is None or first in ours:
                return first, places
            left_s = max(0.0, deadline - time.monotonic())
            ready = select.select(list(waiting.values()), (), (), left_s)[0]
            if not ready:
                return next((place for place in places if place in ours), None), places
            for place in [place for place, sock in waiting.items() if sock in ready]:
                verdict = _is_ours(waiting[place])
                if verdict is not None:
                    del waiting[place]
                if verdict:
                    ours.add(place)


def default_listens() -> list[str]:
    """server.listen of the usual configuration file; none if there is no such file to read.

    Only that key is looked at: reading all as the daemon does takes longer than the answer.
    """
    if not os.access(DEFAULT_CONFIG, os.R_OK):
        return []
    import tomllib  # noqa: PLC0415  # only where there is such a file

    try:
        with open(DEFAULT_CONFIG, encoding="utf-8-sig") as file:  # noqa: PTH123  # pathlib loads urllib
            listens = tomllib.loads(file.read())["server"]["listen"]
        return [text for text in listens if isinstance(text, str)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def split(text: str) -> tuple[str, int | None]:
    """Host and port, which may be missing; 0 for a port that is no number."""
    if text.startswith("["):
        host, end, rest = text[1:].partition("]")
        return host, _port(rest[1:]) if rest or not end else None
    for sign in ("#", ":"):
        if text.count(sign) == 1:
            host, _, rest = text.partition(sign)
            return host, _port(rest)
    return text, None


def _port(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() else 0


def _host(host: str, _port: int, _flow: int = 0, scope: int = 0) -> str:
    """The address of a socket's name; a link-local one with its interface."""
    return f"{host}%{scope}" if scope and "%" not in host else host


def reachable(listens: Iterable[str]) -> Iterator[Endpoint]:
    """Where to ask the daemon that listens there: "any address" is loopback to us."""
    for text in listens:
        scheme, _, rest = text.rpartition("://")
        with suppress(ValueError):
            host, port = endpoints.endpoint(rest)
            if scheme in ("", "udp", "udp+tcp"):
                yield endpoints.reachable(host), port


def _probe(place: Endpoint, opened: ExitStack) -> socket.socket | None:
    """A socket over which the question has gone out; None if it cannot."""
    is_v6 = ":" in place[0]
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as here:
            here.bind((place[0], 0))  # refused for what is no address of this machine
        sock = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        sock.settimeout(0)
        sock.bind(("::1" if is_v6 else "127.0.0.1", 0))  # the daemon tells nobody else
        sock.connect(place)
        query = wire.build_query(id=0, qname=DAEMON, qtype=RRType.TXT, qclass=RRClass.CH)
        sock.send(query)
    except OSError:
        return None
    return sock


def _is_ours(sock: socket.socket) -> bool | None:
    """Is what has arrived our daemon's answer? None: it is no answer at all."""
    try:
        message = wire.parse_untrusted(sock.recv(_MAX_UDP_OCTETS))
    except BlockingIOError:
        return None
    except (OSError, WireError):
        return False
    return any(record.owner == DAEMON and record.rdata == DAEMON_TEXT for record in message.answer)
