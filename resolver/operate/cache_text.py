r"""What caches keep ⇄ lines of text: records in the form of zone files, and what is known of them.

An entry is a line that begins with `;=`, with its kind and what is known of it (`key=value`), and
then its records, one a line, each with the TTL that is left:

    ;= rrset rank=auth_answer status=secure zone=example.com. left=283 kept=300
    www.example.com. 283 IN A 192.0.2.80

Other lines that begin with a semicolon mean nothing. RRsets and denials are read back; delegations,
proven gaps and failures are for people. Who reads trusts nothing: `read_untrusted` raises WireError
only, whatever the lines. Pure.
"""

from __future__ import annotations

import re
import socket
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.cache.fields import rdata_untrusted
from resolver.cache.negative import ANY_TYPE, Denied
from resolver.cache.store import CUT
from resolver.errors import WireError
from resolver.model import Delegation, Link, Question, Rank, RRset, Verdict
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType, rcode_text
from resolver.telemetry.presentation import rdata_text, type_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from resolver.cache.rrset import Entry
    from resolver.model import Name

BEGINS: Final = ";="
_ASIDE: Final = ("delegation", "gap", "failure", "bogus")
_META: Final = range(128, 256)  # types of questions alone (RFC 6895 §3.1)
_NUMBER: Final = re.compile(r"-?\d{1,10}")
_FIELDS: Final = 5  # of a record: owner, TTL, class, type, data
_NO_DATA: Final = (0, 41)  # reserved, OPT


class Read(NamedTuple):
    """What an entry says, *left_s* seconds before it expires."""

    link: Link
    rank: Rank
    left_s: int


# --- to text -------------------------------------------------------------------------------------


def records(rrset: RRset) -> Iterator[str]:
    """A line for each record, signatures last."""
    owner, kind = names.to_text(rrset.owner), type_text(rrset.rtype)
    for rdata in rrset.rdatas:
        yield f"{owner} {rrset.ttl} IN {kind} {rdata_text(rrset.rtype, rdata)}"
    for rdata in rrset.signatures:
        yield f"{owner} {rrset.ttl} IN RRSIG {rdata_text(RRType.RRSIG, rdata)}"


def of_entry(entry: Entry, now: float) -> Iterator[str]:
    """An RRset, and the records that prove it, if a wildcard made it."""
    about = {
        "rank": entry.rank.name.lower(),
        "status": entry.status.value,
        "zone": names.to_text(entry.zone),
    }
    yield _head("rrset", about | _times(entry.expires_at, entry.ttl, now))
    yield from records(entry.current(now))
    for rrset in entry.proof:
        yield from records(rrset)


def of_denial(denied: Denied, now: float) -> Iterator[str]:
    """An NXDOMAIN or NODATA, with its authority section."""
    name, rtype, negative = denied
    about = {
        "name": names.to_text(name),
        "type": "*" if rtype == ANY_TYPE else type_text(rtype),
        "rcode": rcode_text(negative.rcode),
        "status": negative.status.value,
        "zone": names.to_text(negative.zone),
    }
    if negative.is_proof_only:
        about["for"] = "validation"
    yield _head("denial", about | _times(negative.expires_at, negative.ttl, now))
    for rrset in negative.current(now):
        yield from records(rrset)


def of_delegation(delegation: Delegation, now: float) -> Iterator[str]:
    """A zone cut as its parent told it, and the addresses that came with it."""
    zone, ttl = delegation.zone, max(int(delegation.expires_at - now), 0)
    about = {"zone": names.to_text(zone), "signed": "yes" if delegation.is_signed else "no"}
    yield _head("delegation", about | _times(delegation.expires_at, int(delegation.ttl), now))
    yield from records(RRset(zone, RRType.NS, ttl, delegation.nameservers))
    for name in delegation.nameservers:
        for server in delegation.glue.get(name, ()):
            yield f"{names.to_text(name)} {ttl} IN {type_text(server.rtype)} {server.host}"


def of_failure(kind: str, question: Question, left_s: float, why: str) -> str:
    """A question that failed, or was found bogus: it is not asked again so soon."""
    about = {"name": names.to_text(question.qname), "type": type_text(question.qtype)}
    return _head(kind, about | {"left": str(int(left_s))}) + (f" ; {why!a}" if why else "")


def _times(expires_at: float, kept: int, now: float) -> dict[str, str]:
    return {"left": str(int(max(expires_at - now, -(1 << 31)))), "kept": str(kept)}


def _head(kind: str, about: dict[str, str]) -> str:
    return " ".join((BEGINS, kind, *(f"{key}={value}" for key, value in about.items())))


# --- from text -----------------------------------------------------------------------------------


def read_untrusted(lines: Sequence[str]) -> Read | None:
    """What an entry of these *lines* says; None if it is of a kind that is not read back.

    Raises WireError only.
    """
    try:
        kind, about = _about(lines[0])
        if kind in _ASIDE or about.get("for") == "validation":
            return None
        rrsets = _rrsets(line for line in lines[1:] if line and not line.startswith(";"))
        left_s = _number(about, "left")
        zone = names.from_text(about["zone"])
        link = _denial(about, zone, rrsets) if kind == "denial" else _positive(kind, zone, rrsets)
        rank = Rank.AUTH_ANSWER if kind == "denial" else _rank(about["rank"])
    except KeyError as error:
        raise WireError(f"an entry lacks {error.args[0]}=") from None
    except ValueError as error:
        raise WireError(str(error)) from None
    for rrset in (*link.answer, *link.authority):
        if not names.is_subdomain(rrset.owner, zone):
            raise WireError(f"{names.to_text(rrset.owner)} is not in {names.to_text(zone)}")
    return Read(link, rank, left_s)


