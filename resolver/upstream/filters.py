"""Which addresses may be asked at all: family switches, loopback, private ranges.

A public zone that delegates to 127.0.0.1 or 10.0.0.1 makes a resolver knock at its own doors; what
stands in a `[[forward]]` or `[[stub]]` table was meant by the operator. RFC 6890's registry.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolver.upstream.settings import OutgoingSettings


@lru_cache(maxsize=65_536)
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
    """The configured switches, applied to an address."""

    def __init__(self, settings: OutgoingSettings) -> None:
        self._ipv4 = settings.ipv4
        self._ipv6 = settings.ipv6
        self._loopback = not settings.do_not_query_localhost
        self._private = not settings.deny_private_addresses

    def allows(self, host: str, *, is_forward: bool) -> bool:
        """May this address be asked? *is_forward*: the operator named it."""
        if not (self._ipv6 if ":" in host else self._ipv4):
            return False
        kind = _kind(host)
        if kind == "never":
            return False
        if is_forward or kind == "public":
            return True
        return self._loopback if kind == "loopback" else self._private
