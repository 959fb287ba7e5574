"""The links of an answer section: data at a name, the CNAME or DNAME that leads on, link by link.

Pure, of records that `scrub` left. What a link means for the walk is `classify`'s to say.
RFC 1034 §3.6.2, RFC 6672 §3.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.iterate.scrub import wildcard_proof
from resolver.limits import CHAIN_LENGTH
from resolver.model import Link, Question, RRset, Verdict
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.names import replace_suffix

if TYPE_CHECKING:
    from resolver.iterate.scrub import Scrubbed
    from resolver.model import Name, Server

NOT_FOLLOWED = (RRType.CNAME, RRType.ANY)
Answer = dict[tuple["Name", int], RRset]
_Link = tuple[Verdict, tuple[RRset, ...], "Name | None"]
_EMPTY: tuple[RRset, ...] = ()


def follow(
    question: Question, scrubbed: Scrubbed, zone: Name, server: Server, *, rcode: int
) -> tuple[list[Link], Name]:
    """The links of the answer section from the qname on, and the name where they end.

    *rcode* is the last name's (RFC 6604 §3): where it is an error, that name has no data.
    """
    links: list[Link] = []
    name = question.qname
    answer = scrubbed.answer
    if not answer:
        return links, name
    authority = scrubbed.authority
    has_data = rcode == Rcode.NOERROR
    for _ in range(CHAIN_LENGTH):
        asked = Question(name, question.qtype)
        link = _said_of(asked, answer, has_data=has_data)
        if link is None:
            break
        verdict, rrsets, target = link
        code = Rcode.YXDOMAIN if verdict is Verdict.YXDOMAIN else Rcode.NOERROR
        proof = wildcard_proof(rrsets, authority)
        links.append(Link(asked, zone, verdict, code, rrsets, proof, server))
        if target is None or target == name or question.qtype in NOT_FOLLOWED:
            break
        name = target
    return links, name


def _final(question: Question, answer: Answer) -> tuple[RRset, ...]:
    """The RRsets that answer the question at its own name, none if there are none."""
    qname, qtype, _ = question
    if qtype == RRType.ANY:
        return tuple(rrset for (owner, _), rrset in answer.items() if owner == qname)
    rrset = answer.get((qname, qtype))
    return (rrset,) if rrset is not None else _EMPTY


def answers(question: Question, answer: Answer) -> bool:
    return bool(_final(question, answer)) or _link(question, answer) is not None


def _said_of(question: Question, answer: Answer, *, has_data: bool) -> _Link | None:
    """What the section says of the question's own name: its data, or the alias that leads on.

    Both at one name contradict each other (RFC 1034 §3.6.2, RFC 2181 §10.1). No RFC says which of
    them holds; what stands first does, as in Unbound and BIND.
    """
    final = _final(question, answer) if has_data else _EMPTY
    qname, qtype, _ = question
    if final and qtype not in NOT_FOLLOWED and (qname, RRType.CNAME) not in answer:
        return Verdict.ANSWER, final, None
    link = _link(question, answer)
    if not final or link is None:
        return (Verdict.ANSWER, final, None) if final else link
    if qtype in NOT_FOLLOWED:
        # a CNAME that was asked for is no answer of its own where a DNAME makes it
        is_data = link[0] is Verdict.CNAME
    else:
        is_data = _stands_before(final[0], link[1][0], answer)
    return (Verdict.ANSWER, final, None) if is_data else link


def _stands_before(one: RRset, other: RRset, answer: Answer) -> bool:
    order = list(answer)
    return order.index(one[:2]) < order.index(other[:2])


def _link(question: Question, answer: Answer) -> _Link | None:
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


def apply_dname(qname: Name, dname: RRset) -> _Link:
    """The DNAME and the CNAME it makes for *qname*, with its TTL; YXDOMAIN over 255 octets."""
    dname = dname._replace(rdatas=dname.rdatas[:1])
    try:
        target = replace_suffix(qname, dname.owner, dname.rdatas[0])
    except ValueError:
        return Verdict.YXDOMAIN, (dname,), None
    cname = RRset(qname, RRType.CNAME, dname.ttl, (target,))
    return Verdict.DNAME, (dname, cname), target.lower()
