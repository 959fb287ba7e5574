"""What the rdata of known types looks like: checked, and its names decompressed, while parsing.

`wire` calls the reader of a record's type; what it returns, the readers of `rdata` decode without
failing. Types without a reader are opaque (RFC 3597 §3). Names are decompressed in the types of
RFC 1035 and those that RFC 3597 §4 adds; in newer types a compression pointer is malformed.
Readers raise WireError, or IndexError where the message itself ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resolver.errors import WireError
from resolver.limits import COMPRESSION_HOPS
from resolver.protocol.names import MAX_NAME_OCTETS

_FIRST_POINTER: Final = 0xC0
_FIRST_RESERVED: Final = 0x40
_HEADER_OCTETS: Final = 12

Names = dict[int, bytes]
Reader = Callable[[bytes, int, int, Names], bytes]


def expand(data: bytes, start: int, names: Names) -> tuple[bytes, int]:
    """The uncompressed name at *start*, case kept, and the offset behind it.

    *names* remembers by offset what was expanded before in this message, so that a label is walked
    once however often it is pointed to. Raises WireError, or IndexError where the data ends.
    """
    at = start
    size = data[at]
    while 0 < size < _FIRST_RESERVED:
        at += size + 1
        size = data[at]
    if size >= _FIRST_POINTER:
        target = (size & 0x3F) << 8 | data[at + 1]
        name = data[start:at] + (names.get(target) or follow(data, target, start, names))
        at += 2
    elif size == 0:
        at += 1
        name = data[start:at]
    else:
        raise WireError("a label is of a reserved type")
    if len(name) > MAX_NAME_OCTETS:
        raise WireError("a name is longer than 255 octets")
    names[start] = name
    return name, at


def follow(data: bytes, target: int, start: int, names: Names) -> bytes:
    """The name that a pointer in a name at *start* means; it and all its suffixes are remembered.

    Every pointer must lead to before the piece it ends, and not into the header, so this ends;
    the limit on hops ends it sooner. RFC 1035 §4.1.4; RFC 9267 §2 tells what went wrong elsewhere.
    """
    visited: list[tuple[int, bytes]] = []  # (offset, label) down to something known
    octets = 0  # of those labels
    for _ in range(COMPRESSION_HOPS):
        if target >= start:
            raise WireError("a compression pointer does not lead backwards")
        if target < _HEADER_OCTETS:
            raise WireError("a compression pointer leads into the header")
        at = target
        while (tail := names.get(at)) is None:
            size = data[at]
            if size == 0:
                tail = b"\0"
                break
            if size >= _FIRST_RESERVED:
                break
            visited.append((at, data[at : at + size + 1]))
            at += size + 1
        octets += at - target
        if tail is not None:
            return _remember(visited, octets, tail, names)
        if size < _FIRST_POINTER:
            raise WireError("a label is of a reserved type")
        if at == target:
            visited.append((at, b""))  # a pointer to a pointer: the next may point here in turn
        start = target
        target = (size & 0x3F) << 8 | data[at + 1]
    raise WireError("a name has too many compression pointers")


def _remember(visited: list[tuple[int, bytes]], octets: int, tail: bytes, names: Names) -> bytes:
    if octets + len(tail) > MAX_NAME_OCTETS:
        raise WireError("a name is longer than 255 octets")
    for at, label in reversed(visited):
        tail = names[at] = label + tail
    return tail


def plain_name_end(data: bytes, at: int, end: int) -> int:
    """The offset behind the name at *at*, which must be uncompressed and end by *end*."""
    start = at
    while at < end:
        size = data[at]
        at += size + 1
        if size == 0:
            if at - start > MAX_NAME_OCTETS:
                break
            return at
        if size >= _FIRST_RESERVED:
            raise WireError("a name in rdata of a newer type is compressed")
    raise WireError("a name runs past its rdata")


def _one_name(data: bytes, at: int, end: int, names: Names) -> bytes:
    name, stop = expand(data, at, names)
    if stop != end:
        raise WireError("rdata is not exactly one name")
    return name


def _soa(data: bytes, at: int, end: int, names: Names) -> bytes:
    mname, at = expand(data, at, names)
    rname, at = expand(data, at, names)
    if end - at != 20:
        raise WireError("SOA does not end in five numbers")
    return mname + rname + data[at:end]


def _two_names(data: bytes, at: int, end: int, names: Names) -> bytes:
    first, at = expand(data, at, names)
    second, at = expand(data, at, names)
    if at != end:
        raise WireError("rdata is not exactly two names")
    return first + second


def _after(octets: int) -> Reader:
    """A reader of *octets* fixed octets and one name."""

    def read(data: bytes, at: int, end: int, names: Names) -> bytes:
        name, stop = expand(data, at + octets, names)
        if stop != end:
            raise WireError("rdata does not end with its name")
        return data[at : at + octets] + name

    return read


def _px(data: bytes, at: int, end: int, names: Names) -> bytes:
    return data[at : at + 2] + _two_names(data, at + 2, end, names)


def _sig(data: bytes, at: int, end: int, names: Names) -> bytes:
    signer, stop = expand(data, at + 18, names)
    if stop > end:
        raise WireError("SIG's signer runs past its rdata")
    return data[at : at + 18] + signer + data[stop:end]


def _nxt(data: bytes, at: int, end: int, names: Names) -> bytes:
    following, stop = expand(data, at, names)
    if stop > end:
        raise WireError("NXT's next name runs past its rdata")
    return following + data[stop:end]


def _naptr(data: bytes, at: int, end: int, names: Names) -> bytes:
    stop = at + 4
    for _ in range(3):
        stop += data[stop] + 1
    name, behind = expand(data, stop, names)
    if behind != end:
        raise WireError("NAPTR does not end with its name")
    return data[at:stop] + name


def _plain_name(data: bytes, at: int, end: int, _: Names) -> bytes:
    if plain_name_end(data, at, end) != end:
        raise WireError("rdata is not exactly one name")
    return data[at:end]


def _kx(data: bytes, at: int, end: int, _: Names) -> bytes:
    if plain_name_end(data, at + 2, end) != end:
        raise WireError("rdata does not end with its name")
    return data[at:end]


def _exactly(octets: int) -> Reader:
    def read(data: bytes, at: int, end: int, _: Names) -> bytes:
        if end - at != octets:
            raise WireError(f"rdata has {end - at} octets, not {octets}")
        return data[at:end]

    return read


def _at_least(octets: int) -> Reader:
    def read(data: bytes, at: int, end: int, _: Names) -> bytes:
        if end - at < octets:
            raise WireError(f"rdata has {end - at} octets, fewer than {octets}")
        return data[at:end]

    return read


def _rrsig(data: bytes, at: int, end: int, _: Names) -> bytes:
    plain_name_end(data, at + 18, end)
    return data[at:end]


def _check_bitmap(data: bytes, at: int, end: int) -> None:
    """Windows in rising order, each of 1 to 32 octets (RFC 4034 §4.1.2)."""
    last = -1
    while at < end:
        if at + 2 > end:
            raise WireError("a type bitmap ends inside a window's header")
        window, size = data[at], data[at + 1]
        at += 2 + size
        if window <= last or not 0 < size <= 32 or at > end:
            raise WireError("a type bitmap's window is malformed")
        last = window


def _nsec(data: bytes, at: int, end: int, _: Names) -> bytes:
    _check_bitmap(data, plain_name_end(data, at, end), end)
    return data[at:end]


def _nsec3(data: bytes, at: int, end: int, _: Names) -> bytes:
    salt_end = at + 5 + data[at + 4]
    hash_end = salt_end + 1 + data[salt_end]
    if hash_end > end:
        raise WireError("NSEC3's salt or hash runs past its rdata")
    _check_bitmap(data, hash_end, end)
    return data[at:end]


def _nsec3param(data: bytes, at: int, end: int, _: Names) -> bytes:
    if at + 5 + data[at + 4] != end:
        raise WireError("NSEC3PARAM does not end with its salt")
    return data[at:end]


def _strings(data: bytes, at: int, end: int, _: Names) -> bytes:
    stop = at
    while stop < end:
        stop += data[stop] + 1
    if stop != end or at == end:
        raise WireError("rdata is not a sequence of character-strings")
    return data[at:end]


def _svcb(data: bytes, at: int, end: int, _: Names) -> bytes:
    stop = plain_name_end(data, at + 2, end)
    last = -1
    while stop < end:
        if stop + 4 > end:
            raise WireError("SVCB ends inside a parameter's header")
        key = data[stop] << 8 | data[stop + 1]
        stop += 4 + (data[stop + 2] << 8 | data[stop + 3])
        if key <= last or stop > end:
            raise WireError("SVCB parameters are malformed or not in order")
        last = key
    return data[at:end]


# In every class (RFC 1035 §3.3 'defined for all classes'; DNSSEC types likewise).
READERS: Final[dict[int, Reader]] = {
    **dict.fromkeys((2, 3, 4, 5, 7, 8, 9, 12), _one_name),  # NS MD MF CNAME MB MG MR PTR
    6: _soa,
    14: _two_names,  # MINFO
    15: _after(2),  # MX
    16: _strings,  # TXT
    17: _two_names,  # RP
    18: _after(2),  # AFSDB
    21: _after(2),  # RT
    24: _sig,
    30: _nxt,
    39: _plain_name,  # DNAME
    43: _at_least(4),  # DS
    46: _rrsig,
    47: _nsec,
    48: _at_least(4),  # DNSKEY
    50: _nsec3,
    51: _nsec3param,
    59: _at_least(4),  # CDS
    60: _at_least(4),  # CDNSKEY
}

# In class IN only: another class may use the number for something else (CH has its own A).
IN_READERS: Final[dict[int, Reader]] = {
    1: _exactly(4),
    26: _px,
    28: _exactly(16),
    33: _after(6),  # SRV
    35: _naptr,
    36: _kx,
    64: _svcb,
    65: _svcb,
}
