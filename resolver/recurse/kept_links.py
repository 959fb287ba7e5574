"""What the caches keep, as links. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.iterate.links import apply_dname
from resolver.model import Link, Source, Verdict
from resolver.protocol.codes import Rcode

if TYPE_CHECKING:
    from resolver.cache.negative import Negative
    from resolver.cache.rrset import Entry
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


def redirected(question: Question, entry: Entry, now: float) -> Link:
    verdict, rrsets, _ = apply_dname(question.qname, entry.current(now))
    rcode = Rcode.YXDOMAIN if verdict is Verdict.YXDOMAIN else Rcode.NOERROR
    cache = Source.CACHE
    return Link(question, entry.zone, verdict, rcode, rrsets, (), None, entry.status, source=cache)
