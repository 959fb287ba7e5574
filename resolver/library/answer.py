"""An answer as programs want it: addresses as text, records as dnspython's rdata, and why."""

from __future__ import annotations

import enum
import ipaddress
import struct
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from resolver.model import Status
from resolver.protocol import names
from resolver.protocol.codes import SAY_BOGUS, Rcode, RRType
from resolver.telemetry.presentation import ede_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver import model

Source: TypeAlias = Literal["cache", "local", "network"]

_ADDRESSES = frozenset({RRType.A, RRType.AAAA})


class Security(enum.StrEnum):
    """What DNSSEC says of an answer (RFC 4035 §4.3). Each equals its text."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"
    INDETERMINATE = "indeterminate"


class Answer:
    """What was found for one name and type. Names in it are absolute, with their final dot.

    True if there are records; to iterate over it is to iterate over them.
    """

    def __init__(self, found: model.Answer, source: Source) -> None:
        self._found = found
        self._source: Source = source

    def __repr__(self) -> str:
        shown = [record.to_text() for record in self.records] or self.rcode.name
        return f"<Answer {self.name} {self.rdtype.name}: {shown}, {self.security.value}>"

    def __iter__(self) -> Iterator[dns.rdata.Rdata]:
        return iter(self.records)

    def __len__(self) -> int:
        return sum(len(rrset.rdatas) for rrset in self._wanted)

    # --- what was asked ----------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name that was asked for, in lower case."""
        return names.to_text(self._found.question.qname)

    @property
    def rdtype(self) -> dns.rdatatype.RdataType:
        return dns.rdatatype.RdataType.make(self._found.question.qtype)

    # --- what was found ----------------------------------------------------------------------

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """The addresses, for A and AAAA: ("192.0.2.80",). Empty for other types."""
        return tuple(
            ipaddress.ip_address(rdata).compressed
            for rrset in self._wanted
            if rrset.rtype in _ADDRESSES
            for rdata in rrset.rdatas
        )

    @cached_property
    def records(self) -> tuple[dns.rdata.Rdata, ...]:
        """The records of the type asked for, where the aliases end."""
        return tuple(
            _rdata(rrset.rtype, octets) for rrset in self._wanted for octets in rrset.rdatas
        )

    @cached_property
    def rrsets(self) -> tuple[dns.rrset.RRset, ...]:
        """All that the answer consists of: the aliases in their order, then the records."""
        return tuple(map(_rrset, self._found.answer))

    @property
    def canonical_name(self) -> str:
        """Where the aliases end; the name itself if there are none."""
        return names.to_text(self._end())

    @property
    def ttl(self) -> int:
        """Seconds that all of it holds: of a denial too (RFC 2308 §5), 0 for a failure."""
        ttls = [rrset.ttl for rrset in self._found.answer]
        if not self._wanted:
            for rrset in self._found.authority:
                if rrset.rtype == RRType.SOA:
                    minimum: int = struct.unpack("!I", rrset.rdatas[0][-4:])[0]
                    ttls.append(min(rrset.ttl, minimum))
        return min(ttls, default=0)

    @property
    def rcode(self) -> dns.rcode.Rcode:
        return dns.rcode.Rcode.make(self._found.rcode)

    # --- what to think of it -----------------------------------------------------------------

    @property
    def security(self) -> Security:
        """ "secure": signed, and validated up to a trust anchor. "insecure": provably unsigned."""
        found = self._found
        if found.rcode == Rcode.SERVFAIL and any(ede.code in SAY_BOGUS for ede in found.ede):
            return Security.BOGUS
        if found.status is Status.UNCHECKED:
            return Security.INDETERMINATE
        return Security(found.status.value)

    @property
    def errors(self) -> tuple[tuple[int, str], ...]:
        """Extended errors (RFC 8914): code, and its meaning with what was said."""
        return tuple((ede.code, ede_text(*ede)) for ede in self._found.ede)

    @property
    def why(self) -> str:
        """One line for people: the extended errors if there are any, what it is, where from."""
        said = [text for _, text in self.errors]
        if self._found.rcode != Rcode.NOERROR and (not said or self._found.rcode != Rcode.SERVFAIL):
            said.insert(0, _RCODES.get(self._found.rcode, self.rcode.name))
        elif not self._found.rcode and not self._wanted:
            said.insert(0, "the name has no such records")
        if self._found.rcode == Rcode.SERVFAIL:
            return "; ".join(said)
        return "; ".join([*said, f"{self.security.value}, {_SOURCES[self._source]}"])

    # --- inside ------------------------------------------------------------------------------

    def _end(self) -> model.Name:
        """The last name of the chain."""
        name, qtype = self._found.question.qname, self._found.question.qtype
        if qtype in {RRType.CNAME, RRType.ANY}:
            return name
        for rrset in self._found.answer:
            if rrset.rtype == RRType.CNAME and rrset.owner == name:
                name = rrset.rdatas[0].lower()
        return name

    @cached_property
    def _wanted(self) -> list[model.RRset]:
        """The RRsets that were asked for."""
        end, qtype = self._end(), self._found.question.qtype
        return [
            rrset
            for rrset in self._found.answer
            if rrset.owner == end and qtype in {rrset.rtype, RRType.ANY}
        ]


_RCODES = {
    Rcode.NXDOMAIN: "the name does not exist",
    Rcode.SERVFAIL: "no answer can be had now",
    Rcode.REFUSED: "refused",
}
_SOURCES: dict[Source, str] = {
    "cache": "from the cache",
    "local": "answered here",
    "network": "from the zone's servers",
}


def _rdata(rtype: int, octets: bytes) -> dns.rdata.Rdata:
    """As dnspython has it; RFC 3597's form where the octets are not what the type says."""
    kind = dns.rdatatype.RdataType.make(rtype)
    try:
        return dns.rdata.from_wire(dns.rdataclass.IN, kind, octets, 0, len(octets))
    except (dns.exception.DNSException, ValueError):
        return dns.rdata.GenericRdata(dns.rdataclass.IN, kind, octets)


def _rrset(rrset: model.RRset) -> dns.rrset.RRset:
    owner, _ = dns.name.from_wire(rrset.owner, 0)
    made = dns.rrset.RRset(owner, dns.rdataclass.IN, dns.rdatatype.RdataType.make(rrset.rtype))
    for octets in rrset.rdatas:
        made.add(_rdata(rrset.rtype, octets), ttl=rrset.ttl)
    return made
