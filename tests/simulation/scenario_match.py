"""Compares a message with what an entry of a scenario wants, field by field.

The same code serves both sides: which entry answers a query, and whether an answer is as expected.
Sections are sets of records: order does not count, names are compared without case, TTLs only where
the entry says `ttl`, OPT never; its options only where the entry gives some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset

from tests.simulation.scenario_model import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.simulation.scenario_model import Asked, Entry

HEADER_FLAGS = ("QR", "AA", "TC", "RD", "RA", "AD", "CD")
ALL = ("opcode", "question", "flags", "rcode", "answer", "authority", "additional")
EDNS_PAYLOAD = 4096
CLIENT_COOKIE_OCTETS = 8
FULL_COOKIE_OCTETS = 24  # with the server's part of RFC 9018
FULL_ONLY = frozenset({"authority", "additional"})
# Types whose names dnspython keeps in the case received, even in its canonical form.
_CASED = frozenset({dns.rdatatype.NSEC})


class Mismatch(NamedTuple):
    field: str
    wanted: str
    got: str

    def __str__(self) -> str:
        return f"{self.field}: wanted {self.wanted}, got {self.got}"


class Seen(NamedTuple):
    """A message as it came, and over what; of an answer, whether the query had DO.

    *is_late*: a second of its TTLs may have begun, since more than the client's query took time.
    """

    message: dns.message.Message
    transport: str
    asked_do: bool = True
    is_late: bool = False


Record = tuple[str, int, int, bytes, int]


def records(rrsets: Iterable[dns.rrset.RRset], *, with_ttl: bool) -> set[Record]:
    """The records of a section as a set, in a form in which equal means the same."""
    return {
        (
            rrset.name.canonicalize().to_text(),
            int(rrset.rdclass),
            int(rrset.rdtype),
            _canonical(rdata),
            rrset.ttl if with_ttl else 0,
        )
        for rrset in rrsets
        for rdata in rrset
    }


def _canonical(rdata: dns.rdata.Rdata) -> bytes:
    if rdata.rdtype in _CASED:
        return rdata.to_text().lower().encode()
    return rdata.to_digestable()


def show(rrsets: Iterable[dns.rrset.RRset]) -> str:
    """A section on one line, long rdata cut."""
    lines = [
        f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text()[:60]}"
        for rrset in rrsets
        for rdata in rrset
    ]
    return "[" + "; ".join(lines) + "]"


def mismatches(entry: Entry, seen: Seen, *, is_full: bool = False) -> list[Mismatch]:
    """Where *seen* is not what *entry* wants; empty if it matches.

    *is_full*: the file was written for a resolver whose answers carry more than was asked for; of
    a positive answer the sections that only such answers have are not compared.
    """
    wanted = set(entry.match)
    if wanted & {"all", "all_noedns"}:
        wanted |= set(ALL)
    if "all" in wanted and entry.options is not None:
        wanted.add("ednsdata")
    if is_full and entry.is_positive:
        wanted -= FULL_ONLY
    found = [FIELDS[name](entry, seen) for name in sorted(wanted - {"all", "all_noedns", "ttl"})]
    return [mismatch for mismatch in found if mismatch is not None]


def _differ(field: str, wanted: object, got: object) -> Mismatch | None:
    return None if wanted == got else Mismatch(field, str(wanted), str(got))


def _opcode(entry: Entry, seen: Seen) -> Mismatch | None:
    return _differ("opcode", entry.opcode, dns.opcode.to_text(seen.message.opcode()))


def _rcode(entry: Entry, seen: Seen) -> Mismatch | None:
    got = dns.rcode.to_text(seen.message.rcode())
    if got == "BADCOOKIE" and entry.rcode == "YXRRSET":  # its lower four bits, in Unbound's files
        return None
    return _differ("rcode", entry.rcode, got)


def header_flags(message: dns.message.Message) -> set[str]:
    return set(dns.flags.to_text(message.flags).split()) & set(HEADER_FLAGS)


def _flags(entry: Entry, seen: Seen) -> Mismatch | None:
    """DO counts where the entry has it, and is an echo: none comes of a query without it."""
    got, wanted = header_flags(seen.message), set(entry.flags)
    if not seen.asked_do:
        wanted.discard("DO")
    if "DO" in wanted and seen.message.ednsflags & dns.flags.DO:
        got.add("DO")
    return _differ("flags", " ".join(sorted(wanted)), " ".join(sorted(got)))


def _asked(seen: Seen) -> list[tuple[str, int, int]]:
    return [
        (rrset.name.canonicalize().to_text(), int(rrset.rdclass), int(rrset.rdtype))
        for rrset in seen.message.question
    ]


def _first(entry: Entry, seen: Seen) -> tuple[Asked | None, dns.rrset.RRset | None]:
    """The question wanted (None: any) and the question seen."""
    question = seen.message.question
    return (entry.question[0] if entry.question else None), (question[0] if question else None)


def _qname(entry: Entry, seen: Seen) -> Mismatch | None:
    wanted, got = _first(entry, seen)
    if wanted is None or (got is not None and got.name == wanted.name):
        return None
    return Mismatch("qname", str(wanted.name), str(got and got.name))


def _qcase(entry: Entry, seen: Seen) -> Mismatch | None:
    wanted, got = _first(entry, seen)
    if wanted is None or (got is not None and got.name.labels == wanted.name.labels):
        return None
    return Mismatch("qcase", str(wanted.name), str(got and got.name))


def _qtype(entry: Entry, seen: Seen) -> Mismatch | None:
    wanted, got = _first(entry, seen)
    if wanted is None:
        return None
    return _differ(
        "qtype",
        dns.rdatatype.to_text(dns.rdatatype.RdataType(wanted.rdtype)),
        "none" if got is None else dns.rdatatype.to_text(got.rdtype),
    )


def _subdomain(entry: Entry, seen: Seen) -> Mismatch | None:
    wanted, got = _first(entry, seen)
    if wanted is None or (got is not None and got.name.is_subdomain(wanted.name)):
        return None
    return Mismatch("subdomain", str(wanted.name), str(got and got.name))


def _question(entry: Entry, seen: Seen) -> Mismatch | None:
    wanted = [
        (asked.name.canonicalize().to_text(), asked.rdclass, asked.rdtype)
        for asked in entry.question
    ]
    return _differ("question", wanted, _asked(seen)) if wanted else None


def _section(name: str) -> Callable[[Entry, Seen], Mismatch | None]:
    index = SECTIONS.index(name) + 1

    def compare(entry: Entry, seen: Seen) -> Mismatch | None:
        wanted, got = entry.sections[name], seen.message.sections[index]
        with_ttl = "ttl" in entry.match
        found = records(got, with_ttl=with_ttl)
        expected = records(wanted, with_ttl=with_ttl)
        if seen.is_late and with_ttl:
            found = {one if one in expected else (*one[:-1], one[-1] + 1) for one in found}
        if expected == found:
            return None
        return Mismatch(name.lower(), show(wanted), show(got))

    return compare


def _transport(name: str) -> Callable[[Entry, Seen], Mismatch | None]:
    return lambda _, seen: _differ("transport", name, seen.transport.upper())


def _do(entry: Entry, seen: Seen) -> Mismatch | None:
    del entry
    has_do = seen.message.edns >= 0 and bool(seen.message.ednsflags & dns.flags.DO)
    return None if has_do else Mismatch("DO", "set", "clear")


def _noedns(entry: Entry, seen: Seen) -> Mismatch | None:
    del entry
    return None if seen.message.edns < 0 else Mismatch("edns", "none", "present")


def _edns(entry: Entry, seen: Seen) -> Mismatch | None:
    """Deckard's: version 0 and its default buffer size."""
    del entry
    return _differ("edns", (0, EDNS_PAYLOAD), (seen.message.edns, seen.message.payload))


