"""What a response policy zone says, as records come and go: trigger → records, bad ones counted.

SOA says which version it is. What a zone has for DNS' own sake (NS, DNSSEC) triggers nothing and is
left out, whatever its owner, in a file as in either kind of transfer. A trigger has either one
CNAME, which is an action or an alias, or local data of other types. Records that nearly all
triggers share (`CNAME .`) are one object. It is filled in a process of its own: a million objects
of it would hold up whoever lets go of them. draft-vixie-dnsop-dns-rpz §2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from resolver.errors import WireError
from resolver.policy.rpz_triggers import Kind, key_of
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from resolver.model import Name

SHOWN: Final = 5  # bad records that are told, the first ones
_OF_ZONE: Final = frozenset(
    {
        RRType.SOA, RRType.NS, RRType.DS, RRType.RRSIG, RRType.NSEC, RRType.NSEC3,
        RRType.DNSKEY, RRType.NSEC3PARAM, RRType.CDS, RRType.CDNSKEY, RRType.ZONEMD,
    }
)  # fmt: skip
_META: Final = range(128, 256)
_SERIAL_FROM_END: Final = 20


class Rule(NamedTuple):
    """One record of a trigger: its type, TTL and rdata, names not compressed."""

    rtype: int
    ttl: int
    rdata: bytes


Rules = tuple[Rule, ...]


class Report(msgspec.Struct):
    """How it was read: *records* that were looked at, *bad* ones, the first of them *shown*.

    *left_out*: triggers for which there was no room.
    """

    records: int = 0
    bad: int = 0
    left_out: int = 0
    shown: list[str] = []

    def note(self, where: str, why: str) -> None:
        """A record that says nothing. *where*: for people."""
        self.bad += 1
        if len(self.shown) < SHOWN:
            self.shown.append(f"{where}: {why}")


class Soa(NamedTuple):
    """What the zone's SOA says (RFC 1035 §3.3.13); *rdata* as it came."""

    ttl: int
    rdata: bytes

    @property
    def serial(self) -> int:
        return int.from_bytes(self.rdata[-_SERIAL_FROM_END : -_SERIAL_FROM_END + 4], "big")

    @property
    def times(self) -> tuple[int, int, int, int]:
        """Refresh, retry, expire and minimum, in seconds."""
        fields = self.rdata[-_SERIAL_FROM_END + 4 :]
        refresh, retry, expire, minimum = (
            int.from_bytes(fields[at : at + 4], "big") for at in range(0, 16, 4)
        )
        return refresh, retry, expire, minimum


class PolicyZone:
    """The rules of *zone*, at most *most* triggers of it."""

    def __init__(self, zone: Name, most: int) -> None:
        self.zone = zone
        self.most = most
        self.soa: Soa | None = None
        self.rules: dict[bytes, Rules] = {}
        self.report = Report()
        self._same: dict[Rules, Rules] = {}
        self._suffix = zone if zone != names.ROOT else b"\0"

    def __repr__(self) -> str:
        return f"<PolicyZone {names.to_text(self.zone)} of {len(self.rules)} triggers>"

    def trigger(self, owner: Name) -> Name:
        """*owner*, absolute, relative to the zone. Raises WireError outside of it."""
        if not names.is_subdomain(owner, self.zone):
            raise WireError(f"{names.to_text(owner)} is outside the zone")
        return owner[: len(owner) - len(self._suffix)] + names.ROOT

    def add(self, trigger: Name, rule: Rule) -> None:
        """A record whose owner is *trigger*, relative to the zone. Raises WireError."""
        self.report.records += 1
        rtype = rule.rtype
        if rtype in _OF_ZONE:
            if rtype == RRType.SOA and trigger == names.ROOT:
                self.soa = Soa(rule.ttl, rule.rdata)
            return
        if rtype in (RRType.DNAME, RRType.OPT) or rtype in _META or not rtype:
            raise WireError("a type that policy has no use for")
        key, rules = key_of(trigger), self.rules
        before = rules.get(key)
        if before is None:
            if len(rules) >= self.most:
                self.report.left_out += 1
                return
            made: Rules = (rule,)
        elif any(one.rtype == rtype and one.rdata == rule.rdata for one in before):
            return
        elif before[0].rtype == RRType.CNAME or rtype == RRType.CNAME:
            raise WireError("a CNAME beside other records")
        else:
            made = (*before, rule)
        rules[key] = self._same.setdefault(made, made)

    def remove(self, trigger: Name, rule: Rule) -> None:
        """Take away what `add` was given; TTLs do not matter. What is not there is no fault here:
        it may have been left out. Raises WireError for what `add` refuses."""
        if rule.rtype in _OF_ZONE:
            return
        key = key_of(trigger)
        before = self.rules.get(key)
        if before is None:
            return
        gone = (rule.rtype, rule.rdata)
        left = tuple(one for one in before if (one.rtype, one.rdata) != gone)
        if left:
            self.rules[key] = self._same.setdefault(left, left)
        else:
            del self.rules[key]

    def counts(self) -> dict[str, int]:
        """Triggers by kind, as people call it."""
        found: dict[int, int] = {}
        for key in self.rules:
            found[key[0]] = found.get(key[0], 0) + 1
        told: dict[str, int] = {}
        for number, many in sorted(found.items()):
            word = Kind(number).word
            told[word] = told.get(word, 0) + many
        return told
