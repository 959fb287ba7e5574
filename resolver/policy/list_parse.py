"""The text of one list → rules: hosts, domain names, AdGuard's syntax, response policy zones.

Which of them it is shows by itself: a zone by its first lines, all else line by line, so that lists
may be mixed. `format` holds a list to one. What is listed counts for

    0.0.0.0 ads.example      that name alone, as in a hosts file; the address does not matter
    ads.example              that name and all below it
    *.ads.example            the same
    ||ads.example^           the same; see `adblock`

Nothing of it raises but WireError, where the whole is no list: HTML, binary, or too many lines that
say nothing. Those are counted, and the first are told. Pure.
"""

from __future__ import annotations

import re
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import msgspec

from resolver.errors import WireError
from resolver.limits import (
    LIST_BAD_SHARE,
    LIST_BAD_SHOWN,
    LIST_LINE_OCTETS,
    LIST_LINES,
    LIST_PROBE_LINES,
)
from resolver.policy import adblock
from resolver.policy.list_rpz import RpzReader, looks_like_a_zone
from resolver.policy.list_rules import (
    LENGTHS,
    MARK,
    Aside,
    Bad,
    Reach,
    Rewrite,
    Rule,
    Terms,
    key_of,
)
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.ip_addresses import address_octets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    _Match = Callable[[bytes], re.Match[bytes] | None]
    from resolver.policy.list_rules import Sink

_NAME: Final = rb"((?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{0,61}[a-z])"


def _shape(before: bytes, behind: bytes, reach: int) -> tuple[_Match, int]:
    return re.compile(before + _NAME + behind + rb"[ \t]*(?:\r?\n)?").fullmatch, reach


# What nearly every line of nearly every list is, and what it stands for.
_HOSTS: Final = _shape(rb"(?:0\.0\.0\.0|127\.0\.0\.1)[ \t]+", b"", Reach.EXACT)
_BARE: Final = _shape(b"", b"", Reach.AND_BELOW)
_BARS: Final = _shape(rb"\|\|", rb"\^", Reach.AND_BELOW)
_USUAL: Final = {
    "auto": [_HOSTS, _BARE, _BARS], "hosts": [_HOSTS], "domains": [_BARE],
    "adblock": [_BARS, _BARE, _HOSTS], "rpz": [],
}  # fmt: skip
_LONGEST_USUAL: Final = 200
_OWN: Final = frozenset(
    {"localhost", "localhost.localdomain", "localdomain", "local", "broadcasthost", "0.0.0.0",  # noqa: S104
     "127.0.0.1", "::1", "ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix",
     "ip6-allnodes", "ip6-allrouters", "ip6-allhosts"}
)  # fmt: skip
_OWN_OCTETS: Final = frozenset(each.encode() for each in _OWN)
_HTML: Final = re.compile(
    rb"\s*(?:<!doctype|<html|<head|<body|<\?xml|<script|<!--|\{\s*\")", re.IGNORECASE
)
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_BOM: Final = b"\xef\xbb\xbf"
_BY_OCTETS: Final = {4: RRType.A, 16: RRType.AAAA}


class Report(msgspec.Struct):
    """What came of a list. *rules* that count; *bad* lines, the first of them in *shown*; lines set
    *aside*, which are not for a resolver."""

    form: str = ""
    lines: int = 0
    rules: int = 0
    bad: int = 0
    aside: int = 0
    shown: list[str] = []


