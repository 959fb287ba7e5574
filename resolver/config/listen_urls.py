"""Where to listen and what is spoken there, as one writes it: URL → transports and an endpoint.

"127.0.0.1:53" alone is `udp+tcp://127.0.0.1:53`. A scheme names what is spoken; each has the port
of its own RFC (1035 §4.2, 7858 §3.1, 8484 §6, 9250 §4.1.1). What this version does not speak yet is
understood all the same, so that it can be said.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.config.endpoints import DNS_PORT, listenable, show
from resolver.protocol.transport import ENCRYPTED, SPOKEN, Transport

if TYPE_CHECKING:
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
_NEEDED: Final = {Transport.QUIC: ("aioquic", "quic")}
_PLAIN: Final = "udp+tcp"
_OVER_UDP: Final = frozenset({Transport.UDP, Transport.QUIC})
_EXAMPLES: Final = '"127.0.0.1:53", "udp://127.0.0.1:53", "tls://[::1]:853"'


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
    def is_spoken(self) -> bool:
        """True if this version can."""
        return SPOKEN.issuperset(self.transports)

    @property
    def is_encrypted(self) -> bool:
        """True if clients are shown a certificate there."""
        return not ENCRYPTED.isdisjoint(self.transports)

    @property
    def sockets(self) -> frozenset[bool]:
        """The kinds of socket that it takes: True is UDP's, False is TCP's."""
        return frozenset(transport in _OVER_UDP for transport in self.transports)

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
    return ListenUrl(scheme, listenable(rest, port=port), path)


def spoken_here(text: str) -> ListenUrl:
    """As `listen_url`, of those that this version can serve."""
    url = listen_url(text)
    if not url.is_spoken:
        raise ValueError(
            f"udp+tcp://, udp://, tcp://, tls:// or quic:// before the address: {url.scheme}:// "
            "is not yet supported"
        )
    for transport in url.transports:
        module, extra = _NEEDED.get(transport, ("", ""))
        if module and importlib.util.find_spec(module) is None:
            raise ValueError(
                f"{module} to be installed for {url.scheme}://: pip install 'resolver[{extra}]'"
            )
    return url
