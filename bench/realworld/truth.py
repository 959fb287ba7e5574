"""What the authorities hold for a question, and whether a reply says the same.

Read straight from the zones' records, by RFC 1034 §4.3.2: no resolver's code takes part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from bench.realworld.zones import ancestors

if TYPE_CHECKING:
    from bench.realworld.tree import World
    from bench.realworld.zones import Zone

LONGEST_CHAIN = 8


@dataclass(frozen=True, slots=True)
class Truth:
    """The right answer: rcode, (owner, type, rdata) of its ANSWER section, provably so or not."""

    rcode: str
    answer: frozenset[tuple[str, str, str]]
    is_secure: bool


def lookup(world: World, name: str, rtype: str) -> Truth:
    """Follow *name* through the world's zones, aliases and wildcards included."""
    found: set[tuple[str, str, str]] = set()
    is_secure = True
    for _ in range(LONGEST_CHAIN):
        zone = world.enclosing(name)
        is_secure = is_secure and zone.is_signed
        source = _source_of(zone, name)
        if source is None:
            # A span with opt-out proves no absence (RFC 5155 §9.2).
            return Truth("NXDOMAIN", frozenset(found), is_secure and not zone.opts_out)
        if (source, rtype) in zone.rrsets:
            found |= {(name, rtype, rdata) for rdata in zone.rrsets[source, rtype]}
            break
        if (source, "CNAME") not in zone.rrsets:
            break
        target = zone.rrsets[source, "CNAME"][0]
        found.add((name, "CNAME", target))
        name = target
    return Truth("NOERROR", frozenset(found), is_secure)


def _source_of(zone: Zone, name: str) -> str | None:
    """The owner whose records answer *name*: itself, a wildcard, or none."""
    owners = {owner for owner, _ in zone.rrsets}
    if name in owners or any(owner.endswith("." + name) for owner in owners):
        return name
    for encloser in ancestors(name)[1:]:
        if encloser in owners or any(owner.endswith("." + encloser) for owner in owners):
            return "*." + encloser if "*." + encloser in owners else None
    return None


def difference(truth: Truth, reply: bytes | None, *, validates: bool) -> str | None:
    """What is wrong with *reply*, or None."""
    if reply is None:
        return "no answer"
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException as error:
        return f"not a DNS message: {error}"
    rcode = dns.rcode.to_text(message.rcode())
    if rcode != truth.rcode:
        return f"{rcode} instead of {truth.rcode}"
    said = {
        (rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype), _plain(rdata.to_text()))
        for rrset in message.answer
        for rdata in rrset
    }
    if said != {(owner, rtype, _plain(rdata)) for owner, rtype, rdata in truth.answer}:
        return f"{sorted(said)} instead of {sorted(truth.answer)}"
    if validates and bool(message.flags & dns.flags.AD) != truth.is_secure:
        return f"AD is {'absent' if truth.is_secure else 'set without proof'}"
    return None


def _plain(rdata: str) -> str:
    return rdata.lower()
