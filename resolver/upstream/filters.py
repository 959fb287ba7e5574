"""Which addresses may be asked at all: family switches, loopback, private ranges.

A public zone that delegates to 127.0.0.1 or 10.0.0.1 makes a resolver knock at its own doors; what
stands in a `[[forward]]` or `[[stub]]` table or in the root hints was meant by the operator (RFC
8806 runs a root on the loopback). It counts for that zone and all below it, whoever repeats it
there, and for no other zone and no other port. RFC 6890's registry.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from resolver.limits import FILTERED_ADDRESSES
from resolver.protocol.names import is_subdomain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.delegation import Key
    from resolver.model import Delegation, Name, Server
    from resolver.upstream.settings import OutgoingSettings


@lru_cache(maxsize=FILTERED_ADDRESSES)
def _kind(host: str) -> str:
    """ "never", "loopback", "private" or "public"."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "never"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return "never"  # RFC 4038 §4.2: IPv4 in disguise, past all filters
    if address.is_multicast or address.is_unspecified or host == "255.255.255.255":
        return "never"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "private"
    return "private" if address.is_private else "public"


class AddressFilter:
    """The configured switches, applied to an address.

    *named*: zone cuts as the operator wrote them, whose addresses may be asked wherever they lie.
    """

    def __init__(self, settings: OutgoingSettings, named: Iterable[Delegation] = ()) -> None:
        self._ipv4 = settings.ipv4
        self._ipv6 = settings.ipv6
        self._loopback = not settings.do_not_query_localhost
        self._private = not settings.deny_private_addresses
        self._named: dict[Key, list[Name]] = {}
        self.is_plain = lru_cache(maxsize=FILTERED_ADDRESSES)(self._is_plain)
        """Is a host public, and of a family that is asked? Then it may be asked about any zone."""
        for delegation in named:
            for server in delegation.servers():
                self._named.setdefault(server.key, []).append(delegation.zone)

    def allowed(self, delegation: Delegation) -> tuple[Server, ...]:
        """Those servers of *delegation* that may be asked; worked out when they change."""
        book, zone = delegation.book, delegation.zone
        by, among, allowed = book.allowed
        if by is not self or among is not book.servers:
            allowed = tuple(
                server
                for server in book.servers
                if self.is_plain(server.host)
                or self.allows(server, zone, is_forward=delegation.is_forward)
            )
            book.allowed = self, book.servers, allowed
        return allowed

    def _is_plain(self, host: str) -> bool:
        return (self._ipv6 if ":" in host else self._ipv4) and _kind(host) == "public"

    def allows(self, server: Server, zone: Name, *, is_forward: bool) -> bool:
        """May this address be asked about *zone*? *is_forward*: the operator named it."""
        host = server.host
        if not (self._ipv6 if ":" in host else self._ipv4):
            return False
        kind = _kind(host)
        if kind == "never":
            return False
        if is_forward or kind == "public":
            return True
        if self._loopback if kind == "loopback" else self._private:
            return True
        return any(is_subdomain(zone, above) for above in self._named.get(server.key, ()))
