"""What the caches keep, as links. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from resolver.cache.negative import Negative, negative_ttl
from resolver.cache.rrset import Entry
from resolver.iterate.links import apply_dname
from resolver.model import Link, Source, Verdict
from resolver.protocol.codes import Rcode, RRType

if TYPE_CHECKING:
    from resolver.model import Question


def positive(
    question: Question,
    verdict: Verdict,
    entry: Entry,
    now: float,
    source: Source = Source.CACHE,
) -> Link:
    return Link(
        question,
        entry.zone,
        verdict,
        Rcode.NOERROR,
        (entry.current(now),),
        entry.proof,
        None,
        entry.status,
        source=source,
    )


def negative_link(
    question: Question, negative: Negative, now: float, source: Source = Source.CACHE
) -> Link:
    verdict = Verdict.NXDOMAIN if negative.rcode == Rcode.NXDOMAIN else Verdict.NODATA
    return Link(
        question,
        negative.zone,
        verdict,
        negative.rcode,
        (),
        negative.current(now),
        None,
        negative.status,
        negative.ede,
        source,
    )


def negative_of(denial: Link, at: float) -> Negative | None:
    """*denial*, made of proven gaps at that time, as if it were kept; None if it never counted."""
    ttl = negative_ttl(denial.authority)
    if not ttl:
        return None
    return Negative(
        denial.rcode, denial.authority,
        zone=denial.zone, status=denial.status, ttl=ttl, expires_at=at + ttl,
    )  # fmt: skip


def redirected(question: Question, entry: Entry, now: float) -> Link:
    verdict, rrsets, _ = apply_dname(question.qname, entry.current(now))
    rcode = Rcode.YXDOMAIN if verdict is Verdict.YXDOMAIN else Rcode.NOERROR
    cache = Source.CACHE
    return Link(question, entry.zone, verdict, rcode, rrsets, (), None, entry.status, source=cache)


def link_of(question: Question, kept: Entry | Negative, now: float) -> Link:
    """What is *kept*, as a link; what is over has TTL 0."""
    source = Source.CACHE if kept.expires_at > now else Source.STALE
    if isinstance(kept, Entry):
        if kept.rtype == RRType.DNAME and kept.owner != question.qname:
            return replace(redirected(question, kept, now), source=source)
        verdict = Verdict.ANSWER if kept.rtype == question.qtype else Verdict.CNAME
        return positive(question, verdict, kept, now, source)
    return negative_link(question, kept, now, source)