def _about(line: str) -> tuple[str, dict[str, str]]:
    words = line.partition(" ; ")[0].split()
    if len(words) < 2 or words[0] != BEGINS:  # noqa: PLR2004  # what begins it, and its kind
        raise WireError(f'an entry begins with "{BEGINS} KIND"')
    return words[1], dict(word.split("=", 1) for word in words[2:] if "=" in word)


def _number(about: dict[str, str], key: str) -> int:
    if not _NUMBER.fullmatch(about[key]):
        raise WireError(f"{key}= is no number of seconds")
    return int(about[key])


def _rank(text: str) -> Rank:
    try:
        return Rank[text.upper()]
    except KeyError:
        raise WireError(f"there is no rank {text[:40]!a}") from None


def _positive(kind: str, zone: Name, rrsets: list[RRset]) -> Link:
    if kind != "rrset":
        raise WireError(f"there is no kind {kind[:40]!a}")
    if not rrsets:
        raise WireError("an RRset has no record")
    first, *proof = rrsets
    question = Question(first.owner, first.rtype)
    return Link(question, zone, Verdict.ANSWER, Rcode.NOERROR, (first,), tuple(proof))


def _denial(about: dict[str, str], zone: Name, rrsets: list[RRset]) -> Link:
    rcodes = {"NXDOMAIN": Rcode.NXDOMAIN, "NOERROR": Rcode.NOERROR}
    rcode = rcodes.get(about["rcode"])
    if rcode is None:
        raise WireError(f"a denial is NXDOMAIN or NOERROR, not {about['rcode'][:40]!a}")
    is_whole = about["type"] == "*"
    if is_whole and rcode != Rcode.NXDOMAIN:
        raise WireError("only NXDOMAIN is of all types")
    rtype = RRType.A if is_whole else _rtype(about["type"])
    question = Question(names.from_text(about["name"]), rtype)
    if not names.is_subdomain(question.qname, zone):
        raise WireError(f"{names.to_text(question.qname)} is not in {names.to_text(zone)}")
    if not any(rrset.rtype == RRType.SOA for rrset in rrsets):
        raise WireError("a denial without a SOA is not kept")
    verdict = Verdict.NXDOMAIN if rcode else Verdict.NODATA
    return Link(question, zone, verdict, rcode, authority=tuple(rrsets))


def _rrsets(lines: Iterable[str]) -> list[RRset]:
    """The records, set by set, signatures with what they sign."""
    found: dict[tuple[Name, int], tuple[int, list[bytes], list[bytes]]] = {}
    for line in lines:
        owner, ttl, rtype, rdata = _record(line)
        if rtype != RRType.RRSIG:
            found.setdefault((owner, rtype), (ttl, [], []))[1].append(rdata)
            continue
        signed = found.get((owner, int.from_bytes(rdata[:2], "big")))
        if signed is None:
            raise WireError("a signature does not follow what it signs")
        signed[2].append(rdata)
    return [
        RRset(owner, rtype, ttl, tuple(rdatas), tuple(signatures))
        for (owner, rtype), (ttl, rdatas, signatures) in found.items()
    ]


def _record(line: str) -> tuple[Name, int, int, bytes]:
    words = line.split(None, _FIELDS - 1)
    if len(words) != _FIELDS or words[2].upper() != "IN":
        raise WireError("a record is OWNER TTL IN TYPE DATA")
    rtype = _rtype(words[3])
    if not words[1].isdecimal() or len(words[1]) > len(str(1 << 31)):
        raise WireError("a record's TTL is no number of seconds")
    return names.from_text(words[0]), int(words[1]), rtype, _rdata(rtype, words[4].strip())


def _rtype(text: str) -> int:
    import dns.exception  # noqa: PLC0415  # only who loads a file needs it
    import dns.rdatatype  # noqa: PLC0415

    try:
        rtype = int(dns.rdatatype.from_text(text[:20]))
    except (dns.exception.DNSException, ValueError):
        raise WireError(f"there is no type {text[:20]!a}") from None
    if rtype in _META or rtype in _NO_DATA or rtype >= CUT:
        raise WireError(f"there are no records of type {text[:20]}")
    return rtype


def _generic(text: str) -> bytes:
    """RFC 3597 §5."""
    words = text.split()
    try:
        octets = bytes.fromhex("".join(words[2:]))
        is_whole = len(words) > 1 and words[1].isdecimal() and len(octets) == int(words[1][:9])
    except ValueError:
        is_whole = False
    if not is_whole or not text.isascii():
        raise WireError("\\# is followed by a number of octets, and they in hexadecimal digits")
    return octets


def _rdata(rtype: int, text: str) -> bytes:
    """The octets that *text* stands for, which have the form of their type."""
    family = {RRType.A: socket.AF_INET, RRType.AAAA: socket.AF_INET6}.get(rtype)
    if family is not None:
        try:
            return socket.inet_pton(family, text)
        except OSError:
            raise WireError(f"{text[:40]!a} is no address") from None
    if text.startswith("\\#"):
        return rdata_untrusted(_generic(text), rtype)
    import dns.exception  # noqa: PLC0415
    import dns.rdata  # noqa: PLC0415
    from dns.rdataclass import IN  # noqa: PLC0415
    from dns.rdatatype import RdataType  # noqa: PLC0415

    try:
        made = dns.rdata.from_text(IN, RdataType.make(rtype), text, relativize=False)
        octets = made.to_wire()
    except (dns.exception.DNSException, ValueError, OverflowError, struct.error) as error:
        reason = str(error) or type(error).__name__
        raise WireError(f"no {type_text(rtype)}: {reason[:200]!a}") from None
    return rdata_untrusted(octets or b"", rtype)
