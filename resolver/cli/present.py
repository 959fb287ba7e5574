"""An Answer as people and programs read it: the form of dig, or JSON.

The text of names, types and rdata is dnspython's, which is what it is best at; nothing of it runs
on the path of a query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename

from resolver.errors import ConfigError
from resolver.model import Question, Status
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, RRType, rcode_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resolver.model import Answer, Ede, RRset

_PROOFS = frozenset({RRType.RRSIG, RRType.NSEC, RRType.NSEC3})
_EDE_TEXT = {
    value: name.replace("_", " ").lower()
    for name, value in vars(EdeCode).items()
    if isinstance(value, int)
}


def question(name: str, rtype: str = "", *, is_reverse: bool = False) -> Question:
    """What was meant on the command line. Raises ConfigError with what is wrong with it."""
    try:
        if is_reverse:
            qname, rtype = dns.reversename.from_address(name), rtype or "PTR"
        else:
            qname = dns.name.from_text(name)
        wire = qname.to_wire()
    except (dns.exception.DNSException, ValueError, UnicodeError) as error:
        expected = "an address" if is_reverse else "a domain name"
        raise ConfigError("NAME", name, f"{expected} ({error})") from None
    try:
        number = dns.rdatatype.from_text(rtype or "A")
    except (dns.exception.DNSException, ValueError):
        raise ConfigError("TYPE", rtype, 'a record type such as "AAAA" or "TYPE65"') from None
    return Question((wire or names.ROOT).lower(), int(number))


def type_text(rtype: int) -> str:
    """Mnemonic of any type that is known anywhere."""
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype))


def rdata_text(rtype: int, rdata: bytes) -> str:
    """Presentation form; RFC 3597's where the octets are not what the type says."""
    try:
        kind = dns.rdatatype.RdataType.make(rtype)
        made = dns.rdata.from_wire(dns.rdataclass.IN, kind, rdata, 0, len(rdata))
        return made.to_text()
    except (dns.exception.DNSException, ValueError):
        return f"\\# {len(rdata)} {rdata.hex()}"


def dig(answer: Answer, *, elapsed_s: float, with_proofs: bool = False) -> str:
    """Status first, then the sections, each record on its line."""
    lines = [f";; {rcode_text(answer.rcode)}, {_security(answer)}, {1000 * elapsed_s:.0f} ms"]
    lines += [f";; {sentence}" for sentence in map(ede_text, answer.ede)]
    lines += ["", ";; QUESTION", f";{names.to_text(answer.question.qname)}\t\tIN\t"]
    lines[-1] += type_text(answer.question.qtype)
    for title, rrsets in (("ANSWER", answer.answer), ("AUTHORITY", answer.authority)):
        rows = list(_rows(rrsets, with_proofs=with_proofs))
        if rows:
            lines += ["", f";; {title}"]
            lines += ["\t".join(map(str, row)) for row in rows]
    return "\n".join(lines)


def as_json(answer: Answer, *, elapsed_s: float, with_proofs: bool = False) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "question": {
            "name": names.to_text(answer.question.qname),
            "type": type_text(answer.question.qtype),
            "class": "IN",
        },
        "status": rcode_text(answer.rcode),
        "security": answer.status.value,
        "answer": _objects(answer.answer, with_proofs=with_proofs),
        "authority": _objects(answer.authority, with_proofs=with_proofs),
        "extended_errors": [{"code": ede.code, "text": ede_text(ede)} for ede in answer.ede],
        "elapsed_ms": round(1000 * elapsed_s, 3),
    }


def ede_text(ede: Ede) -> str:
    """An extended error in words (RFC 8914)."""
    meaning = _EDE_TEXT.get(ede.code, f"error {ede.code}")
    return f"{meaning}: {ede.text}" if ede.text else meaning


def _security(answer: Answer) -> str:
    return "not validated" if answer.status is Status.UNCHECKED else answer.status.value


def _objects(rrsets: Sequence[RRset], *, with_proofs: bool) -> list[dict[str, Any]]:
    keys = ("name", "ttl", "class", "type", "data")
    return [dict(zip(keys, row, strict=True)) for row in _rows(rrsets, with_proofs=with_proofs)]


def _rows(
    rrsets: Sequence[RRset], *, with_proofs: bool
) -> Iterator[tuple[str, int, str, str, str]]:
    for rrset in rrsets:
        if rrset.rtype in _PROOFS and not with_proofs:
            continue
        owner = names.to_text(rrset.owner)
        for rdata in rrset.rdatas:
            yield owner, rrset.ttl, "IN", type_text(rrset.rtype), rdata_text(rrset.rtype, rdata)
        if with_proofs:
            for rdata in rrset.signatures:
                yield owner, rrset.ttl, "IN", "RRSIG", rdata_text(RRType.RRSIG, rdata)
