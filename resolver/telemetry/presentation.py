"""What a record says as text, in the form of zone files (RFC 1035 §5.1, RFC 3597 §5), for people.

What most answers hold is written here, for a client has to start at once; the text of all other
types is dnspython's, which is what it is best at. Nothing of it runs on the path of a query.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import EdeCode, RRType
from resolver.protocol.codes import type_text as known_type_text
from resolver.runtime.inert import inert

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resolver.protocol.message import Question, RRset

_FAMILIES: Final = {
    (RRType.A, 4): socket.AF_INET,
    (RRType.AAAA, 16): socket.AF_INET6,
}
_ONE_NAME: Final = frozenset({RRType.NS, RRType.CNAME, RRType.PTR, RRType.DNAME})
_PROOFS: Final = frozenset({RRType.RRSIG, RRType.NSEC, RRType.NSEC3})
_CLASSES: Final = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}


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
    family = _FAMILIES.get((rtype, len(rdata))) if rclass == 1 else None
    if family is not None:
        return socket.inet_ntop(family, rdata)
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


def objects(
    question: Question, rrsets: Sequence[RRset], *, with_proofs: bool
) -> list[dict[str, Any]]:
    """Records as plain values; signatures and proofs as `rows` has them."""
    keys = ("name", "ttl", "class", "type", "data")
    found = rows(question, rrsets, with_proofs=with_proofs)
    return [dict(zip(keys, row, strict=True)) for row in found]


def rows(
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


# --- extended errors (RFC 8914) ------------------------------------------------------------------

_ACRONYMS = frozenset({"dnskey", "dnssec", "ds", "nsec", "nsec3"})


def _in_words(mnemonic: str) -> str:
    words = mnemonic.lower().split("_")
    return " ".join(word.upper() if word in _ACRONYMS else word for word in words)


_MEANINGS = {
    value: _in_words(name) for name, value in vars(EdeCode).items() if isinstance(value, int)
}


def ede_text(code: int, text: str = "") -> str:
    """What the code means, and what was said with it: a server's own words, made inert."""
    meaning = _MEANINGS.get(code, f"error {code}")
    return f"{meaning}: {inert(text)}" if text else meaning
