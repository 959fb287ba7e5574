"""Zones of the virtual Internet that come signed: what their owners published, octet by octet.

The authentic root zone is such a zone: nobody here has its keys, so its signatures and
its NSEC chain are served as they are. One record a line, names absolute, as IANA writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from resolver.lab.signing import Signer
from resolver.lab.zones import Zone
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.protocol.message import RRset
    from resolver.protocol.names import Name


class Presigned(Signer):
    """Serves the signatures and the NSEC chain that a zone came with."""

    def __init__(self, zone: Zone, signatures: dict[tuple[Name, int], list[bytes]]) -> None:
        # Nothing is made here, so nothing of the maker's: only what its look-ups stand on.
        self._zone = zone
        self.nsec3 = None
        self._signed = {key: tuple(rdatas) for key, rdatas in signatures.items()}
        self.dnskeys = zone.data[zone.apex].pop(RRType.DNSKEY)
        spans = [sets.pop(RRType.NSEC) for sets in zone.data.values() if RRType.NSEC in sets]
        self._chain = sorted((names.canonical_key(rrset.owner), rrset) for rrset in spans)
        self._order = [key for key, _ in self._chain]

    def sign(self, rrset: RRset) -> RRset:
        return rrset._replace(signatures=self._signed.get((rrset.owner, rrset.rtype), ()))


def load(path: Path, apex: str = ".") -> tuple[Zone, Presigned]:
    """The zone of a master file that has one record a line and no relative names."""
    zone = Zone(apex)
    zone.data.clear()
    signatures: dict[tuple[Name, int], list[bytes]] = {}
    owners: dict[str, Name] = {}
    for line in path.read_text("ascii").splitlines():
        owner, ttl, _, mnemonic, text = line.split(None, 4)
        name = owners.get(owner) or owners.setdefault(owner, names.from_text(owner))
        rtype = dns.rdatatype.from_text(mnemonic)
        made = dns.rdata.from_text(dns.rdataclass.IN, rtype, text, dns.name.root, relativize=False)
        rdata = bytes(made.to_wire() or b"")
        if rtype == RRType.RRSIG:
            signatures.setdefault((name, rdata[0] << 8 | rdata[1]), []).append(rdata)
        elif rdata not in _rdatas(zone, name, int(rtype)):
            zone.add(name, int(rtype), rdata, ttl=int(ttl))
    signer = Presigned(zone, signatures)
    zone.signer = signer
    return zone, signer


def _rdatas(zone: Zone, name: Name, rtype: int) -> tuple[bytes, ...]:
    found = zone.get(name, rtype)
    return () if found is None else found.rdatas
