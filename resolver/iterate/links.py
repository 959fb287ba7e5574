"""The links of an answer section: data at a name, the CNAME or DNAME that leads on, link by link.

Pure, of records that `scrub` left. What a link means for the walk is `classify`'s to say.
RFC 1034 §3.6.2, RFC 6672 §3.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.iterate.scrub import wildcard_proof
from resolver.limits import CHAIN_LENGTH
from resolver.model import Outcome, Question, RRset, Verdict
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.names import replace_suffix

if TYPE_CHECKING:
    from resolver.iterate.scrub import Scrubbed
    from resolver.model import Name, Server

NOT_FOLLOWED = (RRType.CNAME, RRType.ANY)
_EMPTY: tuple[RRset, ...] = ()


def follow(
    question: Question, scrubbed: Scrubbed, zone: Name, server: Server
) -> tuple[list[Outcome], Name]:
    """The links of the answer section from the qname on, and the name where they end."""
    segments: list[Outcome] = []
    name = question.qname
    answer = scrubbed.answer
    if not answer:
        return segments, name
    authority = scrubbed.authority
    for _ in range(int(CHAIN_LENGTH)):
        asked = Question(name, question.qtype)
        final = _final(asked, answer)
        link = None
        if not final or question.qtype in NOT_FOLLOWED:
            link = _link(asked, answer)
        # a CNAME that was asked for is no answer of its own where a DNAME makes it
        if final and (link is None or link[0] is Verdict.CNAME):
            proof = wildcard_proof(final, authority)
            segments.append(_outcome(asked, zone, Verdict.ANSWER, final, proof, server))
            break
        if link is None:
            break
        verdict, rrsets, target = link
        rcode = Rcode.YXDOMAIN if verdict is Verdict.YXDOMAIN else Rcode.NOERROR
        proof = wildcard_proof(rrsets, authority)
        segments.append(_outcome(asked, zone, verdict, rrsets, proof, server, rcode=rcode))
        if target is None or target == name or question.qtype in NOT_FOLLOWED:
            break
        name = target
    return segments, name


def _outcome(
    question: Question,
    zone: Name,
    verdict: Verdict,
    answer: tuple[RRset, ...],
    authority: tuple[RRset, ...],
    server: Server,
    *,
    rcode: int = Rcode.NOERROR,
) -> Outcome:
    return Outcome(question, zone, verdict, rcode, answer, authority, server)


def _final(question: Question, answer: dict[tuple[Name, int], RRset]) -> tuple[RRset, ...]:
    """The RRsets that answer the question at its own name, none if there are none."""
    qname, qtype, _ = question
    if qtype == RRType.ANY:
        return tuple(rrset for (owner, _), rrset in answer.items() if owner == qname)
    rrset = answer.get((qname, qtype))
    return (rrset,) if rrset is not None else _EMPTY


def answers(question: Question, answer: dict[tuple[Name, int], RRset]) -> bool:
    return bool(_final(question, answer)) or _link(question, answer) is not None


def _link(
    question: Question, answer: dict[tuple[Name, int], RRset]
) -> tuple[Verdict, tuple[RRset, ...], Name | None] | None:
    """The alias that holds for the question's name: DNAME before CNAME (RFC 6672 §3.2)."""
    qname = question.qname
    for ancestor in list(names.ancestors(qname))[1:]:
        dname = answer.get((ancestor, RRType.DNAME))
        if dname is not None:
            return apply_dname(qname, dname)
    cname = answer.get((qname, RRType.CNAME))
    if cname is None:
        return None
    cname = cname._replace(rdatas=cname.rdatas[:1])
    return Verdict.CNAME, (cname,), cname.rdatas[0].lower()


def apply_dname(qname: Name, dname: RRset) -> tuple[Verdict, tuple[RRset, ...], Name | None]:
    """The DNAME and the CNAME it makes for *qname*, with its TTL; YXDOMAIN over 255 octets."""
    dname = dname._replace(rdatas=dname.rdatas[:1])
    try:
        target = replace_suffix(qname, dname.owner, dname.rdatas[0])
    except ValueError:
        return Verdict.YXDOMAIN, (dname,), None
    cname = RRset(qname, RRType.CNAME, dname.ttl, (target,))
    return Verdict.DNAME, (dname, cname), target.lower()
