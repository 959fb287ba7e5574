"""Negative answers (RFC 2308): NXDOMAIN by name, NODATA by name and type, and the proof of both.

TTL is the smaller of the SOA's TTL and its MINIMUM, capped (RFC 2308 §5). A denial without a SOA is
kept for a breath only: RFC 2308 §5 fears loops between caches, in which it would never die, but one
packet for each client's question is worse. A secure NXDOMAIN ends the whole subtree (RFC 8020).

NXDOMAIN counts for all types of its name where a SOA above the name says whose word it is. Without
one, or with one at the very name, which therefore exists, it counts for the type asked: what says
so denies AAAA and has the A (RFC 4074 §4.2), or answers for a parent out of its child's zone.

What was judged and may still be told though it is over (`recurse.stale`) is not replaced by what
nobody has judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.cache.shards import Shards
from resolver.limits import DENIAL_WITHOUT_SOA_SECONDS, MAX_NEGATIVE_TTL_SECONDS
from resolver.model import NOT_JUDGED, Status
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.rdata_fields import soa_minimum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.cache.learning import Learning
    from resolver.model import Ede, Name, Question, RRset

ANY_TYPE: Final = -1  # key of an NXDOMAIN: no type has this number, and 0 can be asked for


class Negative:
    """One negative answer with its SOA and proof in *authority*.

    *is_proof_only*: it came with a referral and serves the validator; it is no client's answer.
    """

    __slots__ = (
        "authority",
        "ede",
        "expires_at",
        "is_proof_only",
        "rcode",
        "status",
        "ttl",
        "zone",
    )

    def __init__(
        self,
        rcode: int,
        authority: tuple[RRset, ...],
        *,
        zone: Name,
        status: Status,
        ttl: int,
        expires_at: float,
        ede: tuple[Ede, ...] = (),
        is_proof_only: bool = False,
    ) -> None:
        self.rcode = rcode
        self.authority = authority
        self.zone = zone
        self.status = status
        self.ttl = ttl
        self.expires_at = expires_at
        self.ede = ede
        self.is_proof_only = is_proof_only

    @property
    def learnt_at(self) -> float:
        return self.expires_at - self.ttl

    def octets(self) -> int:
        size = 400
        for _, _, _, rdatas, signatures in self.authority:
            size += 160 + 40 * (len(rdatas) + len(signatures))
            size += sum(map(len, rdatas)) + sum(map(len, signatures))
        return size

    def current(self, now: float) -> tuple[RRset, ...]:
        """The authority section with TTLs counted down; no record outlives the answer."""
        left = max(int(self.expires_at - now), 0)
        if all(rrset.ttl <= left for rrset in self.authority):
            return self.authority
        return tuple(rrset._replace(ttl=min(rrset.ttl, left)) for rrset in self.authority)


class Denied(NamedTuple):
    """A denial with what it is of; *rtype* is ANY_TYPE for a whole name."""

    name: Name
    rtype: int
    negative: Negative

    @property
    def expires_at(self) -> float:
        return self.negative.expires_at


def kept_seconds(ttl: int, *, least: int = 0, most: int) -> int:
    """How long a denial of that *ttl* is kept: an answer, or the proof of a gap (without *least*).

    RFC 2308 §5, RFC 8198 §5.4: at most as the configuration says, whoever made it last.
    """
    return min(max(ttl, least), most)


def negative_ttl(authority: tuple[RRset, ...]) -> int | None:
    """min(SOA TTL, MINIMUM), or None where there is no SOA to say it."""
    for rrset in authority:
        if rrset.rtype == RRType.SOA:
            return min(rrset.ttl, soa_minimum(rrset.rdatas[0]))
    return None


def _has_soa_above(name: Name, authority: tuple[RRset, ...]) -> bool:
    return any(rrset.rtype == RRType.SOA and rrset.owner != name for rrset in authority)


class NegativeCache:
    """Negatives by (name, type), NXDOMAIN of a whole name under (name, -1); at most *octets*.

    For *stale_s* seconds after its time one may be told still, if it was judged.
    """

    def __init__(
        self,
        octets: int,
        *,
        max_ttl: int = MAX_NEGATIVE_TTL_SECONDS,
        min_ttl: int = 0,
        stale_s: float = 0.0,
    ) -> None:
        self.entries: Shards[Negative] = Shards(octets, typical_octets=1024)
        self._shards, self._mask = self.entries.table
        self.max_ttl = max_ttl
        self.min_ttl = min_ttl
        self.learnt: Learning | None = None  # a `Denied` of each put, for who keeps it on disk
        self.stale_s = stale_s

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, name: Name, rtype: int, now: float) -> Negative | None:
        """NODATA for this type, or NXDOMAIN for the name."""
        for key in ((name, rtype), (name, ANY_TYPE)):
            shard = self._shards[hash(key) & self._mask]
            entry: Negative | None = shard.get(key)
            if entry is not None and entry.expires_at > now:
                shard.move_to_end(key)
                return entry
        return None

    def take_back(self, denied: Denied) -> None:
        """Keep what was kept on disk, unless there is what lasts longer."""
        key = denied.name, denied.rtype
        known = self.entries.get(key)
        if known is None or known.expires_at < denied.negative.expires_at:
            self.entries.put(key, denied.negative)

    def peek(self, name: Name, rtype: int) -> Negative | None:
        """As `get`, though its time be over: what was learnt last. That it was looked at changes
        nothing."""
        of_type, of_all = self._peek((name, rtype)), self._peek((name, ANY_TYPE))
        if of_type is None or of_all is None:
            return of_type or of_all
        return max(of_type, of_all, key=lambda entry: entry.learnt_at)

    def peek_nxdomain(self, name: Name) -> Negative | None:
        """As `nxdomain`, though its time be over."""
        return self._peek((name, ANY_TYPE))

    def _peek(self, key: tuple[Name, int]) -> Negative | None:
        entry: Negative | None = self._shards[hash(key) & self._mask].get(key)
        return entry

    def nxdomain(self, name: Name, now: float) -> Negative | None:
        entry = self.entries.get((name, ANY_TYPE))
        return entry if entry is not None and entry.expires_at > now else None

    def put(
        self,
        question: Question,
        rcode: int,
        authority: tuple[RRset, ...],
        *,
        zone: Name,
        now: float,
        status: Status = Status.UNCHECKED,
        ttl_cap: int | None = None,
        ttl: int | None = None,
        ede: tuple[Ede, ...] = (),
    ) -> Negative | None:
        """Keep a negative answer as long as its SOA allows. Returns the entry, or None.

        *ttl*: of the proof that came with a referral, in seconds; that is no client's answer.
        """
        is_proof_only = ttl is not None
        if ttl is None:
            ttl = negative_ttl(authority)
        if ttl is None:
            ttl = DENIAL_WITHOUT_SOA_SECONDS
        ttl = kept_seconds(ttl, least=self.min_ttl, most=self.max_ttl)
        if ttl_cap is not None:
            ttl = min(ttl, ttl_cap)
        if ttl <= 0:
            return None
        if self.min_ttl:  # what is kept longer is told with the seconds that it is kept
            least = min(self.min_ttl, ttl)
            authority = tuple(
                rrset if rrset.ttl >= least else rrset._replace(ttl=least) for rrset in authority
            )
        entry = Negative(
            rcode,
            authority,
            zone=zone,
            status=status,
            ttl=ttl,
            expires_at=now + ttl,
            ede=ede,
            is_proof_only=is_proof_only,
        )
        is_of_all_types = rcode == Rcode.NXDOMAIN and _has_soa_above(question.qname, authority)
        rtype = ANY_TYPE if is_of_all_types else question.qtype
        key = question.qname, rtype
        if status in NOT_JUDGED and not is_proof_only and self._is_worth_more(key, now):
            return entry
        self.entries.put(key, entry)
        if self.learnt is not None:
            self.learnt.append(Denied(question.qname, rtype, entry))
        return entry

    def end(
        self, question: Question, rcode: int, *, zone: Name, now: float, status: Status
    ) -> None:
        """It is denied for this moment only: see `RRsetCache.end`."""
        over = Negative(rcode, (), zone=zone, status=status, ttl=0, expires_at=now)
        self.entries.put((question.qname, question.qtype), over)
        if self.learnt is not None:
            self.learnt.append(Denied(question.qname, question.qtype, over))

    def _is_worth_more(self, key: tuple[Name, int], now: float) -> bool:
        """Is there, though over, what was judged and may still be told?"""
        old = self._peek(key)
        return (
            old is not None
            and old.expires_at <= now < old.expires_at + self.stale_s
            and old.status not in NOT_JUDGED
        )

    def drop(self, name: Name, rtype: int) -> None:
        self.entries.pop((name, rtype))
        self.entries.pop((name, ANY_TYPE))

    def clear(self) -> None:
        self.entries.clear()

    def purge(self, is_wrong: Callable[[Name], bool]) -> Iterator[int]:
        """Forget, for good, all names that *is_wrong*; see `Shards.purge`."""
        return self.entries.purge(lambda key: is_wrong(key[0]))

    def drain(self) -> Iterator[int]:
        """Forget everything; see `Shards.drain`."""
        return self.entries.drain()

    def take_over(self, old: NegativeCache) -> None:
        """Have all that *old* keeps. Who still works with *old* finds and leaves nothing here."""
        self.entries.take_over(old.entries)
