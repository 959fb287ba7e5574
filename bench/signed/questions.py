"""What is asked of the signed world: its names × types × flags, drawn from one seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import dns.flags
import dns.message

from bench.signed.catalogue import TLD, TOP

if TYPE_CHECKING:
    from bench.signed.catalogue import Entry

_OWNERS = """
@ ns www mail alias alias2 gone empty loop self ent er.ent deep.er.ent nothing no.thing wild
any.wild a.b.wild host.wild x.host.wild *.wild x.cwild tree leaf.tree alias.tree no.tree branches
good plain bad far lost through q.away forest www.forest host.wild.forest www.scrub nothing.scrub
www.swamp lame
"""
OWNERS = tuple(_OWNERS.split())
TYPES = ("A", "AAAA", "TXT", "MX", "DS", "NS", "SOA", "CNAME", "NSEC", "DNAME", "DNSKEY")
APEX_TYPES = ("A", "AAAA", "MX", "TXT", "NS", "SOA", "DS", "DNSKEY", "NSEC", "NSEC3PARAM", "SRV")
FLAGS = ("", "ad", "do", "cd", "do cd")
WEIGHTS = (1, 1, 4, 1, 1)


class Asked(NamedTuple):
    """One question as a client puts it; *flags* are of `FLAGS`."""

    name: str
    rtype: str
    flags: str

    def __str__(self) -> str:
        return f"{self.name} {self.rtype} {self.flags}".rstrip()

    def wire(self) -> bytes:
        has_edns = self.flags != "ad"
        message = dns.message.make_query(
            self.name,
            self.rtype,
            use_edns=0 if has_edns else False,
            payload=1232 if has_edns else None,
            want_dnssec="do" in self.flags,
        )
        message.flags |= dns.flags.AD if self.flags == "ad" else 0
        message.flags |= dns.flags.CD if "cd" in self.flags else 0
        return message.to_wire()


def everything(listed: list[Entry]) -> list[tuple[str, str]]:
    """All (name, type) of the world that are worth asking."""
    found: dict[tuple[str, str], None] = {}
    for entry in listed:
        below = "" if entry.apex == "." else entry.apex
        is_top = entry.site in {TOP, TLD} or entry.apex == "plain."
        owners = ("@", "nothing", "no.thing", "ns") if is_top else OWNERS
        for owner in owners:
            name = entry.apex if owner == "@" else f"{owner}.{below}"
            types = APEX_TYPES if owner == "@" else ("DS",) if owner == "lame" else TYPES
            found |= dict.fromkeys((name, rtype) for rtype in types)
    return list(found)


def draw(listed: list[Entry], count: int, *, seed: int = 6) -> list[Asked]:
    """*count* different questions, every zone's apex and www among them if there is room."""
    chance = random.Random(seed)
    pool = everything(listed)
    first = [Asked(f"www.{entry.apex}", "A", "do") for entry in listed if entry.apex != "."]
    first += [Asked(entry.apex, "DNSKEY", "do") for entry in listed]
    found = dict.fromkeys(first[:count])
    while len(found) < count:
        name, rtype = chance.choice(pool)
        found[Asked(name, rtype, chance.choices(FLAGS, WEIGHTS)[0])] = None
    drawn = list(found)
    chance.shuffle(drawn)
    return drawn
