"""Messages, records and damage to packets, for the wire properties."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from resolver.protocol import names
from resolver.protocol.edns import Edns
from resolver.protocol.rdata_fields import bitmap_of
from resolver.protocol.wire import Record, build

# few letters, so that names share suffixes; some octets that text and case could trip over
LABELS = st.one_of(
    st.sampled_from([b"a", b"b", b"www", b"com", b"example", b"\x03com", b"*", b"_443"]),
    st.binary(min_size=1, max_size=63).map(bytes.lower),
)


def _joined(labels: list[bytes]) -> bytes:
    wire = b"".join(bytes((len(label),)) + label for label in labels) + names.ROOT
    return wire if len(wire) <= names.MAX_NAME_OCTETS else names.ROOT


NAMES = st.lists(LABELS, max_size=6).map(_joined)
SPELLINGS = st.lists(LABELS.flatmap(lambda v: st.sampled_from([v, v.upper()])), max_size=6).map(
    _joined
)
UINT16 = st.integers(0, 0xFFFF)
TTLS = st.integers(0, 0x7FFFFFFF)
BITMAPS = st.frozensets(UINT16, min_size=1, max_size=12).map(bitmap_of)
_SHORT = st.integers(0, 0xFFFF).map(lambda number: number.to_bytes(2, "big"))
_STRINGS = st.lists(st.binary(max_size=40), min_size=1, max_size=4).map(
    lambda parts: b"".join(bytes((len(part),)) + part for part in parts)
)


def _concatenated(*parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.tuples(*parts).map(b"".join)


def _fixed(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


RDATAS: dict[int, st.SearchStrategy[bytes]] = {
    1: _fixed(4),
    2: SPELLINGS,
    5: SPELLINGS,
    6: _concatenated(SPELLINGS, SPELLINGS, _fixed(20)),
    12: SPELLINGS,
    15: _concatenated(_SHORT, SPELLINGS),
    16: _STRINGS,
    28: _fixed(16),
    33: _concatenated(_fixed(6), SPELLINGS),
    39: SPELLINGS,
    43: _concatenated(_fixed(3), st.just(b"\2"), _fixed(32)),
    46: _concatenated(_fixed(18), SPELLINGS, st.binary(min_size=1, max_size=80)),
    47: _concatenated(SPELLINGS, BITMAPS),
    48: _concatenated(_SHORT, st.just(b"\3\x0d"), _fixed(64)),
    65280: st.binary(max_size=40),
}
RECORDS = st.sampled_from(sorted(RDATAS)).flatmap(
    lambda rtype: st.builds(Record, NAMES, st.just(rtype), st.just(1), TTLS, RDATAS[rtype])
)
SECTIONS = st.lists(RECORDS, max_size=6)
EDNS = st.builds(
    Edns,
    udp_payload=UINT16,
    version=st.just(0),
    do=st.booleans(),
    extended_rcode=st.integers(0, 255),
    z=st.just(0),
    options=st.lists(st.tuples(st.integers(65001, 65534), st.binary(max_size=30)), max_size=3).map(
        tuple
    ),
)


class Parts(NamedTuple):
    """What `build` is given."""

    id: int
    flags: int
    question: tuple[bytes, int, int]
    answer: list[Record]
    authority: list[Record]
    additional: list[Record]
    edns: Edns | None

    def build(self, max_size: int = 65535) -> bytes:
        return build(**self._asdict(), max_size=max_size)


PARTS = st.builds(
    Parts,
    id=UINT16,
    flags=UINT16.map(lambda flags: flags & 0x87FF),  # opcode QUERY
    question=st.tuples(SPELLINGS, UINT16, st.just(1)),
    answer=SECTIONS,
    authority=SECTIONS,
    additional=SECTIONS,
    edns=st.none() | EDNS,
)

_EDITS = st.lists(
    st.tuples(
        st.sampled_from(["set", "flip", "cut", "insert", "point"]),
        st.integers(0, 1 << 16),
        st.integers(0, 0xFFFF),
    ),
    min_size=1,
    max_size=4,
)


def damaged(packets: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """One of *packets* with one to four edits: octets changed, cut, inserted, pointers planted."""
    return st.builds(_damage, st.sampled_from(packets), _EDITS)


def _damage(packet: bytes, edits: list[tuple[str, int, int]]) -> bytes:
    octets = bytearray(packet)
    for kind, place, value in edits:
        at = place % (len(octets) or 1)
        if kind == "cut":
            del octets[at : at + 1 + value % 5]
        elif kind == "insert":
            octets[at:at] = value.to_bytes(2, "big")
        elif kind == "point":
            octets[at : at + 2] = (0xC000 | value % 512).to_bytes(2, "big")
        elif kind == "flip" and octets:
            octets[at] ^= 1 << value % 8
        elif octets:
            octets[at] = value & 0xFF
    return bytes(octets)
