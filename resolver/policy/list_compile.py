"""Rules of all lists → the octets of one compiled file (`list_file`).

What stands ready for a name is its octets in one long array, and two numbers in others: a million
names cost 100 MB here, and are not objects. Sorting by the hash puts them into their buckets. This
runs in a process of its own (`daemon.list_compiling`). Pure, but for the file that is handed in.
"""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING, Final
from zlib import crc32

import msgspec

from resolver.limits import (
    LIST_CHAIN,
    LIST_PATTERN_SECONDS,
    LIST_PATTERNS,
    LIST_SPECIAL_OCTETS,
    LISTED_NAMES,
)
from resolver.policy.list_file import (
    ADDRESSES,
    CLIENTS,
    EVERYTHING,
    FILTERED,
    HEAD,
    MAGIC,
    ONE_LABEL,
    TAIL,
    VERSION,
    Head,
    Info,
    ListInfo,
    checksum_of,
    encode_rule,
    shortened,
)
from resolver.policy.list_parse import ListParser
from resolver.policy.list_pattern import is_slow
from resolver.policy.list_rules import LENGTHS, MARK, Bad, Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.policy.list_parse import Report
    from resolver.policy.list_rules import Key, Rule

_REACHES: Final = 4
_OFFSET: Final = 0xFFFF_FFFF
_FEWEST_BITS: Final = 4
_FILTER_MORE: Final = 6  # 64 bits a bucket of four to eight names: one look in ten goes on
_HASH_BITS: Final = 32


