"""Just enough wire format to write worlds and questions; names are text with no final dot."""

import dataclasses
import ipaddress
import struct

from bench.common.signing import name_wire

A, NS, SOA, AAAA = 1, 2, 6, 28
DS, RRSIG, NSEC, DNSKEY = 43, 46, 47, 48
HEADER_OCTETS = 12
RECURSION_DESIRED = 0x0100
RESPONSE = 0x80


@dataclasses.dataclass(frozen=True, slots=True)
class Rrset:
    """Records of one name and type; RRSIGs too, one set per signature."""

    owner: str
    rtype: int
    ttl_s: int
    rdatas: list[bytes]


def canonical_key(name: str) -> tuple[bytes, ...]:
    """Sorts names as RFC 4034 §6.1 does."""
    return tuple(reversed(name.encode("ascii").split(b"."))) if name else ()


def address_rdata(address: str) -> bytes:
    """A or AAAA rdata."""
    return ipaddress.ip_address(address).packed


def soa_rdata(zone: str, ttl_s: int) -> bytes:
    """A plausible SOA whose negative TTL is *ttl_s*."""
    names = name_wire(f"ns1.{zone}".rstrip(".")) + name_wire(f"hostmaster.{zone}".rstrip("."))
    return names + struct.pack("!5I", 1, 3600, 900, 604800, ttl_s)


def query(number: int, qname: str, qtype: int = A) -> bytes:
    """A stub's question, without EDNS as most stubs send it."""
    head = struct.pack("!6H", number, RECURSION_DESIRED, 1, 0, 0, 0)
    return head + name_wire(qname) + struct.pack("!HH", qtype, 1)
