"""What /etc/resolv.conf says once it is ours, and whom another one names. Pure. resolv.conf(5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.config.endpoints import DNS_PORT, reachable
from resolver.config.listen_urls import listen_url
from resolver.protocol.transport import Transport
from resolver.setup.files import Content, Kind, text_file
from resolver.setup.places import RESOLV_CONF_HEAD

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_SERVERS: Final = 3  # glibc's MAXNS
_LOOPBACK: Final = ("127.0.0.1", "::1")
_KEPT: Final = ("search", "domain")


def askable(listens: Iterable[str]) -> list[str]:
    """The addresses of `server.listen` that programs can be pointed at, loopback first.

    resolv.conf knows no ports and nothing encrypted: UDP and TCP on port 53.
    """
    hosts = []
    for text in listens:
        url = listen_url(text)
        host, port = url.where
        if port == DNS_PORT and Transport.UDP in url.transports:
            hosts.append(reachable(host))
    ordered = sorted(dict.fromkeys(hosts), key=lambda host: host not in _LOOPBACK)
    return ordered[:_MOST_SERVERS]


def ours(servers: Iterable[str], before: bytes, fallback: str = "") -> Content:
    """A file that names *servers*, and completes names as the one *before* did.

    *fallback*: another's, asked where ours do not answer in time. Nobody believes its AD then.
    """
    named = list(servers)
    if fallback:
        named = [*named[: _MOST_SERVERS - 1], fallback]
    lines = [f"nameserver {server}" for server in named]
    lines.append("options edns0" if fallback else "options edns0 trust-ad")
    kept = [line.strip() for line in _lines(before) if line.split()[:1] and
            line.split()[0] in _KEPT and len(line.split()) > 1]  # fmt: skip
    return text_file(RESOLV_CONF_HEAD + "\n".join([*lines, *kept[-1:]]) + "\n")


def servers_of(data: bytes) -> list[str]:
    """Whom a resolv.conf names."""
    words = [line.split() for line in _lines(data)]
    return [each[1] for each in words if each[:1] == ["nameserver"] and len(each) > 1]


def _lines(data: bytes) -> list[str]:
    return Content(Kind.FILE, data).lines
