"""Compiled lists: one file that is mapped, and the look-up of a name in it.

    head      magic, version, flags, sizes, and a checksum of all that follows
    starts    where each bucket of names begins, four octets each
    filter    a bit for every name, and for the last two labels of it: nearly all look-ups end here
    names     bucket after bucket: length, name, list and reach (an octet), line (three);
              of a name that ends in one of TOPS that label is one octet
    index, specials    rules with conditions, by their number, which stands in the place of a line
    info      which lists these are, from what they were made, regular expressions

A name's bucket is its CRC-32, a match is confirmed by the name. Nothing of the file becomes an
object before a name is found in it, so a swap builds nothing and a release frees nothing: both are
one mapping. All numbers are little-endian. Pure: whoever opens the file hands in its octets.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

import msgspec

from resolver.errors import WireError
from resolver.limits import LIST_ENDINGS, LIST_FILE_OCTETS
from resolver.policy.list_parse import Report
from resolver.policy.list_rules import MARK, Key, Reach, Rule

if TYPE_CHECKING:
    from mmap import mmap

    from resolver.model import Name

MAGIC: Final = b"lists\r\n\x1a"
VERSION: Final = 1
HEAD: Final = struct.Struct("<8sHHBBH7Q16s")
CHECKSUM: Final = 16
EVERYTHING, ONE_LABEL, ADDRESSES, CLIENTS = 1, 2, 4, 8  # flags: rules for the root, and for these
FILTERED: Final = 16  # a flag: the filter has whole names too, as it had not before
TAIL: Final = 4  # octets behind a name: list and reach, and the line
_NUMBER: Final = struct.Struct("<I")
_COMMON: Final = (
    "com net org io de uk ru info xyz top co fr nl it eu biz online site pl br cn jp in us au "
    "ca me tv cc app dev shop club live pro store ch es se cz at be dk no fi gr hu ro ua kr "
    "tw mx ar za id vn tr ir ai icu tk ml ga cf gq pw su vip win bid space website click link "
    "work party stream loan date men download review trade fun host press rest cyou buzz "
    "cloud sbs cfd mobi asia name"
)  # in no order that matters; whoever changes it raises VERSION
TOPS: Final = {
    bytes([len(word)]) + word.encode(): bytes([0x80 + number])
    for number, word in enumerate(_COMMON.split())
}
_REACHES: Final = 4
_BITS: Final = tuple(1 << bit for bit in range(8))
_MOST_BITS: Final = 31


class ListInfo(msgspec.Struct):
    """One list, as it was compiled. *ident*: what it is, and how it is read; *digest*: of its text.

    *trouble*: why it is not there, or not in its newest version.
    """

    ident: str
    name: str
    is_allow: bool
    digest: str = ""
    report: Report = msgspec.field(default_factory=Report)
    trouble: str = ""


class Info(msgspec.Struct):
    """All lists, by their numbers; *patterns*: rules that are regular expressions."""

    lists: list[ListInfo] = []
    patterns: list[Rule] = []
    names: int = 0
    left_out: int = 0


class Head(NamedTuple):
    """*bits* of a bucket's number, *filter_bits* of a bit's; where sections begin, and the end."""

    magic: bytes
    version: int
    flags: int
    bits: int
    filter_bits: int
    unused: int
    filter_at: int
    names_at: int
    index_at: int
    specials_at: int
    info_at: int
    end: int
    specials: int
    checksum: bytes


_NOTHING: Final = MARK  # of an ending, in the place of a key: no list has it, nor what is below it
_ANYTHING: Final = MARK * 2  # ... it, or one that it ends in, is listed


class Found(NamedTuple):
    """A rule of the list *number* for a name that has *depth* octets more in front of the one
    listed."""

    depth: int
    number: int
    line: int
    rule: Rule | None = None


_decode_rule: Final = msgspec.msgpack.Decoder(Rule).decode
encode_rule: Final = msgspec.msgpack.Encoder().encode


class Table:
    """The lists in one file. *data* is its octets, which nobody changes any more."""

    def __init__(self, data: mmap | bytes, head: Head, info: Info) -> None:
        self.info = info
        self.octets = head.end
        self.has_addresses = bool(head.flags & ADDRESSES)
        self.has_clients = bool(head.flags & CLIENTS)
        self._data = data
        self._starts = memoryview(data)[HEAD.size : head.filter_at].cast("I")
        self._shift = 32 - head.bits
        self._filter_at = head.filter_at
        self._filter_shift = 32 - head.filter_bits
        self._names_at = head.names_at
        self._index_at = head.index_at
        self._specials_at = head.specials_at
        self._specials = head.specials
        self._endings: dict[Name, Key] = {}  # of names looked for lately: see `_look_behind`
        self._is_open = bool(head.flags & EVERYTHING)
        self._has_tops = bool(head.flags & ONE_LABEL)
        self._is_filtered = bool(head.flags & FILTERED)

    def __repr__(self) -> str:
        return f"<Table of {self.info.names} names, {len(self.info.lists)} lists>"

    @classmethod
    def read_untrusted(cls, data: mmap | bytes) -> Table:
        """Raises WireError for what is damaged, foreign, or of another version."""
        size = len(data)
        if size < HEAD.size or size > LIST_FILE_OCTETS:
            raise WireError(f"{size} octets are no compiled lists")
        head = Head(*HEAD.unpack(data[: HEAD.size]))
        if head.magic != MAGIC or head.version != VERSION:
            raise WireError("no compiled lists of this version")
        _check_sizes(head, size)
        if checksum_of(data, head) != head.checksum:
            raise WireError("its checksum is wrong")
        try:
            info = msgspec.msgpack.decode(data[head.info_at : head.end], type=Info)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise WireError(f"it does not say what it is ({error})") from None
        return cls(data, head, info)

    def find(self, name: Name) -> list[Found]:
        """All rules for *name*, those of the most specific listed name first. O(labels).

        What is remembered of what stands behind its first label leaves the whole name to be looked
        for in the filter, or nothing at all.
        """
        size = 1 + name[0]
        behind = name[size:]
        short = self._endings.get(behind)
        if short is None:
            short = self._look_behind(behind)
        if short is _NOTHING:
            return []
        if short is _ANYTHING:
            return self._walk(name)
        key = name[:size] + short
        number = crc32(key)
        bit = number >> self._filter_shift
        if not self._data[self._filter_at + (bit >> 3)] & _BITS[bit & 7]:
            return []
        found: list[Found] = []
        self._look(key, number >> self._shift, 0, found)
        return found

    def _look_behind(self, ending: Name) -> Key:
        """What a name that ends in *ending*, behind its first label, may be found by: the key of
        *ending* where nothing but the whole name can be listed."""
        if len(self._endings) >= LIST_ENDINGS:
            self._endings.clear()
        before = last = at = 0
        while at < len(ending) and ending[at]:
            before, last = last, at
            at += ending[at] + 1
        if self._is_open or (not at and self._has_tops):
            short = _ANYTHING
        elif not at or not (self._has_tops or not last or self._passes(ending[before:-1])):
            short = _NOTHING
        else:
            short = self._key_behind(ending, last)
        self._endings[ending] = short
        return short

    def _key_behind(self, ending: Name, last: int) -> Key:
        """The same where a list has something that ends so. Its last label begins at *last*."""
        short = shortened(ending[:-1], last)
        if not self._is_filtered or any(self._is_listed(short[at:]) for at in _places(ending)):
            return _ANYTHING
        return short

    def _passes(self, key: Key) -> bool:
        """False if no list has anything that ends in *key*, one or two labels."""
        bit = crc32(key) >> self._filter_shift
        return bool(self._data[self._filter_at + (bit >> 3)] & _BITS[bit & 7])

    def _is_listed(self, short: Key) -> bool:
        """False if no rule is about *short*."""
        bucket, base = crc32(short) >> self._shift, self._names_at
        begin, end = self._starts[bucket], self._starts[bucket + 1]
        return begin != end and self._data.find(short, base + begin, base + end) >= 0

    def _walk(self, name: Name) -> list[Found]:
        """Look for *name* and all that it ends in."""
        found: list[Found] = []
        places = _places(name)
        short = shortened(name[:-1], places[-1] if places else 0)
        if self._is_open:
            places.append(len(name) - 1)
        for at in places:
            key = short[at:]
            self._look(key, crc32(key) >> self._shift, at, found)
        return found

    def find_address(self, octets: bytes) -> list[Found]:
        """All rules for an address."""
        found: list[Found] = []
        if self.has_addresses:
            key = MARK + octets
            self._look(key, crc32(key) >> self._shift, 0, found)
        return found

    def _look(self, key: Key, bucket: int, depth: int, found: list[Found]) -> None:
        """Add the rules of *key* that count at *depth*."""
        base, data = self._names_at, self._data
        begin, end = base + self._starts[bucket], base + self._starts[bucket + 1]
        if begin == end or data.find(key, begin, end) < 0:
            return
        chunk = data[begin:end]
        at, size, length = 0, len(chunk), len(key)
        while at < size:
            stop = at + 1 + chunk[at]
            if stop + TAIL > size:
                return
            if chunk[at] == length and chunk[at + 1 : stop] == key:
                mark, line = chunk[stop], int.from_bytes(chunk[stop + 1 : stop + TAIL], "little")
                reach = mark % _REACHES
                rule = None
                if reach == Reach.SPECIAL:
                    rule = self.special(line)
                    if rule is None:
                        return
                    reach, line = rule.reach, rule.line
                if reach == Reach.AND_BELOW or (reach == Reach.BELOW) == bool(depth):
                    found.append(Found(depth, mark // _REACHES, line, rule))
            at = stop + TAIL

    def special(self, number: int) -> Rule | None:
        """The rule of that number; None if there is none, as after damage that no checksum saw."""
        if number >= self._specials:
            return None
        at = self._index_at + number * _NUMBER.size
        begin, end = struct.unpack("<II", self._data[at : at + 2 * _NUMBER.size])
        base = self._specials_at
        try:
            return _decode_rule(self._data[base + begin : base + end])
        except (msgspec.MsgspecError, ValueError):
            return None


def _places(name: Name) -> list[int]:
    """Where its labels begin."""
    places, at = list[int](), 0
    while size := name[at]:
        places.append(at)
        at += size + 1
    return places


def shortened(key: Key, last: int) -> Key:
    """*key*, whose last label begins at *last*, as names are kept: a common one is one octet."""
    short = TOPS.get(key[last:])
    return key if short is None else key[:last] + short


def _check_sizes(head: Head, size: int) -> None:
    starts = (1 << head.bits) + 1
    is_right = (
        head.bits <= _MOST_BITS
        and 3 <= head.filter_bits <= _MOST_BITS + 1  # noqa: PLR2004  # whole octets
        and head.filter_at == HEAD.size + starts * _NUMBER.size
        and head.names_at == head.filter_at + (1 << head.filter_bits) // 8
        and head.names_at <= head.index_at <= head.specials_at <= head.info_at <= head.end
        and head.specials_at - head.index_at == (head.specials + 1) * _NUMBER.size
        and head.end == size
    )
    if not is_right:
        raise WireError("it is cut off, or put together wrongly")


def checksum_of(data: mmap | bytes | bytearray, head: Head) -> bytes:
    """Of the head but for the checksum, and of all behind it."""
    found = hashlib.blake2b(HEAD.pack(*head._replace(checksum=b"")), digest_size=CHECKSUM)
    step = 1 << 20
    for at in range(HEAD.size, head.end, step):
        found.update(data[at : min(at + step, head.end)])
    return found.digest()
