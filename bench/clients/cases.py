"""What each client is asked for, the zone that has it, and when an answer is right."""

from __future__ import annotations

from typing import Final, NamedTuple

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

APEX: Final = "clients.com."
ADDRESS: Final = "192.0.2.80"
PAGE: Final = f"page.{APEX}"  # is this machine, for browsers
BIG, HUGE = 20, 255  # records of 250 octets: over any datagram, and nearly all that a message holds
_TEXT: Final = "x" * 230


def zone_text() -> str:
    """In zone file form; the lab signs it."""
    lines = [f"www 300 IN A {ADDRESS}", "page 300 IN A 127.0.0.1"]
    for owner, count in (("big", BIG), ("huge", HUGE)):
        lines += [f'{owner} 300 IN TXT "{at:06}{_TEXT}"' for at in range(count)]
    return "\n".join(lines) + "\n"


class Case(NamedTuple):
    """One question. *title* heads the table's column."""

    title: str
    qname: str
    rtype: str
    wants_dnssec: bool = False


ANSWER: Final = Case("an answer", f"www.{APEX}", "A")
DENIAL: Final = Case("NXDOMAIN", f"nothing.{APEX}", "A")
TRUNCATED: Final = Case("too much for UDP", f"big.{APEX}", "TXT")
LARGEST: Final = Case("64 kB", f"huge.{APEX}", "TXT")
SIGNED: Final = Case("DNSSEC", f"www.{APEX}", "A", wants_dnssec=True)
CASES: Final = (ANSWER, DENIAL, TRUNCATED, LARGEST, SIGNED)


class Told(NamedTuple):
    """What a client made of a reply: *rdatas* in presentation form by type.

    *is_secure*: AD was set.
    """

    rcode: str
    rdatas: dict[str, frozenset[str]]
    is_secure: bool = False


def told_of(message: dns.message.Message) -> Told:
    """The same of a message."""
    found: dict[str, frozenset[str]] = {}
    for rrset in message.answer:
        rtype = dns.rdatatype.to_text(rrset.rdtype)
        found[rtype] = found.get(rtype, frozenset()) | {one.to_text() for one in rrset}
    is_secure = bool(message.flags & dns.flags.AD)
    return Told(dns.rcode.to_text(message.rcode()), found, is_secure)


def what_is_wrong(case: Case, told: Told) -> str:
    """ "" if that is the right answer to *case*."""
    expected = "NXDOMAIN" if case is DENIAL else "NOERROR"
    if told.rcode != expected:
        return f"{told.rcode}, not {expected}"
    if case is DENIAL:
        return ""
    counts = {"big": BIG, "huge": HUGE}
    records = told.rdatas.get(case.rtype, frozenset())
    count = counts.get(case.qname.partition(".")[0], 1)
    if len(records) != count:
        return f"{len(records)} records, not {count}"
    if case.rtype == "A" and records != {ADDRESS}:
        return f"{', '.join(records)}, not {ADDRESS}"
    if case.wants_dnssec and not (told.is_secure and told.rdatas.get("RRSIG")):
        return "no RRSIG" if told.is_secure else "no AD"
    return ""
