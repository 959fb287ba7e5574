"""Where questions go out: the configured source addresses, and addresses with an interface.

A source that this machine does not have right now (an uplink that went away) is no server's fault:
the next one is tried, and the first is taken again as soon as it is back, for nothing is
remembered. A link-local address means nothing without its interface, which the kernel takes as a
number (RFC 4007 §6, §11); the number is looked up each time, for interfaces come and go.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, TypeAlias

from resolver.config.endpoints import address

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from resolver.model import Server

SocketAddress: TypeAlias = "tuple[str, int] | tuple[str, int, int, int]"

# What the kernel says of a source that is not there or leads nowhere: another one may do.
OTHER_MAY_DO = frozenset(
    {errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL}
)


def socket_address(host: str, port: int) -> SocketAddress:
    """*host* and *port* as the socket calls want them. Raises OSError: no such interface."""
    plain, _, scope = host.partition("%")
    return (plain, port, 0, _interface(scope)) if scope else (host, port)


def _interface(scope: str) -> int:
    """The number of an interface, given by name or number. Raises OSError."""
    if scope.isdecimal():
        return int(scope)
    try:
        return socket.if_nametoindex(scope)
    except OSError:
        raise OSError(errno.ENODEV, f"no interface {scope}") from None


class Sources:
    """The configured source addresses, by family."""

    def __init__(self, texts: Iterable[str], rng: Random) -> None:
        self._rng = rng
        every = [address(text) for text in texts]
        self._of_ipv6 = {  # keys: is_ipv6
            is_ipv6: [text for text in every if (":" in text) == is_ipv6]
            for is_ipv6 in (False, True)
        }

    def __repr__(self) -> str:
        return f"<Sources {self._of_ipv6[False] + self._of_ipv6[True]}>"

    def __bool__(self) -> bool:
        return any(self._of_ipv6.values())

    def towards(self, server: Server) -> list[str]:
        """Sources to try for *server*, in this order; empty: the kernel's choice.

        Raises OSError where only others are configured: a link-local address reaches its own link.
        """
        host = server.host
        configured = self._of_ipv6[":" in host]
        if len(configured) < 2 and not (configured and "%" in configured[0]):  # noqa: PLR2004
            return configured
        link = host.partition("%")[2]
        fit = [text for text in configured if text.partition("%")[2] in ("", link)]
        if not fit:
            raise OSError(errno.EADDRNOTAVAIL, f"no source address reaches {host}")
        self._rng.shuffle(fit)
        if link:
            fit.sort(key=lambda text: "%" not in text)  # its own link's first
        return fit
