"""A policy zone's text → its rules (RFC 1035 §5).

Most lines are `name CNAME .` and are split at white space; what has quotes, brackets, comments or
escapes is taken apart with care, and rdata of types that are rare here is read by dnspython. A
record that cannot be read is counted, its line told, and the next one counts again: one slip of a
list's author must not end the protection. $INCLUDE and $GENERATE are such records.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.ttl

from resolver.errors import WireError
from resolver.limits import RPZ_BAD_SHARE, RPZ_LINE_OCTETS
from resolver.policy.rpz_zone import Rule
from resolver.protocol import names
from resolver.protocol.codes import RRType, type_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.model import Name
    from resolver.policy.rpz_zone import PolicyZone

_PART: Final = re.compile(r'"(?:[^"\\]|\\.)*"|;.*|[()]|(?:[^\s;()"\\]|\\.)+|"|\\')
_SPECIAL: Final = frozenset('"();\\')
_LENGTHS: Final = tuple(bytes((size,)) for size in range(names.MAX_LABEL_OCTETS + 1))
_CLASSES: Final = frozenset({"IN", "CH", "HS"})
_TTL: Final = re.compile(r"\d+(?:[smhdw]\d+)*[smhdw]?", re.IGNORECASE)
_DEFAULT_TTL: Final = 3600
_MOST_TTL: Final = 0x7FFF_FFFF
_FIRST_LOOK: Final = 20  # records before a share of them says something
_NOT_RDATA = (dns.exception.DNSException, ValueError, IndexError, UnicodeError)


class _Entry(NamedTuple):
    """A record's text: where it begins, its words; *has_owner* False: it has the last one's."""

    line: int
    words: list[str]
    has_owner: bool


def read_untrusted(lines: Iterable[bytes], zone: PolicyZone) -> None:
    """Fill *zone* with what *lines* say. Raises WireError only, where they are no zone at all."""
    reader = _Reader(zone)
    for number, octets in enumerate(lines, start=1):
        reader.line(number, octets)
    reader.end()
    report = zone.report
    seen = report.records + report.bad
    if not report.records or (seen >= _FIRST_LOOK and report.bad > seen * RPZ_BAD_SHARE):
        first = f"; {report.shown[0]}" if report.shown else ""
        raise WireError(f"{report.bad} of {seen} records say nothing{first}")


class _Reader:
    """Takes lines in turn."""

    def __init__(self, zone: PolicyZone) -> None:
        self._zone = zone
        self._origin = zone.zone
        self._owner: Name | None = None  # relative to the zone, of the record before
        self._ttl: int | None = None  # of $TTL
        self._last_ttl = _DEFAULT_TTL
        self._open: _Entry | None = None  # a record whose bracket is open
        self._open_octets = self._depth = 0

    def line(self, number: int, octets: bytes) -> None:
        """One line; what it is no record of is counted."""
        try:
            _check_size(len(octets))
            text = octets.decode("ascii", "surrogateescape")
            if number == 1:
                text = text.removeprefix("\udcef\udcbb\udcbf")  # a byte order mark
            if self._open is None and _SPECIAL.isdisjoint(text):
                words = text.split()
                if words:
                    self._entry(_Entry(number, words, not text[0].isspace()))
                return
            self._parts(number, text)
        except WireError as error:
            where = self._open.line if self._open is not None else number
            self._open = None
            self._zone.report.note(f"line {where}", str(error))

    def end(self) -> None:
        """There are no more."""
        if self._open is not None:
            self._zone.report.note(f"line {self._open.line}", "a bracket that is never closed")

    def _parts(self, number: int, text: str) -> None:
        words = [one for one in _PART.findall(text) if not one.startswith(";")]
        if self._open is None:
            if not words:
                return
            entry = _Entry(number, words, not text[0].isspace())
            self._open_octets = 0
            self._depth = 0
        else:
            entry = self._open
            entry.words.extend(words)
        if '"' in words or "\\" in words:
            raise WireError("a quotation mark that is never closed")
        self._open_octets += len(text)
        _check_size(self._open_octets)
        self._depth += words.count("(") - words.count(")")
        if self._depth > 0:
            self._open = entry
            return
        self._open = None
        words = [one for one in entry.words if one not in ("(", ")")]
        if words:
            self._entry(entry._replace(words=words))

    def _entry(self, entry: _Entry) -> None:
        words = entry.words
        if words[0].startswith("$") and entry.has_owner:
            self._directive(words)
            return
        at = 0
        if entry.has_owner:
            self._owner, at = None, 1  # so that what goes on behind a bad one is bad too
            self._owner = self._zone.trigger(self._name(words[0]))
        if self._owner is None:
            raise WireError("a record without an owner")
        ttl: int | None = None
        while at < len(words):
            word = words[at]
            if word.upper() not in _CLASSES:
                if ttl is not None or not _TTL.fullmatch(word):
                    break
                ttl = _ttl(word)
            at += 1
        if at >= len(words):
            raise WireError("a record without a type")
        if ttl is None:
            ttl = self._ttl if self._ttl is not None else self._last_ttl
        self._last_ttl = ttl
        self._zone.add(self._owner, self._rule(words[at].upper(), ttl, words[at + 1 :]))

    def _rule(self, word: str, ttl: int, data: list[str]) -> Rule:
        if word == "CNAME":
            if len(data) != 1:
                raise WireError("a CNAME has one target")
            return Rule(RRType.CNAME, ttl, b"\0" if data[0] == "." else self._name(data[0]))
        try:
            rtype = type_number(word)
        except ValueError:
            raise WireError(f"{word[:20]} is no type of record") from None
        if not data:
            raise WireError("a record without data")
        origin = dns.name.from_wire(self._origin, 0)[0]
        try:
            octets = dns.rdata.from_text(
                dns.rdataclass.IN,
                dns.rdatatype.RdataType.make(rtype),
                " ".join(data),
                origin,
                relativize=False,
            ).to_wire(origin=origin)
        except _NOT_RDATA as error:
            raise WireError(f"{word} with data that is none ({error})") from None
        if octets is None:
            raise WireError(f"{word} with data that is none")
        return Rule(rtype, ttl, octets)

    def _directive(self, words: list[str]) -> None:
        word = words[0].upper()
        if len(words) > 1 and word == "$ORIGIN":
            self._origin = self._name(words[1])
        elif len(words) > 1 and word == "$TTL":
            self._ttl = _ttl(words[1])
        else:
            raise WireError(f"{word[:20]} is not followed here")

    def _name(self, text: str) -> Name:
        """The absolute name that *text* means. Raises WireError."""
        if text == "@":
            return self._origin
        try:
            if text.isascii() and "\\" not in text and text != ".":
                return self._plain(text.lower().encode("ascii"))
            name = names.from_text(text)
            if text[-1] != "." or not _ends_absolute(text):
                if len(name) + len(self._origin) - 1 > names.MAX_NAME_OCTETS:
                    raise WireError("a name of more than 255 octets")
                name = name[:-1] + self._origin
        except (ValueError, IndexError):
            raise WireError(f"{text[:60]!a} is no domain name") from None
        return name

    def _plain(self, text: bytes) -> Name:
        """The same without escapes, which is nearly every name. Raises ValueError, IndexError."""
        *labels, last = text.split(b".")
        if last:
            labels.append(last)
        name = b"".join([_LENGTHS[len(label)] + label for label in labels])
        name += self._origin if last else names.ROOT
        if len(name) > names.MAX_NAME_OCTETS or b"" in labels:
            raise ValueError("a name with a label too short or too long")
        return name


def _check_size(octets: int) -> None:
    if octets > RPZ_LINE_OCTETS:
        raise WireError("a record that is too long")


def _ends_absolute(text: str) -> bool:
    """Is the last dot one that divides, not an escaped one?"""
    escapes = len(text[:-1]) - len(text[:-1].rstrip("\\"))
    return escapes % 2 == 0


def _ttl(word: str) -> int:
    try:
        return min(int(dns.ttl.from_text(word)), _MOST_TTL)
    except (dns.exception.DNSException, ValueError):
        raise WireError(f"{word[:20]} is no TTL") from None
