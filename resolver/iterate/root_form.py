"""The root zone in a file's octets: things are looked up in them as they are, none is unpacked.

What a walk needs of the zone and no more: apex, delegations with DS and NSEC, glue, and the RRSIGs
over them. Two tables of offsets: apex and delegations in the zone's own order (RFC 4034 §6.1), so
that the NSEC over a name is found by halving; names with glue in the order of their octets.

    "rootcpy1", SHA-256 of the rest | anchors, serial, valid until, names in either table
    | offsets | entries: owner, RRsets: type, TTL, rdatas, RRSIGs

The file is ours, but disks rot and people copy: `read_untrusted` and every look-up raise WireError
where it is not of this form. Pure.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.errors import WireError
from resolver.model import RRset
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.rdata_fields import name_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resolver.dnssec.anchors import Anchor
    from resolver.dnssec.whole_zone import Accepted
    from resolver.model import Name

_MAGIC: Final = b"rootcpy1"
_BODY: Final = len(_MAGIC) + 32
_HEAD: Final = Struct("!32sIdII")
_OFFSETS: Final = _BODY + _HEAD.size
_OFFSET: Final = Struct("!I")
_SET: Final = Struct("!HIHH")
_GLUE: Final = frozenset({RRType.A, RRType.AAAA})
_MOST_SETS: Final = 255
_BROKEN = (IndexError, ValueError, struct_error)


class Sets(NamedTuple):
    """The RRsets of one owner, by type."""

    owner: Name
    by_type: dict[int, RRset]


def anchors_digest(anchor: Anchor | None) -> bytes:
    """32 octets that differ where the root's anchors do: another copy is to be fetched then."""
    digest = hashlib.sha256()
    for rdata in () if anchor is None else (*sorted(anchor.ds), *sorted(anchor.keys)):
        digest.update(len(rdata).to_bytes(2, "big") + rdata)
    return digest.digest()


def pack(accepted: Accepted, anchor: Anchor) -> bytes:
    """The file of a zone that was accepted under *anchor*. O(n log n)."""
    zone: dict[Name, list[RRset]] = {}
    glue: dict[Name, list[RRset]] = {}
    for rrset in accepted.rrsets:
        (glue if rrset.rtype in _GLUE else zone).setdefault(rrset.owner, []).append(rrset)
    tables = (
        [zone[owner] for owner in sorted(zone, key=names.canonical_key)],
        [glue[owner] for owner in sorted(glue)],
    )
    entries = [_entry(rrsets) for table in tables for rrsets in table]
    at = _OFFSETS + _OFFSET.size * len(entries)
    offsets = []
    for entry in entries:
        offsets.append(_OFFSET.pack(at))
        at += len(entry)
    head = _HEAD.pack(
        anchors_digest(anchor), accepted.serial, accepted.valid_until, *map(len, tables)
    )
    body = b"".join((head, *offsets, *entries))
    return _MAGIC + hashlib.sha256(body).digest() + body


def _entry(rrsets: Sequence[RRset]) -> bytes:
    parts = [rrsets[0].owner, bytes((len(rrsets),))]
    for _, rtype, ttl, rdatas, signatures in rrsets:
        parts.append(_SET.pack(rtype, ttl, len(rdatas), len(signatures)))
        for octets in (*rdatas, *signatures):
            parts += (len(octets).to_bytes(2, "big"), octets)
    return b"".join(parts)


