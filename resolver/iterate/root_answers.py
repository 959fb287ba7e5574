"""What a server of the root would reply, from a copy of its zone (`root_form`); pure.

The reply is a message like any other: `scrub` and `classify` read it as they read a server's, and
what it says is validated like a server's. RFC 1034 §4.3.2, RFC 4035 §3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.errors import WireError
from resolver.iterate.scrub import nameservers_of
from resolver.protocol import names
from resolver.protocol.codes import Flag, Rcode, RRClass, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.message import Message, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.iterate.root_form import RootForm
    from resolver.model import Question, RRset

_NOT_TOLD: Final = frozenset({RRType.ANY, RRType.RRSIG})
_WHOLE: Final = frozenset({RRType.NS, RRType.NSEC})


def reply_of(form: RootForm, question: Question) -> Message | None:
    """The reply of *form* to *question*; None for what only servers tell. Raises WireError."""
    qname, qtype, qclass = question
    if qclass != RRClass.IN or qtype in _NOT_TOLD:
        return None
    if qname == names.ROOT:
        return _at_owner(form, question, form.apex)
    top = names.suffix(qname, 1)
    found = form.cut(top[1:-1])
    if found is None:
        # over the name, and over the wildcard that would stand there
        proof = (form.span(qname), form.apex[RRType.NSEC])
        return _denial(form, question, Rcode.NXDOMAIN, proof)
    if not found.by_type.keys() >= _WHOLE:
        raise WireError("a delegation that is not whole")
    if qtype == RRType.DS and qname == top:
        return _at_owner(form, question, found.by_type)
    return _referral(form, question, found.by_type)


def _at_owner(form: RootForm, question: Question, held: dict[int, RRset]) -> Message:
    """Data that the root has at the name itself, or that it has none of the type."""
    rrset = held.get(question.qtype)
    if rrset is None:
        return _denial(form, question, Rcode.NOERROR, (held[RRType.NSEC],))
    message = _reply(question, Rcode.NOERROR)
    message.answer.extend(_records(rrset))
    return message


def _denial(form: RootForm, question: Question, rcode: int, proof: Iterable[RRset]) -> Message:
    message = _reply(question, rcode)
    for rrset in dict.fromkeys((form.apex[RRType.SOA], *proof)):
        message.authority.extend(_records(rrset))
    return message


def _referral(form: RootForm, question: Question, held: dict[int, RRset]) -> Message:
    """The delegation, its DS or that it has none, and all glue."""
    message = _reply(question, Rcode.NOERROR)
    message.flags &= ~Flag.AA
    ns = held[RRType.NS]
    for rrset in (ns, held.get(RRType.DS) or held[RRType.NSEC]):
        message.authority.extend(_records(rrset))
    for nameserver in nameservers_of(ns):
        for rrset in form.glue(nameserver):
            message.additional.extend(_records(rrset))
    return message


def _reply(question: Question, rcode: int) -> Message:
    message = Message.asking(question, Flag.QR | Flag.AA | rcode)
    message.edns = Edns(do=True)
    return message


def _records(rrset: RRset) -> Iterator[Record]:
    owner, rtype, ttl, rdatas, signatures = rrset
    for rdata in rdatas:
        yield Record(owner, rtype, RRClass.IN, ttl, rdata)
    for rdata in signatures:
        yield Record(owner, RRType.RRSIG, RRClass.IN, ttl, rdata)