class Compiler:
    """A `Sink` for one list after the other. *cpu* tells seconds of CPU, to try expressions by."""

    def __init__(self, cpu: Callable[[], float]) -> None:
        self.info = Info()
        self._cpu = cpu
        self._names = bytearray()
        self._index = array("Q")  # hash, and where in *names*
        self._tails = array("I")  # hashes of last labels
        self._specials = bytearray()
        self._special_at = array("I", [0])
        self._flags = 0
        self._list = 0
        self._told = set[int]()  # rules of this list, whatever their line

    def add(
        self, info: ListInfo, lines: Iterable[bytes], *, form: str = "auto",
        as_listed: bool = False, cancelled: frozenset[str] = frozenset(),
    ) -> Report:  # fmt: skip
        """Read the next list. Raises WireError where it is none: nothing of it is kept."""
        before = self._mark()
        self._list = len(self.info.lists)
        self._told.clear()
        parser = ListParser(
            self, name=info.name, form=form, as_listed=as_listed, cancelled=cancelled
        )
        try:
            info.report = parser.read_untrusted(lines)
        except BaseException:
            self._go_back(before)
            raise
        self.info.lists.append(info)
        return info.report

    def add_missing(self, info: ListInfo) -> None:
        """A list of which there is nothing."""
        self.info.lists.append(info)

    def _mark(self) -> tuple[int, ...]:
        return (
            len(self._names), len(self._index), len(self._tails), len(self._specials),
            len(self._special_at), len(self.info.patterns), self._flags, self.info.left_out,
        )  # fmt: skip

    def _go_back(self, mark: tuple[int, ...]) -> None:
        parts = (
            self._names, self._index, self._tails, self._specials, self._special_at,
            self.info.patterns,
        )  # fmt: skip
        for part, length in zip(parts, mark, strict=False):
            del part[length:]  # type: ignore[attr-defined]
        self._flags, self.info.left_out = mark[-2:]

    # --- what the parser says ------------------------------------------------------------------

    def plain(self, key: Key, labels: list[bytes], reach: int, line: int) -> None:
        """A name without conditions; see `list_rules.Sink`. What nearly all of lists is: 3 us."""
        self._put(key, labels, line << 8 | self._list << 2 | reach)

    def _put(self, key: Key, labels: list[bytes], tail: int) -> None:
        index, names = self._index, self._names
        if len(index) >= LISTED_NAMES:
            self.info.left_out += 1
            return
        if len(labels) > 1:
            last = len(key) - len(labels[-1]) - 1
            self._tails.append(crc32(key[last - len(labels[-2]) - 1 :]))
            key = shortened(key, last)
        elif labels:
            self._tails.append(crc32(key))
            self._flags |= ONE_LABEL
            key = shortened(key, 0)
        elif key[:1] == MARK:
            self._flags |= ADDRESSES
        else:
            self._flags |= EVERYTHING
        index.append(crc32(key) << _HASH_BITS | len(names))
        names += LENGTHS[len(key)] + key + tail.to_bytes(TAIL, "little")

    def special(self, rule: Rule) -> None:
        """Anything else. Raises Bad where it cannot be taken."""
        rule = msgspec.structs.replace(rule, number=self._list)
        if rule.terms is not None and (rule.terms.clients or rule.terms.not_clients):
            self._flags |= CLIENTS
        alike = hash(encode_rule(msgspec.structs.replace(rule, line=0)))
        if alike in self._told:
            return
        self._told.add(alike)
        if rule.pattern:
            self._pattern(rule)
            return
        octets = encode_rule(rule)
        if len(self._specials) + len(octets) > LIST_SPECIAL_OCTETS:
            self.info.left_out += 1
            return
        number = len(self._special_at) - 1
        self._specials += octets
        self._special_at.append(len(self._specials))
        self._put(rule.key, _labels(rule.key), number << 8 | self._list << 2 | Reach.SPECIAL)

    def _pattern(self, rule: Rule) -> None:
        if len(self.info.patterns) >= LIST_PATTERNS:
            raise Bad(f"there are {LIST_PATTERNS} regular expressions already")
        if is_slow(rule.pattern, self._cpu, LIST_PATTERN_SECONDS):
            raise Bad("a regular expression that takes too long")
        re.compile(rule.pattern, re.IGNORECASE)
        self.info.patterns.append(rule)

    # --- the file ------------------------------------------------------------------------------

    def octets(self) -> bytearray:
        """The compiled file."""
        order = sorted(self._index)
        del self._index[:]
        bits = min(max(_FEWEST_BITS, len(order).bit_length() - 3), 30)
        filter_bits = min(bits + _FILTER_MORE, _HASH_BITS)
        starts, names = self._buckets(order, bits)
        marks = self._filter(filter_bits, order)
        del order
        out = bytearray(HEAD.size)
        out += starts.tobytes()
        filter_at = len(out)
        out += marks
        del marks
        names_at = len(out)
        out += names
        out += bytes(-len(out) % 4)
        index_at = len(out)
        out += self._special_at.tobytes()
        specials_at = len(out)
        out += self._specials
        info_at = len(out)
        out += msgspec.msgpack.encode(self.info)
        head = Head(
            MAGIC, VERSION, self._flags | FILTERED, bits, filter_bits, 0, filter_at, names_at,
            index_at, specials_at, info_at, len(out), len(self._special_at) - 1, b"",
        )  # fmt: skip
        HEAD.pack_into(out, 0, *head)
        HEAD.pack_into(out, 0, *head._replace(checksum=checksum_of(out, head)))
        return out

    def _buckets(self, order: list[int], bits: int) -> tuple[array[int], bytearray]:
        """Where each bucket begins, and the names in their buckets; the same of one list once.

        Equal names have equal hashes, so they follow one another.
        """
        names, shift = bytes(self._names), _HASH_BITS + _HASH_BITS - bits
        self._names = bytearray()
        starts, out = array("I", bytes(4 * ((1 << bits) + 1))), bytearray()
        filled, chain, before, seen = 0, 0, -1, set[bytes]()
        for entry in order:
            bucket = entry >> shift
            if bucket >= filled:
                chain = 0
                while filled <= bucket:
                    starts[filled] = len(out)
                    filled += 1
            at = entry & _OFFSET
            end = at + 1 + names[at]
            if entry >> _HASH_BITS != before:
                before = entry >> _HASH_BITS
                seen.clear()
            record = names[at : end + 1]  # without its line
            if record in seen and names[end] % _REACHES != Reach.SPECIAL:
                continue
            chain += 1
            if chain > LIST_CHAIN:
                self.info.left_out += 1
                continue
            seen.add(record)
            out += names[at : end + TAIL]
            self.info.names += 1
        while filled < len(starts):
            starts[filled] = len(out)
            filled += 1
        return starts, out

    def _filter(self, bits: int, order: list[int]) -> bytearray:
        out, shift = bytearray((1 << bits) // 8), _HASH_BITS - bits
        for entry in order:
            bit = entry >> _HASH_BITS + shift
            out[bit >> 3] |= 1 << (bit & 7)
        for tail in self._tails:
            bit = tail >> shift
            out[bit >> 3] |= 1 << (bit & 7)
        return out


def _labels(key: Key) -> list[bytes]:
    labels, at = list[bytes](), 0
    if key[:1] == MARK:
        return labels
    while at < len(key):
        labels.append(key[at + 1 : at + 1 + key[at]])
        at += key[at] + 1
    return labels