def _options(seen: Seen, code: int) -> list[dns.edns.Option]:
    return [option for option in seen.message.options if option.otype == code]


def _ednsdata(entry: Entry, seen: Seen) -> Mismatch | None:
    """All options, but for those that the entry looks at by a word of its own."""
    apart = {dns.edns.EDE} if "ede" in entry.match else set()
    if entry.match & {"client_cookie", "server_cookie"}:
        apart.add(dns.edns.COOKIE)
    got = b"".join(
        int(option.otype).to_bytes(2, "big") + len(data).to_bytes(2, "big") + data
        for option in seen.message.options
        if option.otype not in apart
        for data in [option.to_wire() or b""]
    )
    return _differ("ednsdata", (entry.options or b"").hex(), got.hex())


def _nsid(entry: Entry, seen: Seen) -> Mismatch | None:
    del entry
    return None if _options(seen, dns.edns.NSID) else Mismatch("nsid", "present", "none")


def _cookie(size: int) -> Callable[[Entry, Seen], Mismatch | None]:
    def compare(entry: Entry, seen: Seen) -> Mismatch | None:
        del entry
        cookies = [option.to_wire() or b"" for option in _options(seen, dns.edns.COOKIE)]
        is_there = any(len(cookie) == size for cookie in cookies)
        return None if is_there else Mismatch("cookie", f"{size} octets", str(cookies))

    return compare


def _ede(entry: Entry, seen: Seen) -> Mismatch | None:
    wanted = entry.arguments.get("ede", "any")
    got = [int(option.code) for option in seen.message.options if _is_ede(option)]
    if (wanted == "any" and got) or wanted in got or (wanted == "none" and not got):
        return None
    return Mismatch("ede", str(wanted), str(got))


def _is_ede(option: dns.edns.Option) -> bool:
    return isinstance(option, dns.edns.EDEOption)


def _serial(entry: Entry, seen: Seen) -> Mismatch | None:
    got = [
        rdata.serial
        for rrset in seen.message.authority
        if rrset.rdtype == dns.rdatatype.SOA
        for rdata in rrset
    ]
    return _differ("serial", [entry.arguments.get("serial")], got)


FIELDS: dict[str, Callable[[Entry, Seen], Mismatch | None]] = {
    "opcode": _opcode,
    "rcode": _rcode,
    "flags": _flags,
    "qname": _qname,
    "qcase": _qcase,
    "qtype": _qtype,
    "subdomain": _subdomain,
    "question": _question,
    "answer": _section("ANSWER"),
    "authority": _section("AUTHORITY"),
    "additional": _section("ADDITIONAL"),
    "UDP": _transport("UDP"),
    "TCP": _transport("TCP"),
    "DO": _do,
    "noedns": _noedns,
    "edns": _edns,
    "ednsdata": _ednsdata,
    "nsid": _nsid,
    "client_cookie": _cookie(CLIENT_COOKIE_OCTETS),
    "server_cookie": _cookie(FULL_COOKIE_OCTETS),
    "ede": _ede,
    "serial": _serial,
}
