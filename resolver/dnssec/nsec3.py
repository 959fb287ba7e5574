"""6 is it true: what NSEC3 records prove, in hash order.

Like `nsec`, but each question costs hashes: each is announced by `Work(hashes=1)` and remembered
for the validation at hand (CVE-2023-50868 makes validators hash). Records whose hash or flags are
unknown are passed over (RFC 5155 §8.1); too many iterations are the caller's matter (`is_costly`).
RFC 5155 §8, RFC 6840 §4.1, RFC 9276 §3.2.
"""

from __future__ import annotations

import enum
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from resolver import limits
from resolver.dnssec.steps import Work
from resolver.protocol import names, rdata_fields
from resolver.protocol.nsec import cuts_off, lacks
from resolver.protocol.nsec3 import OPT_OUT, SHA1, Interval, Params, digest_in, digest_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from resolver.model import Name, RRset


class Verdict3(enum.Enum):
    """PROVEN; or only as far as opt-out lets us say (RFC 5155 §9.2); or not at all."""

    PROVEN = "proven"
    OPTED_OUT = "opted out"
    UNPROVEN = "unproven"


class Encloser(NamedTuple):
    """A proven closest encloser, the name one label longer, and the interval that covers that."""

    name: Name
    next_closer: Name
    cover: Interval


class Nsec3s:
    """The verified NSEC3 records of one response from *zone*; remembers the hashes it made."""

    def __init__(self, zone: Name, rrsets: Iterable[RRset]) -> None:
        self.zone = zone
        found = [
            (parsed, rrset.owner)
            for rrset in rrsets
            for parsed in map(rdata_fields.nsec3, rrset.rdatas)
            if parsed.algorithm == SHA1 and parsed.flags & ~OPT_OUT == 0
        ]
        self.is_costly = any(parsed.iterations > limits.NSEC3_ITERATIONS for parsed, _ in found)
        # all records of a proof share their parameters (RFC 5155 §8.2): take the commonest
        used = Counter(Params(parsed.iterations, parsed.salt) for parsed, _ in found)
        self.params = max(used, key=lambda params: used[params], default=Params(0, b""))
        self.intervals: dict[bytes, Interval] = {}
        for parsed, owner in found:
            low = digest_in(owner[1 : 1 + owner[0]])
            if (
                low is not None
                and names.parent(owner) == zone
                and Params(parsed.iterations, parsed.salt) == self.params
            ):
                self.intervals[low] = Interval(
                    low, parsed.next_hash, parsed.types, parsed.is_opt_out
                )
        self._digests: dict[Name, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def _digest(self, name: Name) -> Generator[Work, None, bytes]:
        digest = self._digests.get(name)
        if digest is None:
            yield Work(hashes=1)
            digest = self._digests[name] = digest_of(name, self.params)
        return digest

    def match(self, name: Name) -> Generator[Work, None, Interval | None]:
        """The record whose owner is the hash of *name*."""
        return self.intervals.get((yield from self._digest(name)))

    def cover(self, name: Name) -> Generator[Work, None, Interval | None]:
        """The record in whose gap the hash of *name* falls."""
        digest = yield from self._digest(name)
        return next((span for span in self.intervals.values() if span.covers(digest)), None)

    def encloser(self, name: Name) -> Generator[Work, None, Encloser | None]:
        """The closest encloser proof for a *name* that does not exist itself (RFC 5155 §8.3)."""
        next_closer = name
        while next_closer not in (self.zone, names.ROOT):
            above = names.parent(next_closer)
            matched = yield from self.match(above)
            if matched is not None:
                if cuts_off(matched.types):
                    return None
                cover = yield from self.cover(next_closer)
                return None if cover is None else Encloser(above, next_closer, cover)
            next_closer = above
        return None

    def no_name(self, name: Name) -> Generator[Work, None, Verdict3]:
        """RFC 5155 §8.4."""
        if (yield from self.match(name)) is not None:
            return Verdict3.UNPROVEN
        encloser = yield from self.encloser(name)
        if encloser is None:
            return Verdict3.UNPROVEN
        if (yield from self.cover(b"\x01*" + encloser.name)) is None:
            return Verdict3.UNPROVEN
        return _by_opt_out(encloser.cover)

    def nodata(self, name: Name, qtype: int) -> Generator[Work, None, Verdict3]:
        """RFC 5155 §§8.5-8.7; opt-out may hide an empty non-terminal too (erratum 3441)."""
        is_root = name == names.ROOT
        matched = yield from self.match(name)
        if matched is not None:
            proven = lacks(matched.types, qtype, is_root=is_root)
            return Verdict3.PROVEN if proven else Verdict3.UNPROVEN
        encloser = yield from self.encloser(name)
        if encloser is None:
            return Verdict3.UNPROVEN
        wildcard = yield from self.match(b"\x01*" + encloser.name)
        if wildcard is not None:
            if lacks(wildcard.types, qtype, is_root=False):
                return _by_opt_out(encloser.cover)
            return Verdict3.UNPROVEN
        return Verdict3.OPTED_OUT if encloser.cover.is_opt_out else Verdict3.UNPROVEN

    def no_closer(self, name: Name, encloser: Name) -> Generator[Work, None, Verdict3]:
        """RFC 5155 §8.8: the wildcard below *encloser* was the closest that could answer."""
        next_closer = names.suffix(name, names.count(encloser) + 1)
        cover = yield from self.cover(next_closer)
        return Verdict3.UNPROVEN if cover is None else _by_opt_out(cover)


def _by_opt_out(cover: Interval) -> Verdict3:
    return Verdict3.OPTED_OUT if cover.is_opt_out else Verdict3.PROVEN
