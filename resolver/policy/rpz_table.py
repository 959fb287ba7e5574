"""Policy zones as the daemon has them: one run of octets that is mapped, and the look-up in it.

    head      magic, version, sizes, a checksum of all that follows
    starts    where each bucket of triggers begins, four octets each
    triggers  bucket after bucket: length, key, number of its rules (four octets)
    index     where each rules' octets begin
    rules     what is told: types, TTLs and rdata, once each
    info      which zone it is, from when, what was left out

A trigger's bucket is its CRC-32; the key confirms it. Nothing becomes an object before it is found,
so a swap builds nothing and a release frees nothing but one mapping. The whole zone can be had back
from it (`rules_of`): it is the copy on disk too, and what differences (IXFR) are applied to.
Numbers are little-endian. Pure: whoever opens the file hands in its octets.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

import msgspec

from resolver.errors import WireError
from resolver.limits import RPZ_OCTETS
from resolver.policy.rpz_triggers import Kind
from resolver.policy.rpz_zone import Report, Rule, Rules, Soa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

    from resolver.model import Name
    from resolver.policy.rpz_zone import PolicyZone

MAGIC: Final = b"rpzone\x1a\n"
VERSION: Final = 1
HEAD: Final = struct.Struct("<8sHHI4Q16s")
_NUMBER: Final = struct.Struct("<I")
_WORD: Final = _NUMBER.size
_CHECKSUM: Final = 16
_PER_BUCKET: Final = 4
_MOST_BITS: Final = 24
_AT_ONCE: Final = 1 << 20
_BEFORE_CHECKSUM: Final = HEAD.size - _CHECKSUM


class Info(msgspec.Struct):
    """What a table is of. *made_at*: Unix time when its zone was last confirmed by its source.

    *counts*: triggers by kind. *bits*: by kind and octets of an address, the lengths of prefixes
    that there are, the longest first. *source*: what it was read from; *stamp*: and which file.
    """

    zone: bytes
    soa_ttl: int = 0
    soa: bytes = b""
    report: Report = msgspec.field(default_factory=Report)
    counts: dict[str, int] = {}
    kinds: list[int] = []
    bits: dict[str, list[int]] = {}
    source: str = ""
    stamp: list[int] = []
    made_at: float = 0.0


class _Head(NamedTuple):
    magic: bytes
    version: int
    bits: int
    rules: int
    triggers_at: int
    index_at: int
    info_at: int
    end: int
    checksum: bytes


_decode_rules: Final = msgspec.msgpack.Decoder(tuple[Rule, ...]).decode
_encode: Final = msgspec.msgpack.Encoder().encode


class Table:
    """A policy zone. *data* is nobody's to change any more."""

    def __init__(self, data: mmap | bytes, head: _Head, info: Info) -> None:
        self.info = info
        self.octets = head.end
        self.soa = Soa(info.soa_ttl, info.soa) if info.soa else None
        kinds = frozenset(info.kinds)
        self.has_clients = Kind.CLIENT in kinds
        self.has_names = bool({Kind.QNAME, Kind.QNAME_BELOW} & kinds)
        self.has_addresses = Kind.ANSWER in kinds
        self.has_nsdnames = bool({Kind.NSDNAME, Kind.NSDNAME_BELOW} & kinds)
        self.has_nsips = Kind.NSIP in kinds
        self.looks_at_answers = self.has_addresses or self.has_nsdnames or self.has_nsips
        self._kinds = kinds
        self._bits = {
            (int(kind), int(width)): tuple(bits)
            for (kind, _, width), bits in (
                (one.partition("/"), info.bits[one]) for one in info.bits
            )
        }
        self._data = data
        self._starts = memoryview(data)[HEAD.size : head.triggers_at].cast("I")
        self._shift = 32 - head.bits
        self._triggers_at = head.triggers_at
        self._index_at = head.index_at
        self._rules = head.rules
        self._rules_at = head.index_at + (head.rules + 1) * _WORD

    def __repr__(self) -> str:
        return f"<Table of {sum(self.info.counts.values())} triggers>"

    @classmethod
    def read_untrusted(cls, data: mmap | bytes) -> Table:
        """Raises WireError for what is damaged, foreign, or of another version. O(octets)."""
        size = len(data)
        if not HEAD.size < size <= RPZ_OCTETS:
            raise WireError(f"{size} octets are no policy zone")
        head = _Head(*HEAD.unpack(data[: HEAD.size]))
        if head.magic != MAGIC or head.version != VERSION:
            raise WireError("no policy zone of this version")
        _check_sizes(head, size)
        if _checksum(data, head.end) != head.checksum:
            raise WireError("its checksum is wrong")
        try:
            info = msgspec.msgpack.decode(data[head.info_at : head.end], type=Info)
            if info.soa and len(info.soa) < 22:  # noqa: PLR2004  # two names, five numbers
                raise WireError("its SOA is none")
            return cls(data, head, info)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise WireError(f"it does not say what it is ({error})") from None

    # --- looking ---------------------------------------------------------------------------------

    def by_name(self, exact: Kind, below: Kind, name: Name) -> tuple[bytes, int] | None:
        """The trigger that counts for *name*, and its rules' number: the name itself, else the
        closest wildcard above it. O(labels)."""
        key = name[:-1]
        found = self._find(bytes((exact,)) + key) if exact in self._kinds else -1
        if found >= 0:
            return bytes((exact,)) + key, found
        if below not in self._kinds:
            return None
        mark = bytes((below,))
        while key:
            key = key[key[0] + 1 :]
            found = self._find(mark + key)
            if found >= 0:
                return mark + key, found
        return None

    def by_address(self, kind: Kind, address: bytes) -> tuple[bytes, int] | None:
        """The same for the longest prefix that holds *address*, 4 or 16 octets."""
        width = len(address)
        number = int.from_bytes(address, "big")
        for bits in self._bits.get((kind, width), ()):
            gone = width * 8 - bits
            key = bytes((kind, bits)) + (number >> gone << gone).to_bytes(width, "big")
            found = self._find(key)
            if found >= 0:
                return key, found
        return None

    def rules(self, number: int) -> Rules:
        """What a trigger's *number* tells; nothing where damage was seen by no checksum."""
        at = self._index_at + number * _WORD
        begin, end = struct.unpack("<II", self._data[at : at + 2 * _WORD])
        try:
            return _decode_rules(self._data[self._rules_at + begin : self._rules_at + end])
        except (msgspec.MsgspecError, ValueError):
            return ()

    def _find(self, key: bytes) -> int:
        bucket = crc32(key) >> self._shift
        begin, end = self._starts[bucket], self._starts[bucket + 1]
        if begin == end:
            return -1
        base, length, at = self._triggers_at, len(key), 0
        chunk = self._data[base + begin : base + end]
        size = len(chunk)
        while at < size:
            stop = at + 1 + chunk[at]
            if chunk[at] == length and chunk[at + 1 : stop] == key:
                number = int.from_bytes(chunk[stop : stop + _WORD], "little")
                return number if number < self._rules else -1
            at = stop + _WORD
        return -1

    # --- the whole zone --------------------------------------------------------------------------

    def rules_of(self) -> Iterator[tuple[bytes, Rules]]:
        """Every trigger's key and its rules. Raises WireError where they cannot be read."""
        known = [self.rules(number) for number in range(self._rules)]
        at, end = self._triggers_at, self._index_at
        data = self._data
        while at < end:
            stop = at + 1 + data[at]
            number = int.from_bytes(data[stop : stop + _WORD], "little")
            if stop + _WORD > end or number >= self._rules:
                raise WireError("a trigger that ends too late")
            yield bytes(data[at + 1 : stop]), known[number]
            at = stop + _WORD


