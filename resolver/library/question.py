"""What the caller asked → a `Question`: names as text or dnspython's, types as text or number."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import dns.exception
import dns.name
import dns.rdatatype
import dns.reversename

from resolver.library.failures import BadQuestion
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

# Nobody has records of these (RFC 6895 §3.1); ANY is a question that can be asked.
_META = frozenset({0, RRType.OPT, *range(128, 255)})


@lru_cache  # dnspython takes 50 µs for it, as long as all the rest of a cached answer
def question(name: str | dns.name.Name, rdtype: str | int = "A") -> Question:
    """The question of class IN. Raises BadQuestion.

    Names are absolute, with or without their final dot: there is no search list. Those in other
    scripts than ASCII become A-labels (IDNA 2008 with the mappings of UTS 46).
    """
    return Question(_wire(name), _number(rdtype))


def reverse(address: str | IPv4Address | IPv6Address) -> Question:
    """The PTR question of an address. Raises BadQuestion."""
    try:
        return question(dns.reversename.from_address(str(address)), RRType.PTR)
    except (dns.exception.DNSException, ValueError):
        raise BadQuestion(f"{address!r} is not an IP address") from None


def _wire(name: str | dns.name.Name) -> bytes:
    try:
        parsed = name if isinstance(name, dns.name.Name) else _parsed(name)
        return (parsed.derelativize(dns.name.root).to_wire() or names.ROOT).lower()
    except (dns.exception.DNSException, ValueError) as error:  # UnicodeError is a ValueError
        raise BadQuestion(f"{name!r} is not a domain name ({error})") from None


def _parsed(name: str) -> dns.name.Name:
    if not isinstance(name, str):
        raise TypeError(f"a name is text or a dns.name.Name, not {type(name).__name__}")
    if not name:
        raise BadQuestion('the name is empty; the root is "."')
    return dns.name.from_text(name, idna_codec=dns.name.IDNA_2008_Practical)


def _number(rdtype: str | int) -> int:
    try:
        number = int(dns.rdatatype.RdataType.make(rdtype))
    except (dns.exception.DNSException, ValueError):
        expected = 'a record type such as "AAAA" or "TYPE65"'
        raise BadQuestion(f"{rdtype!r} is not {expected}") from None
    if number in _META:
        raise BadQuestion(f"{rdtype!r} is no type that records have")
    return number
