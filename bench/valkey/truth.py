"""What the one zone of the bench has, by name alone: the authority tells it, the load compares.

`g…` does not exist, `a…` is an alias of `k…`, every other name has an address.
"""

from __future__ import annotations

import hashlib
from typing import Final

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from resolver.protocol import names

ZONE: Final = "bench.test."
TTL_S: Final = 300


def address_of(name: bytes) -> bytes:
    """Of a name in wire form, lower-cased."""
    return b"\x0a" + hashlib.blake2b(name, digest_size=3).digest()


def is_gone(name: bytes) -> bool:
    """Does no such name exist?"""
    return name[1:2] == b"g"


def target_of(name: bytes) -> bytes | None:
    """Whose alias *name* is; None of what is none."""
    return name[:1] + b"k" + name[2:] if name[1:2] == b"a" else None


def fault_of_untrusted(reply: bytes, name: bytes) -> str:
    """What is wrong about *reply*, to a question for the address of *name*; "" if nothing is."""
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException as error:
        return f"no message: {error}"
    rcode = dns.rcode.NXDOMAIN if is_gone(name) else dns.rcode.NOERROR
    if message.rcode() != rcode:
        return dns.rcode.to_text(message.rcode())
    target = target_of(name)
    wanted = set() if target is None else {(name, dns.rdatatype.CNAME, target)}
    if not is_gone(name):
        wanted.add((target or name, dns.rdatatype.A, address_of(target or name)))
    found = {
        (rrset.name.canonicalize().to_wire(), rrset.rdtype, rdata.to_wire())
        for rrset in message.answer
        for rdata in rrset
    }
    if found != wanted:
        return " ".join(map(str, message.answer)) or "nothing"
    late = [rrset.ttl for rrset in message.answer if rrset.ttl > TTL_S]
    return f"a TTL of {late[0]}" if late else ""


def text_of(name: bytes) -> str:
    return names.to_text(name)