class ListParser:
    """Reads one list for *sink*. *cancelled*: rules that `$badfilter` switches off, canonical.

    *form*: "auto", or one that all lines must have. *as_listed*: addresses of hosts lines are told.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        name: str = "list",
        form: str = "auto",
        as_listed: bool = False,
        cancelled: frozenset[str] = frozenset(),
    ) -> None:
        self.report = Report(form)
        self._sink = sink
        self._name = name
        self._form = form
        self._as_listed = as_listed
        self._cancelled = cancelled
        self._rpz = RpzReader(sink)
        self._read: Callable[[str, int], None] = self._line
        self._shapes = [] if as_listed else list(_USUAL[form])

    def read_untrusted(self, lines: Iterable[bytes]) -> Report:
        """All of it. Raises WireError, with a sentence, where it is no list."""
        it = iter(lines)
        first = list(islice(it, LIST_PROBE_LINES))
        refuse_what_is_no_text(b"".join(first))
        if first:
            first[0] = first[0].removeprefix(_BOM)
        if self._form == "rpz" or (self._form == "auto" and _is_zone(first)):
            self._read, self._shapes = self._rpz.read, []
            self.report.form = "rpz"
        number = 0
        for number, octets in enumerate(chain(first, it), start=1):
            if number > LIST_LINES:
                raise WireError(f"it has more than {LIST_LINES} lines")
            self._take(octets, number)
        self.report.lines = number
        self.report.rules += self._rpz.rules
        self._judge()
        return self.report

    def _take(self, octets: bytes, number: int) -> None:
        report = self.report
        if self._shapes and len(octets) < _LONGEST_USUAL and self._take_usual(octets, number):
            return
        if len(octets) > LIST_LINE_OCTETS:
            self._note(number, f"a line longer than {LIST_LINE_OCTETS} octets", octets)
            return
        text = octets.decode("utf-8", "replace").rstrip("\r\n")
        try:
            self._read(text, number)
        except Aside:
            report.aside += 1
        except Bad as bad:
            self._note(number, str(bad), octets)

    def _take_usual(self, octets: bytes, number: int) -> bool:
        """If it is of a usual shape: that of the line before, nearly always."""
        octets, shapes = octets.lower(), self._shapes
        usual = shapes[0][0](octets)
        for at in range(1, len(shapes)):
            if usual is not None:
                break
            usual = shapes[at][0](octets)
            if usual is not None:
                shapes.insert(0, shapes.pop(at))
        if usual is None:
            return False
        name, reach = usual[1], shapes[0][1]
        if name in _OWN_OCTETS:
            return False
        if self._cancelled and reach and _canonical(usual) in self._cancelled:
            return True
        labels = name.split(b".")
        key = b"".join([LENGTHS[len(label)] + label for label in labels])
        self._sink.plain(key, labels, reach, number)
        self.report.rules += 1
        return True

    def _note(self, number: int, why: str, octets: bytes) -> None:
        report = self.report
        report.bad += 1
        if len(report.shown) < LIST_BAD_SHOWN:
            text = octets[:80].decode("utf-8", "replace").strip()
            shown = "".join(char if char.isprintable() else "?" for char in text)
            report.shown.append(f"{self._name}:{number}: {why}: {shown}")

    def _judge(self) -> None:
        report = self.report
        whole = report.bad + report.rules
        if report.aside and not whole:
            raise WireError("no line of it is for a resolver")
        if report.bad > LIST_BAD_SHARE * whole:
            shown = f" ({report.shown[0]})" if report.shown else ""
            raise WireError(f"{report.bad} of {whole} lines say nothing that can be done{shown}")

    # --- a line --------------------------------------------------------------------------------

    def _line(self, text: str, number: int) -> None:
        text = text.strip()
        form = self._form
        if not text or self._is_remark(text):
            return
        if form in ("auto", "adblock") and adblock.is_cosmetic(text):
            raise Aside("hides elements of pages")
        if self._cancelled and adblock.canonical(text) in self._cancelled:
            return
        if form != "adblock" or text[0].isdigit() or text[0] == ":":
            words = text.partition("#")[0].split()
            address = _address(words[0]) if words and form != "domains" else b""
            if address and len(words) > 1:
                self._hosts(address, words[1:], number)
                return
            if form == "hosts":
                raise Bad("no line of a hosts file")
            if form == "domains" or (len(words) == 1 and _is_bare(words[0])):
                self._domain(words, number)
                return
        if "badfilter" in text and adblock.is_badfilter(text):
            self.report.aside += 1
            return
        self._count(adblock.rule_of(text.split(" #")[0].rstrip(), number))

    def _is_remark(self, text: str) -> bool:
        if self._form in ("auto", "adblock"):
            return adblock.is_comment(text) or (text[0] == ";" and self._form == "auto")
        return text[0] in "#!;"

    def _count(self, rule: Rule) -> None:
        self._sink.special(rule)
        self.report.rules += 1

    def _hosts(self, address: bytes, hosts: list[str], number: int) -> None:
        for host in hosts:
            if host.lower() in _OWN:
                continue
            key, labels = key_of(host)
            if self._as_listed:
                rtype = _BY_OCTETS[len(address)]
                terms = Terms(rewrite=Rewrite(Rcode.NOERROR, rtype, address))
                self._count(Rule(key, Reach.EXACT, number, terms=terms))
            else:
                self._sink.plain(key, labels, Reach.EXACT, number)
                self.report.rules += 1

    def _domain(self, words: list[str], number: int) -> None:
        if len(words) != 1:
            raise Bad("more than one word on a line")
        word = words[0].removeprefix("*.")
        address = _address(word)
        if address and word in _OWN:
            raise Bad("an address without a name")
        if address:
            self._count(Rule(MARK + address, Reach.EXACT, number))
            return
        key, labels = key_of(word)
        if len(labels) == 1 and self._form != "domains" and not words[0].startswith("*."):
            raise Bad("one word alone; all of a top-level domain is *.word")
        if labels[-1].isdigit():
            raise Bad("no domain name")
        if word.lower() in _OWN:
            return
        self._sink.plain(key, labels, Reach.AND_BELOW, number)
        self.report.rules += 1


def _canonical(usual: re.Match[bytes]) -> str:
    """As `adblock.canonical`."""
    return usual.group().decode("ascii").strip() + "$"


def refuse_what_is_no_text(octets: bytes) -> None:
    """Raises WireError for a page or a program in the place of a list."""
    octets = octets.removeprefix(_BOM)
    if _HTML.match(octets):
        raise WireError("it is HTML or JSON, and no list")
    if _BINARY.search(octets):
        raise WireError("it is binary, and no list")


def cancelled_in(lines: Iterable[bytes]) -> Iterator[str]:
    """The rules, canonical, that the `$badfilter` rules among *lines* switch off."""
    for octets in lines:
        if b"badfilter" in octets and len(octets) <= LIST_LINE_OCTETS:
            text = octets.decode("utf-8", "replace").strip()
            if not adblock.is_comment(text) and adblock.is_badfilter(text):
                yield adblock.canonical(text)


def _is_zone(lines: list[bytes]) -> bool:
    texts = [one[:LIST_LINE_OCTETS].decode("utf-8", "replace") for one in lines]
    return looks_like_a_zone([one for one in texts if not one.startswith(("!", "#", "|", "@@"))])


def _is_bare(word: str) -> bool:
    """A name without anything of AdGuard's syntax, or with a leading wildcard."""
    return not re.search(r"[|^$/@*:,=~&?]", word.removeprefix("*.")) or bool(_address(word))


def _address(text: str) -> bytes:
    try:
        return address_octets(text.partition("%")[0])
    except ValueError:
        return b""
