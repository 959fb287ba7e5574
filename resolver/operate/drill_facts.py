"""What caches keep, as the plain facts of a drill, and what the daemon's memory has of them.

Nothing here is asked for, brought from disk or kept any longer for that it was looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cache.rrset import Entry
from resolver.drill.facts import Asked, Cut, Fact, Trust
from resolver.model import NOT_JUDGED, Question, Status, Verdict
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.ip_addresses import address_text
from resolver.recurse.kept_links import link_of
from resolver.recurse.known import alias_target
from resolver.recurse.stale import signatures_end

if TYPE_CHECKING:
    from resolver.cache.negative import Negative
    from resolver.delegation import Delegation
    from resolver.model import Name
    from resolver.operate.view import Parts

_ALIASES = (Verdict.CNAME, Verdict.DNAME)
_ADDRESSES = (RRType.A, RRType.AAAA)
_MOST_S = 1e9  # what has no end, in a form that has no infinities


def fact_of(
    question: Question, kept: Entry | Negative, *, now: float, wall: float,
    alone_until: float | None = None, is_checked: bool = True,
) -> Fact:  # fmt: skip
    """*kept* of *question*, as it is *now*; *is_checked*: there is validation."""
    link = link_of(question, kept, now)
    hosts: tuple[str, ...] = ()
    if isinstance(kept, Entry) and kept.rtype in _ADDRESSES:
        found = (address_text(kept.rtype, rdata) for rdata in kept.rdatas)
        hosts = tuple(host for host in found if host is not None)
    ends = signatures_end(link, wall) if link.status is Status.SECURE else None
    return Fact(
        question.qname, question.qtype, _left(kept.expires_at, now), float(kept.ttl), kept.zone,
        is_judged=kept.status not in NOT_JUDGED or not is_checked,
        target=alias_target(link) if link.verdict in _ALIASES else b"",
        is_denial=not link.answer,
        alone_s=None if alone_until is None else _left(alone_until, now),
        signed_s=None if ends is None else ends - wall,
        hosts=hosts,
    )  # fmt: skip


def cut_of(delegation: Delegation, *, now: float, is_fixed: bool = False) -> Cut:
    """*delegation* with the addresses that came with it, or else that are known without end."""
    given = [
        delegation.glue.get(name) or delegation.book.of(name) for name in delegation.nameservers
    ]
    return Cut(
        delegation.zone, delegation.nameservers,
        tuple(tuple(dict.fromkeys(one.host for one in servers)) for servers in given),
        left_s=_left(delegation.expires_at, now), ttl=delegation.ttl,
        is_signed=delegation.is_signed, is_fixed=is_fixed,
    )  # fmt: skip


def _left(until: float, now: float) -> float:
    return round(min(max(until - now, -_MOST_S), _MOST_S), 3)


class Remembered:
    """`drill.closure.View` of what *parts* have in memory at this moment."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._now, self._wall = parts.clock.now(), parts.clock.wall()
        self._warm = parts.base.prefetch.warm.entries

    def __repr__(self) -> str:
        return f"<Remembered by {self._parts.memory}>"

    def fact(self, asked: Asked) -> Fact | None:
        memory, question = self._parts.memory, Question(asked.name, asked.rtype)
        kept = memory.kept(question)
        if kept is None and asked.rtype == RRType.DS:  # a denial that came with a referral
            kept = memory.negatives.peek(asked.name, RRType.DS)
        if kept is None:
            return None
        warmth = self._warm.get(question)
        return fact_of(
            question, kept, now=self._now, wall=self._wall, is_checked=memory.is_checked,
            alone_until=None if warmth is None else warmth.alone_until,
        )  # fmt: skip

    def cut(self, zone: Name) -> Cut | None:
        parts = self._parts
        delegation = parts.walker.cut_of(zone)
        if delegation is None:
            return None
        is_fixed = zone in parts.fixed or zone == names.ROOT
        cut = cut_of(delegation, now=self._now, is_fixed=is_fixed)
        if zone != names.ROOT or zone in parts.fixed or delegation is parts.hints:
            return cut
        hinted = cut_of(parts.hints, now=self._now)  # the root's servers, by whoever told
        return Cut(
            zone, cut.nameservers + hinted.nameservers, cut.glue + hinted.glue, is_fixed=True,
            is_signed=cut.is_signed,
        )  # fmt: skip

    def trust(self, zone: Name) -> Trust | None:
        found = self._parts.keystore.peek(zone)
        if found is None or found.status not in (Status.SECURE, Status.INSECURE):
            return None
        left_s = _left(found.expires_at, self._now)
        return Trust(zone, left_s, is_secure=found.status is Status.SECURE)
