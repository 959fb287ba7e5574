"""What is this reply, seen from the zone cut that was asked? Pure.

Answers, aliases and denials become a list of `Link`, one for each name of the chain, so that
each link is validated and cached for itself; referrals become a `Referral`. What is of no use gets
a verdict that sends the exchange to another server: a reply that is empty after scrubbing means a
useless server, never NXDOMAIN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.iterate.blocked import as_blocked
from resolver.iterate.links import NOT_FOLLOWED, answers, follow
from resolver.iterate.scrub import (
    Scrubbed,
    denial_of,
    glue_of,
    nameservers_of,
    negative_authority,
    scrub,
    sole_answer,
)
from resolver.model import USABLE, Link, Question, Referral, RRset, Server, Verdict
from resolver.protocol import names
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.upstream.request import Classified

if TYPE_CHECKING:
    from resolver.model import Delegation, Name
    from resolver.protocol.wire import Message

_ERRORS = {
    Rcode.FORMERR: Verdict.FORMERR,
    Rcode.SERVFAIL: Verdict.SERVFAIL,
    Rcode.NOTIMP: Verdict.NOTIMP,
    Rcode.REFUSED: Verdict.REFUSED,
}
_SAYING = (Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.YXDOMAIN)
_EMPTY: tuple[RRset, ...] = ()
_APEX_TYPES = frozenset({RRType.NS, RRType.SOA, RRType.DNSKEY})
_new = tuple.__new__  # for what is made for each reply: half the constructor's cost


def classify(
    message: Message, question: Question, zone: Name, *, server: Server, is_forward: bool = False
) -> Classified:
    """What a reply to *question* by *server* of *zone* is: its links, or a Referral."""
    rcode = message.rcode
    if message.flags & Flag.TC:
        return Classified(Verdict.TRUNCATED)  # over TCP too: not all is there (RFC 2181 §9)
    if rcode not in _SAYING:
        return Classified(_ERRORS.get(rcode, Verdict.USELESS))
    if rcode == Rcode.NOERROR:
        rrset = sole_answer(message, question, zone, is_forward=is_forward)
        if rrset is not None:
            outcome = Link(question, zone, Verdict.ANSWER, rcode, (rrset,), _EMPTY, server)
            return _new(Classified, (Verdict.ANSWER, (outcome,), None))
    return _read(message, question, zone, server, is_forward=is_forward)


class Classifier:
    """`classify` for one question at one cut, with replies that count only as the last resort.

    Those are recursive opinions; denials with neither AA nor SOA, if there is another server; and,
    from a zone that is signed, what comes without signatures, be it from a server without EDNS or
    one that was not told of the signing: it would be called bogus while another server has them
    (RFC 4035 §4.1; Unbound's "DNSSEC lame").
    """

    __slots__ = ("_delegation", "_is_forward", "_zone", "question", "saw_poor", "saw_useless",
                 "takes_poor")  # fmt: skip

    def __init__(self, question: Question, delegation: Delegation) -> None:
        self.question = question
        self.takes_poor = delegation.is_forward
        self.saw_poor = False
        self.saw_useless = False
        self._delegation = delegation
        self._zone = delegation.zone
        self._is_forward = delegation.is_forward

    def __call__(self, message: Message, server: Server) -> Classified:
        classified = classify(
            message, self.question, self._zone, server=server, is_forward=self._is_forward
        )
        if self._is_forward:
            classified = as_blocked(classified, message, self.question, self._delegation, server)
        if classified.verdict not in USABLE:
            self.saw_useless = True
            return classified
        if self.takes_poor:
            return classified
        is_referral = classified.referral is not None
        aa = message.flags & Flag.AA
        is_opinion = message.flags & Flag.RA and not aa and not is_referral
        is_bare = self._delegation.is_signed and (
            message.edns is None or (not is_referral and _is_unsigned(message, self._zone))
        )
        is_doubtful = not aa and _is_thin(classified) and self._has_choice()
        if is_opinion or is_bare or is_doubtful:
            self.saw_poor = self.saw_useless = True
            return Classified(Verdict.LAME)
        return classified

    def _has_choice(self) -> bool:
        return len(self._delegation.servers()) > 1


def _is_thin(classified: Classified) -> bool:
    """A denial without SOA: without AA too, it is what servers say that know nothing of a zone."""
    if classified.verdict not in (Verdict.NODATA, Verdict.NXDOMAIN):
        return False
    return not _has_soa(classified.links[0])


def _is_unsigned(message: Message, zone: Name) -> bool:
    """No signature at all, though *zone*'s own NS, SOA or DNSKEY show whose reply this is.

    Without these it may be the reply of an unsigned child on the same server.
    """
    is_of_zone = False
    for record in (*message.answer, *message.authority):
        if record.rtype == RRType.RRSIG:
            return False
        is_of_zone |= record.owner == zone and record.rtype in _APEX_TYPES
    return is_of_zone


def _read(
    message: Message, question: Question, zone: Name, server: Server, *, is_forward: bool
) -> Classified:
    """What a reply says that is no error."""
    scrubbed = scrub(message, zone)
    referral = None if is_forward else _referral_set(message, question, scrubbed, zone)
    if referral is not None:
        return _descend(message, question, referral, scrubbed, zone, server)
    rcode = message.rcode
    links, name = follow(question, scrubbed, zone, server, rcode=rcode)
    if not links or _is_alias(links[-1]):
        denial = _denial(message, Question(name, question.qtype), scrubbed, zone, server)
        if denial is not None and (not links or _has_soa(denial)):
            links.append(denial)
        elif links and scrubbed.authority and rcode == Rcode.NOERROR:
            links += _beside(Question(name, question.qtype), scrubbed, zone, server)
    if rcode == Rcode.YXDOMAIN and not _explains_yxdomain(links, zone):
        return Classified(Verdict.USELESS)
    if links:
        own = links if is_forward else _own(links)
        return Classified(links[0].verdict, tuple(own))
    if any(record.rtype == RRType.NS for record in message.authority):
        return Classified(Verdict.LAME)  # it refers up, sideways or to itself
    return Classified(Verdict.USELESS)


def _own(links: list[Link]) -> list[Link]:
    """What a server of the zone says of its own, and what behind that alias can prove itself.

    Only the alias that was asked for is sure to be the zone's (RFC 2181 §5.4.1): its target may lie
    below a cut, seen or not, and a parent's copy of it be old, made up or denied. Signed links are
    left to the validator; for others the target is asked, as BIND does. Data of the apex, or of a
    name that the alias stands below, is the zone's where the alias is: no cut fits between them.
    Forwarders follow for us.
    """
    if len(links) == 1:
        return links
    own = links[:1]
    qname = links[0].question.qname
    for link in links[1:]:
        is_above = link.answer and names.is_subdomain(qname, link.question.qname)
        proof = link.answer or denial_of(link.authority)
        if not is_above and not any(rrset.signatures for rrset in proof):
            break
        own.append(link)
    return own


def _explains_yxdomain(links: list[Link], zone: Name) -> bool:
    """YXDOMAIN needs the DNAME that makes too long a name (RFC 6672 §2.2), or an alias out of here.

    By itself it says nothing of a query: it is an update's prerequisite (RFC 2136 §2.2).
    """
    if not links:
        return False
    last = links[-1]
    if last.verdict is Verdict.YXDOMAIN:
        return True
    target = last.answer[-1].rdatas[0].lower()
    return _is_alias(last) and not names.is_subdomain(target, zone)


def _beside(question: Question, scrubbed: Scrubbed, zone: Name, server: Server) -> tuple[Link, ...]:
    """What is proven of an alias' target beside the alias: that it lies below an unsigned cut.

    It is what a referral would prove (RFC 1034 §4.3.2 step 3b), and answers nothing.
    """
    proof = denial_of(scrubbed.authority)
    if not proof or not names.is_subdomain(question.qname, zone):
        return ()
    return (Link(question, zone, Verdict.REFERRAL, Rcode.NOERROR, _EMPTY, proof, server),)


def _is_alias(link: Link) -> bool:
    return link.verdict is not Verdict.ANSWER and link.question.qtype not in NOT_FOLLOWED


def _has_soa(denial: Link) -> bool:
    """A chain may end in a denial that has its SOA; without one the target is asked by itself."""
    return any(rrset.rtype == RRType.SOA for rrset in denial.authority)


def _denial(
    message: Message, question: Question, scrubbed: Scrubbed, zone: Name, server: Server
) -> Link | None:
    """NXDOMAIN or NODATA about *question*, or None if the reply does not deny it."""
    qname = question.qname
    rcode = message.rcode
    if rcode == Rcode.YXDOMAIN or not names.is_subdomain(qname, zone):
        return None
    is_nxdomain = rcode == Rcode.NXDOMAIN
    authority = negative_authority(scrubbed.authority, zone, qname)
    if not authority and not is_nxdomain and not _is_bare_nodata(message, zone):
        return None
    verdict = Verdict.NXDOMAIN if is_nxdomain else Verdict.NODATA
    if is_nxdomain and scrubbed.answer and any(owner == qname for owner, _ in scrubbed.answer):
        authority = authority[:1]  # a denial beside data of the name proves nothing: never AD
    else:
        authority = authority or denial_of(scrubbed.authority)
    return Link(question, zone, verdict, rcode, _EMPTY, authority, server)


def _is_bare_nodata(message: Message, zone: Name) -> bool:
    """NOERROR without the zone's SOA that denies all the same: never cached for long (RFC 2308 §5).

    Many servers answer so for types they do not know, or with the SOA of the zone above, which they
    were configured with. What speaks of others' names is no denial, nor is a referral that does not
    descend. (NXDOMAIN needs nothing beside it: the rcode says it.)
    """
    if not all(names.is_subdomain(record.owner, zone) for record in message.answer):
        return False
    is_strange = False
    nameservers = set()
    for owner, rtype, *_ in message.authority:
        if rtype == RRType.SOA and names.is_subdomain(zone, owner):
            return True
        is_strange |= rtype == RRType.SOA and not names.is_subdomain(owner, zone)
        if rtype == RRType.NS:
            nameservers.add(owner)
    if is_strange and not message.aa:
        return False
    return not nameservers or (nameservers == {zone} and message.aa)


def _referral_set(
    message: Message, question: Question, scrubbed: Scrubbed, zone: Name
) -> RRset | None:
    """The NS set of a cut below *zone* and at or above the qname, in a reply without answer.

    Records of other names are no answer; nor is data of its child that a parent shows without AA
    (RFC 2181 §5.4.1: it is glue, and the child's own counts).
    """
    if message.rcode != Rcode.NOERROR:
        return None
    is_own_data = message.aa or question.qtype == RRType.DS
    if scrubbed.answer and is_own_data and answers(question, scrubbed.answer):
        return None
    found = None
    for rrset in scrubbed.authority:
        if rrset.rtype == RRType.SOA:
            return None
        is_below = rrset.owner != zone and names.is_subdomain(question.qname, rrset.owner)
        if rrset.rtype == RRType.NS and is_below:
            found = found or rrset
    return found


def _descend(
    message: Message,
    question: Question,
    ns: RRset,
    scrubbed: Scrubbed,
    zone: Name,
    server: Server,
) -> Classified:
    proof = tuple(
        rrset
        for rrset in scrubbed.authority
        if (rrset.rtype == RRType.DS and rrset.owner == ns.owner)
        or rrset.rtype in (RRType.NSEC, RRType.NSEC3)
    )
    if question.qtype == RRType.DS and question.qname == ns.owner:
        # The parent's server does not know DS and refers to the child: there is no DS to be had.
        outcome = Link(question, zone, Verdict.NODATA, Rcode.NOERROR, _EMPTY, proof, server)
        return Classified(Verdict.NODATA, (outcome,))
    nameservers = nameservers_of(ns)
    glue = glue_of(message, nameservers, zone)
    referral = Referral(ns.owner, nameservers, ns.ttl, glue, proof)
    return Classified(Verdict.REFERRAL, referral=referral)
