"""An Answer as people and programs read it: the form of dig, the data alone, or JSON.

What most answers hold is written here, for a client has to start at once; the text of all other
types is dnspython's, which is what it is best at. Nothing of it runs on the path of a query.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from resolver.cli.questions import unicode_text
from resolver.library.words import ede_text
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import SAY_BOGUS, Rcode, RRType, rcode_text
from resolver.protocol.codes import type_text as known_type_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resolver.model import Answer
    from resolver.protocol.message import Question, RRset

SECURE, UNCHECKED, BOGUS = "secure", "unchecked", "bogus"  # values of `model.Status`
_PROOFS = frozenset({RRType.RRSIG, RRType.NSEC, RRType.NSEC3})
_ONE_NAME = frozenset({RRType.NS, RRType.CNAME, RRType.PTR, RRType.DNAME})
_CLASSES = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}


class Source(NamedTuple):
    """Who answered: *kind* is "daemon", "server", "process" or "lab"; *text* says it in words."""

    kind: str
    text: str
    address: str = ""
    transport: str = ""


class Shown(NamedTuple):
    """An answer as it is shown: `model.Answer`, or what another server's reply comes to.

    *security* is a `Status`' value; *ede* are code and text of each.
    """

    question: Question
    rcode: int
    answer: Sequence[RRset]
    authority: Sequence[RRset]
    additional: Sequence[RRset]
    security: str
    ede: Sequence[tuple[int, str]]


class Found(NamedTuple):
    """An answer, how long it took, and who gave it."""

    answer: Shown
    elapsed_s: float
    source: Source | None = None


def type_text(rtype: int) -> str:
    """Mnemonic of any type that is known anywhere."""
    text = known_type_text(rtype)
    if not text.startswith("TYPE"):
        return text
    import dns.rdatatype  # noqa: PLC0415  # it knows those that mean nothing to a resolver

    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype))


def class_text(rclass: int) -> str:
    """Mnemonic of a class, or CLASSnnn (RFC 3597 §5)."""
    return _CLASSES.get(rclass) or f"CLASS{rclass}"


def rdata_text(rtype: int, rdata: bytes, *, rclass: int = 1) -> str:
    """Presentation form; RFC 3597's where the octets are not what the type says."""
    if rclass == 1:
        if rtype == RRType.A and len(rdata) == 4:  # noqa: PLR2004  # octets of an address
            return socket.inet_ntop(socket.AF_INET, rdata)
        if rtype == RRType.AAAA and len(rdata) == 16:  # noqa: PLR2004
            return socket.inet_ntop(socket.AF_INET6, rdata)
    if rtype in _ONE_NAME and rdata:
        return names.to_text(rdata)
    if rtype == RRType.SOA:
        soa = rdata_fields.soa(rdata)
        return " ".join([names.to_text(soa.mname), names.to_text(soa.rname), *map(str, soa[2:])])
    if rtype == RRType.MX and rclass == 1:
        return f"{rdata_fields.mx(rdata).preference} {names.to_text(rdata[2:])}"
    return _any_rdata_text(rtype, rdata, rclass)


def _any_rdata_text(rtype: int, rdata: bytes, rclass: int) -> str:
    import dns.exception  # noqa: PLC0415  # seventy modules
    import dns.rdata  # noqa: PLC0415
    from dns.rdataclass import RdataClass  # noqa: PLC0415
    from dns.rdatatype import RdataType  # noqa: PLC0415

    try:
        kinds = RdataClass.make(rclass), RdataType.make(rtype)
        return dns.rdata.from_wire(*kinds, rdata, 0, len(rdata)).to_text()
    except (dns.exception.DNSException, ValueError):
        return f"\\# {len(rdata)} {rdata.hex()}"


def shown(answer: Answer) -> Shown:
    """What is shown of an answer of our own."""
    is_bogus = answer.rcode == Rcode.SERVFAIL and any(one.code in SAY_BOGUS for one in answer.ede)
    return Shown(
        answer.question,
        answer.rcode,
        answer.answer,
        answer.authority,
        answer.additional,
        BOGUS if is_bogus else answer.status.value,
        answer.ede,
    )


