"""A value for each network of a list; the most specific one that holds an address counts.

IPv4 in IPv6 clothes (::ffff:0:0/96, from dual-stack sockets) counts as IPv4. Cost: one shift and
one dict look-up per distinct prefix length. Pure.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from resolver.protocol.ip_addresses import MAPPED, unmapped

if TYPE_CHECKING:
    from collections.abc import Iterator

V = TypeVar("V")

_IPV4_OCTETS: Final = 4


class Networks(Generic[V]):
    """Values by network. Raises ValueError where *put* is given what is no network."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[int, dict[int, dict[int, V]]] = {4: {}, 16: {}}  # by octets, by shift

    def __len__(self) -> int:
        return sum(len(found) for table in self._tables.values() for found in table.values())

    def put(self, text: str, value: V) -> None:
        """*text* is "192.0.2.0/24", "::1"."""
        values, number = self._place(text)
        values[number] = value

    def setdefault(self, text: str, value: V) -> V:
        """What the network *text* has; *value*, put there, if it has nothing."""
        values, number = self._place(text)
        return values.setdefault(number, value)

    def _place(self, text: str) -> tuple[dict[int, V], int]:
        network = _unmapped(ipaddress.ip_network(text))
        width = network.max_prefixlen // 8
        shift = network.max_prefixlen - network.prefixlen
        table = self._tables[width]
        values = table.setdefault(shift, {})
        self._tables[width] = dict(sorted(table.items()))  # the longest prefixes first
        return values, int(network.network_address) >> shift

    def closest(self, address: bytes) -> V | None:
        """The value of the most specific network that holds *address*, 4 or 16 octets."""
        return next(self.around(address), None)

    def around(self, address: bytes) -> Iterator[V]:
        """The values of all networks that hold *address*, that of the most specific one first."""
        address = unmapped(address)
        number = int.from_bytes(address, "big")
        for shift, values in self._tables.get(len(address), {}).items():
            value = values.get(number >> shift)
            if value is not None:
                yield value


def _unmapped(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network of IPv4 in IPv6 clothes as what it is: so are the addresses held against it."""
    packed, bits = network.network_address.packed, network.prefixlen - 8 * len(MAPPED)
    if not packed.startswith(MAPPED) or bits < 0:
        return network
    return ipaddress.IPv4Network((packed[-_IPV4_OCTETS:], bits))
