"""IPv4 addresses inside IPv6 ones: prefixes of NAT64 translators (RFC 6052, RFC 7050, RFC 8781).

A prefix has 32, 40, 48, 56, 64 or 96 bits; the octet of bits 64 to 71 is zero, and the address goes
on behind it. Pure.
"""

from __future__ import annotations

from ipaddress import IPv6Network
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable

LENGTHS: Final = (96, 64, 56, 48, 40, 32)
_OPTION_OCTETS: Final = 16
_CODES: Final = 7  # of 16 bits: seconds in units of eight, and which of LENGTHS
_RESERVED_AT: Final = 8  # the octet of bits 64 to 71
_IPV4_OCTETS: Final = 4
_IPV6_OCTETS: Final = 16
WELL_KNOWN_IPV4: Final = (bytes((192, 0, 0, 170)), bytes((192, 0, 0, 171)))
"""The addresses of ipv4only.arpa, by which a translator's prefix is found (RFC 7050 §8)."""


class Prefix(NamedTuple):
    """*octets*: the first ones, as many as *length* has bits."""

    octets: bytes
    length: int

    def __str__(self) -> str:
        return str(IPv6Network((self.octets.ljust(_IPV6_OCTETS, b"\0"), self.length)))

    @property
    def is_well_known(self) -> bool:
        """64:ff9b::/96, which stands for public IPv4 addresses alone (RFC 6052 §3.1)."""
        return self == WELL_KNOWN

    def embed(self, ipv4: bytes) -> bytes:
        """The IPv6 address of the 4 octets *ipv4* (RFC 6052 §2.2)."""
        head = self.octets
        room = _RESERVED_AT - len(head)
        if room < 0:  # /96: behind the reserved octet
            return head + ipv4
        made = head + ipv4[:room] + b"\0" + ipv4[room:]
        return made.ljust(_IPV6_OCTETS, b"\0")

    def extract(self, ipv6: bytes) -> bytes | None:
        """The 4 octets inside the 16 of *ipv6*, None if it is none of this prefix."""
        if not ipv6.startswith(self.octets) or ipv6[_RESERVED_AT]:
            return None
        rest = ipv6[len(self.octets) :]
        room = _RESERVED_AT - len(self.octets)
        if room < 0:
            return rest
        return (rest[:room] + rest[room + 1 :])[:_IPV4_OCTETS]


def prefix(text: str) -> Prefix:
    """The prefix "64:ff9b::/96". Raises ValueError with what was expected."""
    try:
        network = IPv6Network(text)
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if network.prefixlen not in LENGTHS:
        raise ValueError(_EXPECTED)
    octets = network.network_address.packed
    if octets[_RESERVED_AT]:
        raise ValueError("a prefix whose bits 64 to 71 are zero (RFC 6052 §2.2)")
    return Prefix(octets[: network.prefixlen // 8], network.prefixlen)


_EXPECTED: Final = 'a prefix of 32, 40, 48, 56, 64 or 96 bits such as "64:ff9b::/96"'
WELL_KNOWN: Final = prefix("64:ff9b::/96")


def prefixes_untrusted(addresses: Iterable[bytes]) -> tuple[Prefix, ...]:
    """Those that made these AAAA rdatas of ipv4only.arpa, each once (RFC 7050 §3).

    Nothing of an address that holds no well-known one, or holds one in two places.
    """
    found: dict[Prefix, None] = {}
    for address in addresses:
        fitting = [one for length in LENGTHS if (one := _at(address, length)) is not None]
        if len(fitting) == 1:
            found[fitting[0]] = None
    return tuple(found)


def advertised_untrusted(option: bytes) -> tuple[Prefix, int]:
    """The prefix of a PREF64 option of a router's advertisement, and for how many seconds it
    counts; 0: no longer (RFC 8781 §4). Raises WireError."""
    if len(option) != _OPTION_OCTETS or option[1] * 8 != _OPTION_OCTETS:
        raise WireError("a PREF64 option has 16 octets")
    scaled = int.from_bytes(option[2:4], "big")
    code = scaled & _CODES
    if code >= len(LENGTHS):
        raise WireError("a PREF64 option of no length that there is")
    length = LENGTHS[code]
    made = Prefix(option[4 : 4 + length // 8], length)
    if length == LENGTHS[0] and made.octets[_RESERVED_AT]:
        raise WireError("a prefix whose bits 64 to 71 are not zero")
    return made, scaled & ~_CODES


def _at(address: bytes, length: int) -> Prefix | None:
    if len(address) != _IPV6_OCTETS:
        return None
    candidate = Prefix(address[: length // 8], length)
    ipv4 = candidate.extract(address)
    if ipv4 not in WELL_KNOWN_IPV4 or candidate.embed(ipv4) != address:
        return None
    return candidate
