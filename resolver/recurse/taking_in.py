"""What a file says of names, put into the caches: never in the place of what is there.

Nobody has asked for it, so nothing is known of it: where there is validation it is unchecked, and
validated when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.model import Status
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from resolver.model import Link, Rank
    from resolver.recurse.known import Known


def take_in(memory: Known, link: Link, now: float, *, rank: Rank, ttl: int) -> bool:
    """Have *memory* keep what *link* says, for *ttl* seconds at most. False if it knows better.

    It has one RRset, with the proof of its wildcard in the authority section, or is a denial.
    """
    qname, qtype, _ = link.question
    rrsets, negatives = memory.rrsets, memory.negatives
    if negatives.get(qname, qtype, now) or rrsets.get(qname, qtype, now):
        return False
    status = Status.UNCHECKED if memory.is_checked else Status.INSECURE
    if not link.answer:
        negatives.put(
            link.question, link.rcode, link.authority,
            zone=link.zone, now=now, status=status, ttl_cap=ttl,
        )  # fmt: skip
        return negatives.get(qname, qtype, now) is not None
    (rrset,) = link.answer
    rrset = rrset._replace(ttl=min(rrset.ttl, ttl))
    entry = rrsets.put(
        rrset, rank=rank, now=now, zone=link.zone, status=status, proof=link.authority
    )
    memory.dnames += entry is not None and qtype == RRType.DNAME
    return entry is not None
