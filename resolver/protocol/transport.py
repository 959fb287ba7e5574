"""Over what is asked, on both sides, and who asks: a client's facts that shape its reply."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple


class Transport(enum.Enum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"
    HTTPS = "https"
    QUIC = "quic"
    HTTP3 = "http3"  # what is https:// over UDP

    __hash__ = object.__hash__  # by identity: Enum's own is a Python function


ENCRYPTED: Final = frozenset({Transport.TLS, Transport.HTTPS, Transport.QUIC, Transport.HTTP3})
OVER_UDP: Final = frozenset({Transport.UDP, Transport.QUIC, Transport.HTTP3})


class Client(NamedTuple):
    """*host* is the presentation form of the address without a scope; *local* the one listened at.

    *asked_at*: where that is every address, the raw one that was asked, as far as it is known.
    *listener* is that with its port: "192.0.2.1:53", "[::1]:53".
    """

    host: str
    port: int
    transport: Transport
    local: str = ""
    asked_at: bytes = b""
    listener: str = ""


def host_of(listener: str) -> str:
    """The address of a listener, without its port, if it has one."""
    if listener.startswith("["):
        return listener[1:].partition("]")[0]
    return listener.partition(":")[0] if listener.count(":") == 1 else listener


DOH_PATH: Final = "/dns-query"  # what RFC 8484's examples have, and everybody since
OURSELVES: Final = Client("", 0, Transport.UDP)  # for questions that no client has sent
