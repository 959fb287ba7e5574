"""Servers that have IPv4 addresses only, asked from a network that has IPv6 only: NAT64.

Stands before a network and has a server of a public IPv4 address asked at the IPv6 address that the
network's translator takes for it (RFC 6052). To all above, and to what is remembered of it, it is
the server it was. Where the prefix is found rather than given, IPv4 itself is tried first, as long
as there is a route; where nothing is configured this is the network below, at no cost.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from resolver.protocol.ip_addresses import address_octets, octets_text
from resolver.protocol.private_addresses import is_private

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import trio

    from resolver.model import Server
    from resolver.protocol.nat64 import Prefix
    from resolver.upstream.network import LinkChanges, Network, Routers, UdpPort, Whose

    Prefixes = Callable[[], tuple[Prefix, ...]]

_NO_WAY: Final = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class FoundPrefixes:
    """What discovery has found lately (`daemon.prefix_finding`)."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now: tuple[Prefix, ...] = ()

    def __repr__(self) -> str:
        return f"<FoundPrefixes {', '.join(map(str, self.now)) or 'none'}>"


class Translating:
    """*network*, with IPv4 through a translator once `go_through` says which."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.found = FoundPrefixes()
        self._prefixes: Prefixes = _none
        self._is_native_first = False
        self.go_straight()

    def __repr__(self) -> str:
        return f"<Translating {self.network!r}>"

    def go_straight(self) -> None:
        """IPv4 servers are asked over IPv4."""
        self.open_udp: Callable[[Server], UdpPort] = self.network.open_udp

    def go_through(self, prefixes: Prefixes, *, is_native_first: bool) -> None:
        """Servers of public IPv4 addresses are asked through the first of *prefixes*, while there
        is one; *is_native_first*: where IPv4 itself has no route."""
        self._prefixes = prefixes
        self._is_native_first = is_native_first
        self.open_udp = self._open_udp

    def _open_udp(self, server: Server) -> UdpPort:
        there = self.translated(server)
        if there is None:
            return self.network.open_udp(server)
        if self._is_native_first:
            try:
                return self.network.open_udp(server)
            except OSError as error:
                if error.errno not in _NO_WAY:
                    raise
        return self.network.open_udp(there)

    async def connect_tcp(self, server: Server) -> trio.abc.HalfCloseableStream:
        """As `upstream.network.Network`, by the same way."""
        there = self.translated(server)
        if there is None:
            return await self.network.connect_tcp(server)
        if self._is_native_first:
            try:
                return await self.network.connect_tcp(server)
            except OSError as error:
                if error.errno not in _NO_WAY:
                    raise
        return await self.network.connect_tcp(there)

    def translated(self, server: Server) -> Server | None:
        """*server* as the translator takes it; None: it is asked where it is."""
        if ":" in server.host:
            return None
        prefixes, ipv4 = self._prefixes(), address_octets(server.host)
        if not prefixes or is_private(ipv4):
            return None
        return server._replace(host=octets_text(prefixes[0].embed(ipv4)) or server.host)

    def hear_routers(self) -> Routers:
        return self.network.hear_routers()

    def hear_links(self, *, losses: bool = False) -> LinkChanges:
        return self.network.hear_links(losses=losses)

    @property
    def descriptor(self) -> int:
        return self.network.descriptor

    @property
    def has_waiting(self) -> bool:
        return self.network.has_waiting

    async def wait(self) -> None:
        await self.network.wait()

    def receive(self, whose: Whose | None = None) -> Sequence[tuple[UdpPort, bytes | OSError]]:
        return self.network.receive(whose)


def _none() -> tuple[Prefix, ...]:
    return ()
