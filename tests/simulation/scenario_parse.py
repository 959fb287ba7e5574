"""Reads replay scenarios (`.rpl`): the format of Unbound's testbound and CZ.NIC's Deckard.

Three parts: a configuration head up to CONFIG_END, RANGE blocks with what servers say, and STEPs.
A word that is not known here is an error, never passed over: a scenario half understood proves
nothing. Three words are our own: `STEP n CHECK_QUERIES <= 20` counts what went upstream since the
last QUERY, and the head's `reaches: LIMIT ...` names the entries of `limits` that the story
runs into; `set:` is in `scenario_words`.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from resolver.lab.faults import canonical
from tests.simulation.scenario_head import HeadReader
from tests.simulation.scenario_model import (
    SECTIONS,
    Asked,
    Entry,
    Head,
    Range,
    Scenario,
    ScenarioError,
    Step,
)
from tests.simulation.scenario_rdata import rdata_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DEFAULT_TTL = 3600
FLAGS = frozenset({"QR", "AA", "TC", "RD", "RA", "AD", "CD", "DO"})
OPCODES = frozenset({"QUERY", "IQUERY", "STATUS", "NOTIFY", "UPDATE"})
RCODES = _words(
    "NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE"
    " BADVERS BADCOOKIE"
)
RCODE_ALIASES = {"NOTIMPL": "NOTIMP"}
MATCH_WORDS = _words(
    "opcode qtype qname qcase subdomain flags rcode question answer authority additional all"
    " all_noedns ttl DO noedns ednsdata edns nsid client_cookie server_cookie UDP TCP"
)
MATCH_ARGUMENTS = frozenset({"serial", "ede"})
ADJUST_WORDS = _words("copy_id copy_query do_not_answer raw_id raw_data")
UNBUILT_ADJUST = {
    "copy_ednsdata_assume_clientsubnet": "client subnets",
    "increment_ecs_scope": "client subnets",
}
RELATIONS = frozenset({"<=", "==", ">="})
WITH_ENTRY = frozenset({"QUERY", "REPLY", "CHECK_ANSWER", "CHECK_OUT_QUERY"})
# TRAFFIC: background work goes on. NOTHING: no answer is right. TIMEOUT, ERROR: servers are silent.
BARE = frozenset({"TRAFFIC", "NOTHING", "TIMEOUT", "ERROR"})
STEP_KINDS = WITH_ENTRY | BARE | {"TIME_PASSES", "CHECK_QUERIES", "CHECK_TEMPFILE"}
_COMMENT = re.compile(r'((?:[^";\\]|\\.|"(?:[^"\\]|\\.)*")*)')


def strip_comment(line: str) -> str:
    """The line without what follows a semicolon outside quotes."""
    found = _COMMENT.match(line)
    return (found.group(1) if found else line).strip()


def parse(path: Path) -> Scenario:
    """Read one file. Raises ScenarioError with file and line; OSError if it cannot be read."""
    return _Reader(path, path.read_text(encoding="utf-8", errors="replace")).scenario()


class _Reader:
    """One pass over the lines of one file."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._at = 0
        self._origin = dns.name.root
        self._default_ttl = DEFAULT_TTL
        self._entry_words: dict[str, Callable[[Entry, list[str]], None]] = {
            "MATCH": self._match,
            "MANDATORY": self._mandatory,
            "ADJUST": self._adjust,
            "REPLY": self._reply,
            "FLAGS": self._reply,
            "RAW": self._raw,
            "HEX_ANSWER_BEGIN": self._hex_answer,
            "HEX_EDNS_BEGIN": self._hex_edns,
            "HEX_EDNSDATA_BEGIN": self._hex_edns,
        }
        self._head = Head()

    def scenario(self) -> Scenario:
        self._head = self._read_head()
        scenario = Scenario(self._path, self._head)
        for words in iter(self._words, []):
            match words[0]:
                case "SCENARIO_BEGIN":
                    scenario.title = " ".join(words[1:])
                case "SCENARIO_END":
                    break
                case "RANGE_BEGIN":
                    scenario.ranges.append(self._range(words))
                case "STEP":
                    scenario.steps.append(self._step(words))
                case other:
                    raise self._error(f"unknown word {other}")
        if not scenario.steps:
            raise self._error("no STEP in this file")
        return scenario

    # --- lines ---------------------------------------------------------------------------

    def _error(self, text: str) -> ScenarioError:
        return ScenarioError(f"{self._path}:{self._at}: {text}")

    def _line(self) -> str | None:
        """The next line that says something, comment and white space gone; None at the end."""
        while self._at < len(self._lines):
            line = strip_comment(self._lines[self._at])
            self._at += 1
            if line.startswith(("$TTL ", "$ORIGIN ", "$TTL\t", "$ORIGIN\t")):
                self._default(*line.split()[:2])
            elif line:
                return line
        return None

    def _default(self, word: str, value: str) -> None:
        """$TTL and $ORIGIN hold for all records that follow, wherever they stand."""
        if word == "$TTL":
            self._default_ttl = self._number(value)
        else:
            self._origin = dns.name.from_text(value, dns.name.root)

    def _words(self) -> list[str]:
        line = self._line()
        return [] if line is None else line.split()

    def _peek(self) -> str:
        """The first word of the next line, which stays unread."""
        at = self._at
        words = self._words()
        self._at = at
        return words[0] if words else ""

    # --- head ----------------------------------------------------------------------------

    def _read_head(self) -> Head:
        reader = HeadReader()
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if not reader.is_within_file:
                line = strip_comment(line)
            if line == "CONFIG_END":
                return reader.finish()
            try:
                reader.line(line)
            except ValueError as error:
                raise self._error(str(error)) from error
        raise self._error("no CONFIG_END")

    # --- ranges and steps ----------------------------------------------------------------

    def _number(self, word: str) -> int:
        if not word.isdigit():
            raise self._error(f"{word!r} is not a number")
        return int(word)

    def _range(self, words: list[str]) -> Range:
        if len(words) < 3:
            raise self._error("RANGE_BEGIN needs two numbers")
        found = Range(self._number(words[1]), self._number(words[2]))
        found.addresses.extend(map(canonical, words[3:]))
        for line in iter(self._words, []):
            match line[0]:
                case "RANGE_END":
                    return found
                case "ADDRESS":
                    found.addresses.extend(map(canonical, line[1:]))
                case "ENTRY_BEGIN":
                    found.entries.append(self._entry())
                case other:
                    raise self._error(f"unknown word {other} in a RANGE")
        raise self._error("no RANGE_END")

    def _step(self, words: list[str]) -> Step:
        if len(words) < 3:
            raise self._error("STEP needs a number and a kind")
        step = Step(self._number(words[1]), words[2], self._at)
        match words[2:]:
            case ["TIME_PASSES", "ELAPSE", seconds]:
                step.elapse_s = float(seconds)
            case ["CHECK_QUERIES", relation, count] if relation in RELATIONS:
                step.relation, step.count = relation, self._number(count)
            case ["CHECK_TEMPFILE", _]:
                if not self._head.copies:  # of those the verdict counts, not what is kept of them
                    self._head.need("zone files that are written")
                self._skip_file()
            case [kind] if kind in BARE:
                pass
            case [kind, *where] if kind in WITH_ENTRY:
                step.address = self._address(where)
                step.entry = self._entry_of(kind)
            case kind:
                raise self._error(f"unknown STEP {' '.join(kind)}")
        return step

    def _address(self, words: list[str]) -> str:
        match words:
            case []:
                return ""
            case ["ADDRESS", address]:
                return canonical(address)
            case _:
                raise self._error(f"{' '.join(words)!r} is not ADDRESS and an address")

    def _entry_of(self, kind: str) -> Entry | None:
        """The entry that follows a STEP; an outgoing query may be checked without one."""
        if self._peek() == "ENTRY_BEGIN":
            self._words()
            return self._entry()
        if kind != "CHECK_OUT_QUERY":
            raise self._error(f"STEP {kind} without an entry")
        return None

    def _skip_file(self) -> None:
        """What a file should hold: from FILE_BEGIN to FILE_END."""
        if self._line() != "FILE_BEGIN":
            raise self._error("no FILE_BEGIN")
        while (line := self._line()) != "FILE_END":
            if line is None:
                raise self._error("no FILE_END")

    # --- entries -------------------------------------------------------------------------

    def _entry(self) -> Entry:
        first = entry = Entry(self._at)
        section = ""
        while (line := self._line()) is not None:
            words = line.split()
            match words[0]:
                case "ENTRY_END":
                    return first
                case "SECTION":
                    section = words[1] if len(words) > 1 else ""
                    if section not in (*SECTIONS, "QUESTION", "RAW"):
                        raise self._error(f"unknown SECTION {section}")
                case "EXTRA_PACKET":
                    entry = Entry(self._at, adjust=first.adjust)
                    first.more.append(entry)
                case word if word in self._entry_words:
                    self._entry_words[word](entry, words[1:])
                case _ if section == "RAW":
                    entry.raw = (entry.raw or b"") + self._hex(line)
                    entry.is_answered = False
                case _ if section == "QUESTION":
                    entry.question.append(self._question(words))
                case _ if section:
                    self._record(line, entry.sections[section])
                case other:
                    raise self._error(f"unknown word {other} in an ENTRY")
        raise self._error("no ENTRY_END")

    def _match(self, entry: Entry, words: list[str]) -> None:
        for word in words:
            name, equals, value = word.partition("=")
            if equals and name in MATCH_ARGUMENTS:
                entry.arguments[name] = int(value) if value.isdigit() else value
            elif word not in MATCH_WORDS:
                raise self._error(f"unknown MATCH {word}")
            entry.match.add(name)

    def _mandatory(self, entry: Entry, words: list[str]) -> None:
        del words
        entry.is_mandatory = True

    def _adjust(self, entry: Entry, words: list[str]) -> None:
        for word in words:
            name, _, value = word.partition("=")
            if name in {"sleep", "packet_sleep"}:
                entry.sleep_s += float(value)
            elif word in ADJUST_WORDS:
                entry.adjust.add(word)
            elif word in UNBUILT_ADJUST:
                self._head.need(UNBUILT_ADJUST[word])
            else:
                raise self._error(f"unknown ADJUST {word}")

    def _reply(self, entry: Entry, words: list[str]) -> None:
        for word in words:
            if word in FLAGS:
                entry.flags.add(word)
            elif word in OPCODES:
                entry.opcode = word
            elif RCODE_ALIASES.get(word, word) in RCODES:
                entry.rcode = RCODE_ALIASES.get(word, word)
            else:
                raise self._error(f"unknown REPLY {word}")

    def _raw(self, entry: Entry, words: list[str]) -> None:
        entry.raw = self._hex("".join(words) or self._line() or "")
        entry.is_answered = False

    def _hex_answer(self, entry: Entry, words: list[str]) -> None:
        del words
        entry.raw = self._hex_until("HEX_ANSWER_END")

    def _hex_edns(self, entry: Entry, words: list[str]) -> None:
        del words
        entry.options = self._hex_until("HEX_EDNS_END", "HEX_EDNSDATA_END")

    def _hex_until(self, *ends: str) -> bytes:
        data = b""
        while (line := self._line()) not in ends:
            if line is None:
                raise self._error(f"no {ends[0]}")
            data += self._hex(line)
        return data

    def _hex(self, text: str) -> bytes:
        try:
            return bytes.fromhex(text)
        except (ValueError, binascii.Error) as error:
            raise self._error("not hexadecimal") from error

    # --- records -------------------------------------------------------------------------

    def _question(self, words: list[str]) -> Asked:
        try:
            name = dns.name.from_text(words[0], self._origin)
            rdtype = dns.rdatatype.from_text(words[-1])
            rdclass = dns.rdataclass.from_text(words[1]) if len(words) > 2 else 1
        except (dns.exception.DNSException, ValueError) as error:
            raise self._error(f"bad question: {error}") from error
        return Asked(name, int(rdclass), int(rdtype))

    def _record(self, line: str, section: list[dns.rrset.RRset]) -> None:
        """Owner, then TTL and class in any order or absent, type, rdata: as in a zone file."""
        owner_text, *rest = line.split(None, 1)
        ttl, rdclass, text = self._default_ttl, dns.rdataclass.IN, "".join(rest)
        while True:
            word, *rest = text.split(None, 1) or [""]
            text_after = "".join(rest)
            if word.isdigit():
                ttl = int(word)
            elif word.upper() in {"IN", "CH", "HS"}:
                rdclass = dns.rdataclass.from_text(word)
            else:
                break
            text = text_after
        try:
            owner = dns.name.from_text(owner_text, self._origin)
            rdtype = dns.rdatatype.from_text(word)
            rdata = rdata_of(rdclass, rdtype, text_after, self._origin)
        except (dns.exception.DNSException, ValueError) as error:
            raise self._error(f"bad record {line!r}: {error}") from error
        add_record(section, owner, ttl, rdata)


def add_record(
    section: list[dns.rrset.RRset], owner: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata
) -> None:
    """Put a record into its RRset, which keeps the order of the file."""
    covers = rdata.covers()
    for rrset in section:
        if rrset.full_match(owner, rdata.rdclass, rdata.rdtype, covers) and rrset.ttl == ttl:
            rrset.add(rdata, ttl)
            return
    rrset = dns.rrset.RRset(owner, rdata.rdclass, rdata.rdtype, covers)
    rrset.add(rdata, ttl)
    section.append(rrset)
