"""Names, RRsets and lists as octets, and back, for what is kept outside the process.

Numbers are big-endian; a name is one octet of length and its wire form, a list is a count and, for
each, a length and the octets. What is read back is untrusted: names must be whole and lower-cased,
rdata must be what `wire.parse_untrusted` would have let in, uncompressed. WireError if not.
"""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING, Final

from resolver.errors import WireError
from resolver.protocol.message import RRset
from resolver.protocol.shapes import IN_READERS, READERS, plain_name_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.protocol.names import Name

_U16: Final = Struct("!H")
_ONE: Final = Struct("!HH")
_RRSET: Final = Struct("!HI")
_RRSIG: Final = 46
NO_RDATA: Final = b"\0\0"  # a list of nothing
_SIZES: Final = {1: 4, 28: 16}
_READERS: Final = {**READERS, **IN_READERS}


def name_octets(name: Name) -> bytes:
    """*name* behind its length."""
    return bytes((len(name),)) + name


def list_octets(items: Sequence[bytes]) -> bytes:
    """A count of 16 bits, and each of *items* behind its length of 16 bits."""
    if len(items) == 1:  # as most lists are
        return _ONE.pack(1, len(items[0])) + items[0]
    if not items:
        return NO_RDATA
    parts = [_U16.pack(len(items))]
    for item in items:
        parts += (_U16.pack(len(item)), item)
    return b"".join(parts)


def rrset_octets(rrset: RRset) -> bytes:
    """Owner, type, TTL, rdata and signatures."""
    owner, rtype, ttl, rdatas, signatures = rrset
    fixed = _RRSET.pack(rtype, ttl)
    return name_octets(owner) + fixed + list_octets(rdatas) + list_octets(signatures)


def name_untrusted(data: bytes, at: int) -> tuple[Name, int]:
    """A whole name, lower-cased, and where it ends. Raises WireError only."""
    end = at + 1 + data[at] if at < len(data) else 0
    name = data[at + 1 : end]
    if not name or plain_name_end(name, 0, len(name)) != end - at - 1 or name.lower() != name:
        raise WireError("a record has a name that is none")
    return name, end


def strings_untrusted(data: bytes, at: int) -> tuple[tuple[bytes, ...], int]:
    """A list of octets, and where it ends. Raises WireError only."""
    found = []
    try:
        (count,) = _U16.unpack_from(data, at)
        at += 2
        for _ in range(count):
            (size,) = _U16.unpack_from(data, at)
            at += 2 + size
            found.append(data[at - size : at])
    except struct_error:
        raise WireError("a record ends too soon") from None
    if at > len(data):
        raise WireError("a record ends too soon")
    return tuple(found), at


def rdatas_untrusted(data: bytes, at: int, rtype: int) -> tuple[tuple[bytes, ...], int]:
    """A list of rdata of *rtype*, class IN, and where it ends. Raises WireError only."""
    if data[at : at + 2] == NO_RDATA:
        return (), at + 2
    found, end = strings_untrusted(data, at)
    size, reader = _SIZES.get(rtype), _READERS.get(rtype)
    for rdata in found:
        if len(rdata) == size or reader is None:
            continue
        try:
            is_whole = reader(rdata, 0, len(rdata), {}) == rdata
        except (IndexError, struct_error):
            is_whole = False
        if not is_whole:
            raise WireError("a record has rdata that is none")
    return found, end


def rdata_untrusted(rdata: bytes, rtype: int) -> bytes:
    """*rdata*, if it has the form of its type. Raises WireError only."""
    reader = _READERS.get(rtype)
    try:
        is_whole = reader is None or reader(rdata, 0, len(rdata), {}) == rdata
    except (IndexError, struct_error):
        is_whole = False
    if not is_whole:
        raise WireError("a record has rdata that is none")
    return rdata


class FieldsUntrusted:
    """Reads one thing after another from *data*. Raises WireError only."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self._at = at

    def __repr__(self) -> str:
        return f"<FieldsUntrusted, {len(self._data) - self._at} octets left>"

    def unpack(self, form: Struct) -> tuple[int, ...]:
        """The numbers of *form*, which has no floats."""
        at = self._at
        try:
            found = form.unpack_from(self._data, at)
        except struct_error:
            raise WireError("a record ends too soon") from None
        self._at = at + form.size
        return found

    def octets(self, size: int) -> bytes:
        """The next *size* octets."""
        at = self._at
        found = self._data[at : at + size]
        if len(found) != size:
            raise WireError("a record ends too soon")
        self._at = at + size
        return found

    def name(self) -> Name:
        """A whole name, lower-cased."""
        name, self._at = name_untrusted(self._data, self._at)
        return name

    def strings(self) -> tuple[bytes, ...]:
        """A list of octets."""
        found, self._at = strings_untrusted(self._data, self._at)
        return found

    def rdatas(self, rtype: int) -> tuple[bytes, ...]:
        """A list of rdata of *rtype*, class IN."""
        found, self._at = rdatas_untrusted(self._data, self._at, rtype)
        return found

    def rrset(self) -> RRset:
        """Owner, type, TTL, rdata (at least one) and signatures."""
        owner = self.name()
        rtype, ttl = self.unpack(_RRSET)
        return RRset(owner, rtype, ttl, self.some_rdatas(rtype), self.rdatas(_RRSIG))

    def some_rdatas(self, rtype: int) -> tuple[bytes, ...]:
        """As `rdatas`, but one at least."""
        found = self.rdatas(rtype)
        if not found:
            raise WireError("a record has an RRset of nothing")
        return found

    def signatures(self) -> tuple[bytes, ...]:
        """A list of RRSIG rdata."""
        return self.rdatas(_RRSIG)

    def end(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._data):
            raise WireError("a record has octets behind its end")
