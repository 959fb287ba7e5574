"""Where the real material lies, and how to read it; tests skip where it is missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from resolver.model import RRset
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests import real_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.model import Name

HERE = Path(__file__).parents[2]
FOLDER = real_data.FOLDER
MISSING = f"no test data at {FOLDER} (RESOLVER_TEST_DATA)"


def wire(made: Any) -> bytes:
    """Octets of a name or rdata of dnspython's."""
    return bytes(made.to_wire())


def parsed(rtype: int, octets: bytes) -> Any:
    """dnspython's view of an rdata."""
    number = dns.rdatatype.RdataType.make(rtype)
    return dns.rdata.from_wire(dns.rdataclass.IN, number, octets, 0, len(octets))


def rrset_of(text: str) -> RRset:
    """One RRset from zone-file text: records of one type, RRSIGs over them among them."""
    (rrset,) = grouped(records(text))
    return rrset


def records(text: str, origin: str = ".") -> list[tuple[Name, int, int, bytes]]:
    """Owner, type, TTL and rdata of every record in zone-file text, duplicates kept."""
    found = []
    above = dns.name.from_text(origin)
    last = above
    for line in _joined(text):
        tokens = line.split()
        if not line[0].isspace():
            last = dns.name.from_text(tokens.pop(0), above)
        ttl = 3600
        while tokens[0].isdigit() or tokens[0].upper() == "IN":
            first = tokens.pop(0)
            ttl = int(first) if first.isdigit() else ttl
        rtype = dns.rdatatype.from_text(tokens.pop(0))
        found.append((wire(last).lower(), int(rtype), ttl, _rdata(rtype, tokens, line, above)))
    return found


def _joined(text: str) -> Iterator[str]:
    """Logical lines: comments dropped, parentheses closed."""
    line, depth = "", 0
    for raw in text.splitlines():
        parts = raw.split('"')  # the even ones are outside of quotes
        if len(parts) == 1:
            parts = raw.split(";")[:1]
        for at in range(0, len(parts), 2):
            depth += parts[at].count("(") - parts[at].count(")")
            parts[at] = parts[at].replace("(", " ").replace(")", " ")
        line += '"'.join(parts)
        if depth == 0:
            if line.strip():
                yield line
            line = ""


def _rdata(
    rtype: dns.rdatatype.RdataType, tokens: list[str], line: str, origin: dns.name.Name
) -> bytes:
    if rtype == RRType.ZONEMD:  # dnspython refuses the short private-use digests of RFC 8976 A.3
        serial, scheme, algorithm = map(int, tokens[:3])
        return (
            serial.to_bytes(4, "big")
            + bytes((scheme, algorithm))
            + bytes.fromhex("".join(tokens[3:]))
        )
    text = line[line.index(f" {tokens[0]}") :] if '"' in line else " ".join(tokens)
    return wire(dns.rdata.from_text("IN", rtype, text, origin, relativize=False))


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
        RRset(
            owner,
            rtype,
            ttls[owner, rtype],
            tuple(rdatas),
            tuple(signatures.get((owner, rtype), [])),
        )
        for (owner, rtype), rdatas in sets.items()
    ]


def quick_zone(path: Path) -> list[tuple[Name, int, int, bytes]]:
    """The root zone's records: one a line, all names absolute: quicker so."""
    owners: dict[str, Name] = {}
    found = []
    for line in path.read_text("ascii").splitlines():
        owner, ttl, _, mnemonic, text = line.split(None, 4)
        name = owners.get(owner) or owners.setdefault(owner, names.from_text(owner))
        rtype = dns.rdatatype.from_text(mnemonic)
        rdata = dns.rdata.from_text("IN", rtype, text, dns.name.root, relativize=False)
        found.append((name, int(rtype), int(ttl), wire(rdata)))
    return found