class RootForm:
    """One copy of the zone. *serial* of its SOA, *valid_until*: Unix seconds, *anchors*: digest."""

    def __init__(self, buffer: bytes) -> None:
        """Trusts *buffer*: `read_untrusted` is the way in."""
        head = _HEAD.unpack_from(buffer, _BODY)
        self.anchors, self.serial, self.valid_until, self._zone_count, self._glue_count = head
        self._buffer = buffer
        self.apex = self._at(0).by_type
        self._zone = range(1, self._zone_count)
        self._glue = range(self._zone_count, self._zone_count + self._glue_count)

    def __repr__(self) -> str:
        return f"<RootForm {self.serial}, {self._zone_count - 1} delegations>"

    def __len__(self) -> int:
        """Octets."""
        return len(self._buffer)

    @classmethod
    def read_untrusted(cls, buffer: bytes) -> RootForm:
        """The copy in *buffer*. Raises WireError if it is not whole, or something else.

        Reads it all, once: a few milliseconds, for a thread.
        """
        if buffer[: len(_MAGIC)] != _MAGIC or len(buffer) < _OFFSETS:
            raise WireError("not a copy of the root zone in this version's form")
        with memoryview(buffer) as octets, octets[_BODY:] as body:
            digest = hashlib.sha256(body).digest()
        if digest != buffer[len(_MAGIC) : _BODY]:
            raise WireError("its digest is wrong")
        try:
            made = cls(buffer)
        except _BROKEN as error:
            raise WireError(str(error)) from None
        missing = {RRType.SOA, RRType.NS, RRType.NSEC, RRType.DNSKEY} - made.apex.keys()
        if missing:
            raise WireError("its apex is not whole")
        return made

    def cut(self, label: bytes) -> Sets | None:
        """The delegation of one label; None if there is none. Raises WireError."""
        wanted: tuple[bytes, ...] = (label,)
        at = bisect_left(self._zone, wanted, key=self._key)
        if at == len(self._zone):
            return None
        found = self._at(self._zone[at])
        return found if names.labels(found.owner) == (label,) else None

    def zones(self) -> Iterator[Name]:
        """What it delegates, in the zone's own order. Raises WireError."""
        return (self._owner(index) for index in self._zone)

    def span(self, qname: Name) -> RRset:
        """The NSEC RRset at *qname* or last before it. Raises WireError."""
        at = bisect_right(self._zone, names.labels(qname)[::-1], key=self._key)
        found = self.apex if at == 0 else self._at(self._zone[at - 1]).by_type
        try:
            return found[RRType.NSEC]
        except KeyError:
            raise WireError("a delegation without NSEC") from None

    def glue(self, name: Name) -> Iterable[RRset]:
        """The address RRsets of *name*, none if there are none. Raises WireError."""
        at = bisect_left(self._glue, name, key=self._owner)
        if at < len(self._glue):
            found = self._at(self._glue[at])
            if found.owner == name:
                return found.by_type.values()
        return ()

    # --- the octets ---------------------------------------------------------------------------

    def _key(self, index: int) -> tuple[bytes, ...]:
        return names.labels(self._owner(index))[::-1]

    def _owner(self, index: int) -> Name:
        try:
            at = self._offset(index)
            return self._buffer[at : name_end(self._buffer, at)]
        except _BROKEN as error:
            raise WireError(str(error)) from None

    def _offset(self, index: int) -> int:
        at: int = _OFFSET.unpack_from(self._buffer, _OFFSETS + _OFFSET.size * index)[0]
        return at

    def _at(self, index: int) -> Sets:
        """The entry of either table. Raises WireError."""
        try:
            return self._read(self._offset(index))
        except _BROKEN as error:
            raise WireError(str(error)) from None

    def _read(self, at: int) -> Sets:
        buffer = self._buffer
        end = name_end(buffer, at)
        owner, at, found = buffer[at:end], end + 1, {}
        for _ in range(buffer[end]):
            rtype, ttl, rdata_count, signature_count = _SET.unpack_from(buffer, at)
            at += _SET.size
            octets = []
            for _ in range(rdata_count + signature_count):
                start = at + 2
                at = start + (buffer[at] << 8 | buffer[at + 1])
                octets.append(buffer[start:at])
            rdatas, signatures = tuple(octets[:rdata_count]), tuple(octets[rdata_count:])
            found[rtype] = RRset(owner, rtype, ttl, rdatas, signatures)
        return Sets(owner, found)