def dig(found: Found, *, with_proofs: bool = False) -> str:
    """Status first, then the sections, each record on its line."""
    answer, elapsed_s, source = found
    head = f";; {rcode_text(answer.rcode)}, {_security(answer)}, {1000 * elapsed_s:.0f} ms"
    lines = [head] if source is None else [head, f";; {source.text}"]
    lines += [f";; {ede_text(*ede)}" for ede in answer.ede]
    lines += ["", ";; QUESTION", question_text(answer.question)]
    international = unicode_text(answer.question.qname)
    if international is not None:
        lines[-1] += f"\t; {international}"
    sections = (
        ("ANSWER", answer.answer),
        ("AUTHORITY", answer.authority),
        ("ADDITIONAL", answer.additional),
    )
    for title, rrsets in sections:
        rows = list(_rows(answer.question, rrsets, with_proofs=with_proofs))
        if rows:
            lines += ["", f";; {title}"]
            lines += ["\t".join(map(str, row)) for row in rows]
    return "\n".join(lines)


def question_text(question: Question) -> str:
    """;name, class and type, as dig writes it."""
    qname, qtype, qclass = question
    return f";{names.to_text(qname)}\t\t{class_text(qclass)}\t{type_text(qtype)}"


def short(answer: Shown) -> list[str]:
    """The data of the answer's records, in their order, aliases included."""
    return [row[-1] for row in _rows(answer.question, answer.answer, with_proofs=False)]


def failure(answer: Shown) -> str:
    """Why there is no answer, in a line."""
    why = "; ".join(ede_text(*ede) for ede in answer.ede) or "the server does not say why"
    return f"{asked_text(answer.question)}: {rcode_text(answer.rcode)}: {why}"


def asked_text(question: Question) -> str:
    """Name and type, for a sentence."""
    return f"{names.to_text(question.qname)} {type_text(question.qtype)}"


def as_json(found: Found, *, with_proofs: bool = False) -> dict[str, Any]:
    """The same as plain values."""
    answer, elapsed_s, source = found
    made = {
        "question": question_object(answer.question),
        "status": rcode_text(answer.rcode),
        "security": answer.security,
        "answer": _objects(answer.question, answer.answer, with_proofs=with_proofs),
        "authority": _objects(answer.question, answer.authority, with_proofs=with_proofs),
        "extended_errors": [{"code": ede[0], "text": ede_text(*ede)} for ede in answer.ede],
        "elapsed_ms": round(1000 * elapsed_s, 3),
    }
    if source is not None:
        made["source"] = {key: value for key, value in source._asdict().items() if value}
    return made


def question_object(question: Question) -> dict[str, Any]:
    """A question as plain values; "unicode" is there for an international name."""
    made = {
        "name": names.to_text(question.qname),
        "type": type_text(question.qtype),
        "class": class_text(question.qclass),
    }
    international = unicode_text(question.qname)
    return made if international is None else made | {"unicode": international}


def _security(answer: Shown) -> str:
    return "not validated" if answer.security == UNCHECKED else answer.security


def _objects(
    question: Question, rrsets: Sequence[RRset], *, with_proofs: bool
) -> list[dict[str, Any]]:
    keys = ("name", "ttl", "class", "type", "data")
    rows = _rows(question, rrsets, with_proofs=with_proofs)
    return [dict(zip(keys, row, strict=True)) for row in rows]


def _rows(
    question: Question, rrsets: Sequence[RRset], *, with_proofs: bool
) -> Iterator[tuple[str, int, str, str, str]]:
    """Owner, TTL, class, type, data; signatures and proofs if asked for, one way or the other."""
    rclass = class_text(question.qclass)
    for rrset in rrsets:
        is_proof = rrset.rtype in _PROOFS and question.qtype not in (rrset.rtype, RRType.ANY)
        if is_proof and not with_proofs:
            continue
        owner, kind = names.to_text(rrset.owner), type_text(rrset.rtype)
        for rdata in rrset.rdatas:
            text = rdata_text(rrset.rtype, rdata, rclass=question.qclass)
            yield owner, rrset.ttl, rclass, kind, text
        if with_proofs:
            for rdata in rrset.signatures:
                yield owner, rrset.ttl, rclass, "RRSIG", rdata_text(RRType.RRSIG, rdata)
