"""Where to listen and what is spoken there, as one writes it: URL → transports and an endpoint.

"127.0.0.1:53" alone is `udp+tcp://127.0.0.1:53`. A scheme names what is spoken; each has the port
of its own RFC (1035 §4.2, 7858 §3.1, 8484 §6, 9250 §4.1.1). What is not installed is understood all
the same, so that it can be said.
"""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.config.endpoints import DNS_PORT, listenable, show
from resolver.protocol.transport import ENCRYPTED, OVER_UDP, Transport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.config.endpoints import Endpoint

_SCHEMES: Final = {
    "udp+tcp": ((Transport.UDP, Transport.TCP), DNS_PORT),
    "udp": ((Transport.UDP,), DNS_PORT),
    "tcp": ((Transport.TCP,), DNS_PORT),
    "tls": ((Transport.TLS,), 853),
    "https": ((Transport.HTTPS,), 443),
    "quic": ((Transport.QUIC,), 853),
}
# What a transport is spoken with that need not be there, and the extra that brings it.
_NEEDED: Final = {
    Transport.HTTPS: (("h2", "h11"), "https"),
    Transport.QUIC: (("aioquic",), "quic"),
}
_PLAIN: Final = "udp+tcp"
_EXAMPLES: Final = '"127.0.0.1:53", "tls://[::1]:853", "https://192.0.2.1/dns-query"'
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")


class ListenUrl(NamedTuple):
    """One entry of `server.listen`. *path* is that of HTTPS, with its slash; "" elsewhere."""

    scheme: str
    where: Endpoint
    path: str = ""

    @property
    def transports(self) -> tuple[Transport, ...]:
        """What is spoken there."""
        return _SCHEMES[self.scheme][0]

    @property
    def is_encrypted(self) -> bool:
        """True if clients are shown a certificate there."""
        return not ENCRYPTED.isdisjoint(self.transports)

    @property
    def sockets(self) -> frozenset[bool]:
        """The kinds of socket that it takes: True is UDP's, False is TCP's."""
        return frozenset(transport in OVER_UDP for transport in self.transports)

    def __str__(self) -> str:
        """As short as it can be written: the scheme only where it says something."""
        head = "" if self.scheme == _PLAIN else f"{self.scheme}://"
        return f"{head}{show(self.where)}{self.path}"


def listen_url(text: str) -> ListenUrl:
    """*text* taken apart. Raises ValueError with what was expected."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = _PLAIN, text
    if scheme not in _SCHEMES:
        raise ValueError(f"one of {', '.join(f'{known}://' for known in _SCHEMES)}: {_EXAMPLES}")
    transports, port = _SCHEMES[scheme]
    path = ""
    if Transport.HTTPS in transports:
        rest, slash, tail = rest.partition("/")
        path = slash + tail
        if path:
            http_path(path)
    return ListenUrl(scheme, listenable(rest, port=port), path)


def spoken_here(text: str) -> ListenUrl:
    """As `listen_url`, of those that can be served with what is installed."""
    url = listen_url(text)
    for transport in url.transports:
        modules, extra = _NEEDED.get(transport, ((), ""))
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if missing:
            raise ValueError(
                f"{' and '.join(missing)} to be installed for {url.scheme}://: "
                f"pip install 'resolver[{extra}]'"
            )
    return url


def http_path(text: str) -> str:
    """*text*, if it can be the path of a URL. Raises ValueError."""
    if not _PATH.fullmatch(text):
        raise ValueError('a path such as "/dns-query", other characters as %XX')
    return text


def https_paths(listen: Iterable[str], paths: Iterable[str]) -> tuple[str, ...]:
    """Where DNS over HTTPS is served: those of the URLs in *listen* first, then *paths*."""
    urls = [url for url in map(listen_url, listen) if Transport.HTTPS in url.transports]
    return tuple(dict.fromkeys((*(url.path for url in urls if url.path), *paths)))
