"""May this client ask? A list of networks, held against the octets of its address.

Closed by default: what no network covers is refused, so that nobody is an open resolver by chance
(RFC 5358). IPv4 in IPv6 clothes (::ffff:0:0/96, from dual-stack sockets) counts as IPv4. Which
network matches does not matter, since every one allows. Cost: one dict look-up for a client seen
lately, else one shift and one set look-up per distinct prefix length.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from resolver.limits import ACL_MEMORY

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAPPED: Final = bytes(10) + b"\xff\xff"
_IPV4_OCTETS: Final = 4


class Acl:
    """Networks whose clients are served. *networks* is text: "192.0.2.0/24", "::1"."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._prefixes: dict[int, dict[int, set[int]]] = {4: {}, 16: {}}
        self._lately: dict[bytes, bool] = {}
        for text in networks:
            network = _unmapped(ipaddress.ip_network(text))
            width = network.max_prefixlen // 8
            shift = network.max_prefixlen - network.prefixlen
            prefix = int(network.network_address) >> shift
            self._prefixes[width].setdefault(shift, set()).add(prefix)

    def __repr__(self) -> str:
        count = sum(len(found) for table in self._prefixes.values() for found in table.values())
        return f"<Acl of {count} networks>"

    def allows_packed(self, address: bytes) -> bool:
        """True if a network covers *address*, 4 or 16 octets as in a sockaddr."""
        known = self._lately.get(address)
        if known is not None:
            return known
        verdict = self._covers(address)
        if len(self._lately) >= ACL_MEMORY:  # spoofed sources must not fill memory
            self._lately.clear()
        self._lately[address] = verdict
        return verdict

    def allows(self, host: str) -> bool:
        """The same for the text form that sockets give (a scope is ignored)."""
        return self.allows_packed(ipaddress.ip_address(host.partition("%")[0]).packed)

    def _covers(self, address: bytes) -> bool:
        if address.startswith(_MAPPED):
            address = address[-_IPV4_OCTETS:]
        number = int.from_bytes(address, "big")
        table = self._prefixes.get(len(address), {})
        return any(number >> shift in prefixes for shift, prefixes in table.items())


def _unmapped(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network of IPv4 in IPv6 clothes as what it is: so are the addresses held against it."""
    packed, bits = network.network_address.packed, network.prefixlen - 8 * len(_MAPPED)
    if not packed.startswith(_MAPPED) or bits < 0:
        return network
    return ipaddress.IPv4Network((packed[-_IPV4_OCTETS:], bits))
