"""Where the real material lies, and how to read it; tests skip where it is missing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import dns.name
import dns.rdata
import dns.rdatatype
import dns.zonefile

from resolver.model import RRset
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Name

HERE = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("RESOLVER_TEST_DATA", HERE.parent / "shared" / "data"))
MISSING = f"no test data at {FOLDER} (RESOLVER_TEST_DATA)"


def rrset_of(text: str) -> RRset:
    """One RRset from zone-file text: records of one type, RRSIGs over them among them."""
    (rrset,) = grouped(records(text))
    return rrset


def records(text: str) -> list[tuple[Name, int, int, bytes]]:
    """Owner, type, TTL and rdata of every record in zone-file text."""
    made = dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=3600)
    return [
        (rrset.name.to_wire().lower(), int(rrset.rdtype), rrset.ttl, rdata.to_wire())
        for rrset in made
        for rdata in rrset
    ]


def grouped(found: Iterable[tuple[Name, int, int, bytes]]) -> list[RRset]:
    """RRsets with their signatures attached."""
    sets: dict[tuple[Name, int], list[bytes]] = {}
    signatures: dict[tuple[Name, int], list[bytes]] = {}
    ttls: dict[tuple[Name, int], int] = {}
    for owner, rtype, ttl, rdata in found:
        if rtype == RRType.RRSIG:
            signatures.setdefault((owner, rdata[0] << 8 | rdata[1]), []).append(rdata)
        else:
            sets.setdefault((owner, rtype), []).append(rdata)
            ttls[owner, rtype] = ttl
    return [
        RRset(owner, rtype, ttls[owner, rtype], tuple(rdatas), tuple(signatures.get((owner, rtype), ())))
        for (owner, rtype), rdatas in sets.items()
    ]


def quick_zone(path: Path) -> list[tuple[Name, int, int, bytes]]:
    """The root zone's records: one a line, all names absolute; ten times quicker than in general."""
    owners: dict[str, Name] = {}
    found = []
    for line in path.read_text("ascii").splitlines():
        owner, ttl, _, mnemonic, text = line.split(None, 4)
        name = owners.get(owner) or owners.setdefault(owner, names.from_text(owner))
        rtype = dns.rdatatype.from_text(mnemonic)
        rdata = dns.rdata.from_text("IN", rtype, text, dns.name.root, relativize=False)
        found.append((name, int(rtype), int(ttl), rdata.to_wire()))
    return found
