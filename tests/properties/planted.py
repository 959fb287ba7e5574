"""Bugs that resolvers have had, to be planted on purpose: the tests of worlds must catch each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from resolver.cache.negative import NegativeCache
from resolver.cache.rrset import RRsetCache
from resolver.iterate import classify, links, scrub
from resolver.iterate.walk import Walker
from resolver.model import Link, Rank, RRset, Verdict
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.wire import parse_untrusted
from resolver.recurse import alias_chain
from resolver.upstream import cut_asking, cut_waiting, edns_fallback, udp_queries
from resolver.upstream.query import Match, match_untrusted
from resolver.upstream.request import Classified

if TYPE_CHECKING:
    import pytest


def no_bailiwick_check(patch: pytest.MonkeyPatch) -> None:
    """Whatever is in a message is believed (RFC 5452 §6; MaginotDNS)."""
    patch.setattr(scrub, "_in_bailiwick", lambda records, _: list(records))


def no_rank(patch: pytest.MonkeyPatch) -> None:
    """Glue answers clients (RFC 2181 §5.4.1)."""
    descend = Walker._descend

    def plant(self: Any, referral: Any, parent: Any, budget: Any) -> Any:
        for name, servers in referral.glue.items():
            rdatas = tuple(
                bytes(map(int, one.host.split("."))) for one in servers if not one.is_ipv6
            )
            if rdatas:
                rrset = RRset(name, RRType.A, 3600, rdatas)
                now = self._clock.now()
                self._rrsets.put(rrset, rank=Rank.AUTH_ANSWER, now=now, zone=parent.zone)
        return descend(self, referral, parent, budget)

    patch.setattr(Walker, "_descend", plant)


def ttl_plus_one(patch: pytest.MonkeyPatch) -> None:
    clamp = RRsetCache.clamp
    patch.setattr(RRsetCache, "clamp", lambda self, ttl: clamp(self, ttl) + 1)


def id_only(patch: pytest.MonkeyPatch) -> None:
    """A reply is matched by its id alone (CVE-2008-1447)."""
    patch.setattr(
        udp_queries,
        "match_untrusted",
        lambda sent, data: Match.YES if data[:2] == sent.data[:2] else Match.NO,
    )
    patch.setattr(udp_queries, "read_untrusted", lambda data, *_: parse_untrusted(data))


def question_only(patch: pytest.MonkeyPatch) -> None:
    """A reply is matched by its question alone, whatever its id."""

    def plant(sent: Any, data: bytes) -> Match:
        return match_untrusted(sent, sent.data[:2] + data[2:])

    patch.setattr(udp_queries, "match_untrusted", plant)


def data_never_expires(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        RRsetCache, "get", lambda self, owner, rtype, _now: self.entries.get((owner, rtype))
    )


def denials_never_expire(patch: pytest.MonkeyPatch) -> None:
    get = NegativeCache.get
    patch.setattr(NegativeCache, "get", lambda self, name, rtype, _now: get(self, name, rtype, 0.0))


def nodata_is_nxdomain(patch: pytest.MonkeyPatch) -> None:
    """NXDOMAIN and NODATA are one thing (RFC 2308 §2)."""
    denial = classify._denial

    def plant(*args: Any, **kwargs: Any) -> Link | None:
        outcome = denial(*args, **kwargs)
        if outcome is None:
            return None
        return replace(outcome, verdict=Verdict.NXDOMAIN, rcode=Rcode.NXDOMAIN)

    patch.setattr(classify, "_denial", plant)


def aliases_are_not_chased(patch: pytest.MonkeyPatch) -> None:
    add = alias_chain.AliasChain.add

    def plant(self: Any, outcome: Link) -> None:
        add(self, outcome)

    patch.setattr(alias_chain.AliasChain, "add", plant)


def first_server_only(patch: pytest.MonkeyPatch) -> None:
    """One useless reply ends the question."""

    def plant(query: Any, server: Any, reason: str, now: float) -> None:
        del server, reason
        cut_waiting.fail(query, now)

    patch.setattr(cut_asking, "reject", plant)


def truncation_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(udp_queries, "is_truncated", lambda _: False)


def useless_is_nxdomain(patch: pytest.MonkeyPatch) -> None:
    """A reply that is empty after scrubbing means that the name does not exist."""

    def plant(message: Any, question: Any, zone: Any, *, server: Any, **_: Any) -> Classified:
        classified = original(message, question, zone, server=server)
        if classified.verdict not in {Verdict.LAME, Verdict.USELESS}:
            return classified
        outcome = Link(question, zone, Verdict.NXDOMAIN, Rcode.NXDOMAIN, (), (), server)
        return Classified(Verdict.NXDOMAIN, (outcome,))

    original = classify.classify
    patch.setattr(classify, "classify", plant)


def cache_is_blind_to_types(patch: pytest.MonkeyPatch) -> None:
    get = RRsetCache.get
    patch.setattr(
        RRsetCache,
        "get",
        lambda self, owner, rtype, now: get(
            self, owner, RRType.A if rtype == RRType.AAAA else rtype, now
        ),
    )


def no_plain_dns(patch: pytest.MonkeyPatch) -> None:
    """A server that does not know EDNS is given up (RFC 6891 §6.2.2)."""
    patch.setattr(edns_fallback.Fallback, "asks_again", lambda *_: edns_fallback.Again.NO)


def dname_drops_the_prefix(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(links, "replace_suffix", lambda _name, _old, new: new)


BUGS = (
    no_bailiwick_check,
    no_rank,
    ttl_plus_one,
    id_only,
    question_only,
    data_never_expires,
    denials_never_expire,
    nodata_is_nxdomain,
    aliases_are_not_chased,
    first_server_only,
    truncation_is_ignored,
    useless_is_nxdomain,
    cache_is_blind_to_types,
    no_plain_dns,
    dname_drops_the_prefix,
)