def _check_sizes(head: _Head, size: int) -> None:
    starts = (1 << head.bits) + 1
    is_right = (
        0 < head.bits <= _MOST_BITS
        and head.triggers_at == HEAD.size + starts * _WORD
        and head.triggers_at <= head.index_at
        and head.index_at + (head.rules + 1) * _WORD <= head.info_at <= head.end
        and head.end == size
    )
    if not is_right:
        raise WireError("it is cut off, or put together wrongly")


def _checksum(data: mmap | bytes | bytearray, end: int) -> bytes:
    """Of the head but for the checksum, and of all behind it."""
    found = hashlib.blake2b(data[:_BEFORE_CHECKSUM], digest_size=_CHECKSUM)
    for at in range(HEAD.size, end, _AT_ONCE):
        found.update(data[at : min(at + _AT_ONCE, end)])
    return found.digest()


# --- making it -----------------------------------------------------------------------------------


def octets_of(zone: PolicyZone, info: Info) -> bytearray:
    """*zone* as a table; *info* is completed. O(triggers), and little memory beside the table: its
    buckets are measured before they are filled."""
    rules = zone.rules
    bits = max(1, min(_MOST_BITS, (len(rules) // _PER_BUCKET).bit_length()))
    starts = _starts(rules, bits)
    made = bytearray(HEAD.size) + starts.tobytes()
    triggers_at = len(made)
    made += bytes(starts[-1])
    index, told = _fill(made, starts, zone, bits)
    index_at = len(made)
    made += index.tobytes()
    made += told
    info_at = len(made)
    _complete(info, zone)
    made += _encode(info)
    head = _Head(
        MAGIC, VERSION, bits, len(index) - 1, triggers_at, index_at, info_at, len(made), b""
    )
    made[: HEAD.size] = HEAD.pack(*head)
    made[_BEFORE_CHECKSUM : HEAD.size] = _checksum(made, len(made))
    return made


def _starts(rules: dict[bytes, Rules], bits: int) -> array[int]:
    """Where each bucket begins, and the last one ends."""
    starts, shift = array("I", bytes(_WORD * ((1 << bits) + 1))), 32 - bits
    for key in rules:
        starts[(crc32(key) >> shift) + 1] += 1 + len(key) + _WORD
    at = 0
    for number, size in enumerate(starts):
        at += size
        starts[number] = at
    return starts


def _fill(
    made: bytearray, starts: array[int], zone: PolicyZone, bits: int
) -> tuple[array[int], bytearray]:
    """Put the triggers into their buckets; the index of what they tell, and that."""
    numbers: dict[Rules, int] = {}
    told, index = bytearray(), array("I", [0])
    ends, shift, base = starts[:-1], 32 - bits, HEAD.size + _WORD * len(starts)
    for key, found in zone.rules.items():
        number = numbers.get(found)
        if number is None:
            number = numbers[found] = len(numbers)
            told += _encode(found)
            index.append(len(told))
        bucket = crc32(key) >> shift
        record = b"%c%b%b" % (len(key), key, _NUMBER.pack(number))
        at = base + ends[bucket]
        made[at : at + len(record)] = record
        ends[bucket] += len(record)
    return index, told


def _complete(info: Info, zone: PolicyZone) -> None:
    prefixes: defaultdict[str, set[int]] = defaultdict(set)
    kinds: set[int] = set()
    for key in zone.rules:
        kinds.add(key[0])
        if key[0] in (Kind.CLIENT, Kind.ANSWER, Kind.NSIP):
            prefixes[f"{key[0]}/{len(key) - 2}"].add(key[1])
    info.zone, info.report, info.counts = zone.zone, zone.report, zone.counts()
    info.kinds = sorted(kinds)
    info.bits = {one: sorted(found, reverse=True) for one, found in prefixes.items()}
    if zone.soa is not None:
        info.soa_ttl, info.soa = zone.soa
