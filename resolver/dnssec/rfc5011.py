"""6 is it true: a trust anchor that follows its zone's key rollovers (RFC 5011).

One key goes through the states of RFC 5011 §4.2 as it is seen, or not seen, in DNSKEY RRsets that
a trusted key signed. A new key must be seen for 30 days before it is trusted; one that signs its
own revocation is never trusted again. Pure: the driver fetches, keeps the JSON on disk, and asks
again after `next_check_s`. Nothing here adds trust to a set that does not verify.

What the operator configures counts beside what was watched: who was off while the zone rolled twice
installs a release, or an anchor, that knows the new key. Only a revocation outdoes the operator.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from resolver import limits
from resolver.dnssec.algorithms import ds_digest
from resolver.dnssec.anchors import Anchor
from resolver.dnssec.canonical import canonical_rdatas, signed_data
from resolver.dnssec.keys import zone_key
from resolver.dnssec.signature import verify_rrset
from resolver.dnssec.steps import Work
from resolver.protocol import names, rdata_fields

if TYPE_CHECKING:
    from collections.abc import Generator

    from resolver.dnssec.steps import Watch
    from resolver.model import Name, RRset

HOUR = 3600
DAY = 24 * HOUR
_REVOKED = 0x80  # in the second octet of the flags
_SHORTEST = 5  # octets of a DNSKEY: flags, protocol, algorithm and something of a key


class KeyState(enum.Enum):
    """RFC 5011 §4.2; a key in its Start state is simply not listed."""

    ADD_PENDING = "add pending"
    VALID = "valid"
    MISSING = "missing"
    REVOKED = "revoked"
    REMOVED = "removed"


_TRUSTED = frozenset({KeyState.VALID, KeyState.MISSING})


@dataclass(slots=True)
class ManagedKey:
    """One key, as it looked before any revocation; *since*: wall time of its present state."""

    rdata: bytes
    state: KeyState
    since: float


@dataclass(slots=True)
class ManagedAnchor:
    """The keys of one trust point. *zone* is presentation text, for the file is read by people."""

    zone: str
    keys: list[ManagedKey] = field(default_factory=list)
    checked_at: float = 0.0
    next_check_s: float = 0.0

    @property
    def name(self) -> Name:
        return names.from_text(self.zone)

    def trusted(self) -> tuple[bytes, ...]:
        return tuple(key.rdata for key in self.keys if key.state in _TRUSTED)

    def anchor(self, configured: Anchor) -> Anchor:
        """What the validator is to trust now: what is trusted here, and of *configured* the rest.

        That is, what no key seen so far is. Without any record if all were revoked: the trust point
        is then deleted (RFC 5011 §5).
        """
        seen = [key.rdata for key in self.keys if key.state is not KeyState.ADD_PENDING]
        ds = tuple(
            [one for one in configured.ds if not any(_matches(self, one, it) for it in seen)]
        )
        unseen = tuple([rdata for rdata in configured.keys if rdata not in seen])
        return Anchor(self.name, ds, (*self.trusted(), *unseen))

    def to_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2)

    @classmethod
    def from_json(cls, data: bytes) -> ManagedAnchor:
        """Raises ValueError on anything that `to_json` does not write."""
        try:
            made = msgspec.json.decode(data, type=cls)
            names.from_text(made.zone)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise ValueError(f"not a managed trust anchor: {error}") from error
        if any(len(key.rdata) < _SHORTEST for key in made.keys):
            raise ValueError("not a managed trust anchor: a key is cut short")
        return made

    def key(self, rdata: bytes) -> ManagedKey | None:
        return next((key for key in self.keys if key.rdata == rdata), None)


def start(anchor: Anchor, rrset: RRset, *, wall: float) -> ManagedAnchor:
    """A trust point whose first keys are those of *rrset* that *anchor* vouches for."""
    managed = ManagedAnchor(names.to_text(anchor.name))
    adopt(managed, anchor, rrset, wall=wall)
    return managed


def adopt(managed: ManagedAnchor, anchor: Anchor, rrset: RRset, *, wall: float) -> None:
    """Trust what of *rrset* the operator's *anchor* vouches for, at once, unless it was revoked."""
    for rdata in sorted(rrset.rdatas):
        is_vouched = rdata in anchor.keys or any(_matches(managed, ds, rdata) for ds in anchor.ds)
        key = managed.key(rdata)
        if not is_vouched or rdata_fields.dnskey(rdata).is_revoked:
            continue
        if key is None:
            managed.keys.append(ManagedKey(rdata, KeyState.VALID, float(wall)))
        elif key.state is KeyState.ADD_PENDING:
            key.state, key.since = KeyState.VALID, float(wall)


def _matches(managed: ManagedAnchor, ds: bytes, rdata: bytes) -> bool:
    parsed = rdata_fields.ds(ds)
    return ds_digest(managed.name, rdata, parsed.digest_type) == parsed.digest


def observe(
    managed: ManagedAnchor, rrset: RRset, *, wall: float, watch: Watch | None = None
) -> Generator[Work, None, bool]:
    """Move *managed* on by what *rrset* (the zone's DNSKEY RRset, just fetched) shows.

    False, and nothing changed, if no trusted key signed it: then *next_check_s* is the retry time.
    Only a key's own revocation counts even so, for that is all it needs (RFC 5011 §2.1).
    *watch* knows of the clock: while that cannot be right, no key begins or ends its thirty days.
    """
    trusted = [zone_key(rdata) for rdata in managed.trusted()]
    verified = yield from verify_rrset(rrset, managed.name, trusted, wall=wall)
    is_sure = True
    if watch is not None and verified.rrsig is not None:
        wall = watch.witness(verified.rrsig)
        is_sure = watch.is_plausible()
    wall = float(wall)  # it may be an `AtLeast`, which no file has
    managed.checked_at = wall
    managed.next_check_s = _interval(rrset, wall, share=0.5 if not verified.flaw else 0.1)
    keys = [rdata for rdata in rrset.rdatas if _is_entry(rdata)]
    known = {key.rdata for key in managed.keys}
    revoked: set[bytes] = set()
    for rdata in keys:
        before = _before_revocation(rdata)
        if rdata != before and before in known and (yield from _signs_itself(rrset, rdata)):
            revoked.add(before)
    if verified.flaw is not None:
        return _revoke(managed, revoked, wall=wall)
    present = {rdata for rdata in keys if not rdata_fields.dnskey(rdata).is_revoked}
    _advance(managed, present, revoked, wall=wall, ttl=rrset.ttl, is_sure=is_sure)
    return True


def _is_entry(rdata: bytes) -> bool:
    """Only secure entry points are followed (RFC 5011 §3)."""
    key = rdata_fields.dnskey(rdata)
    return key.is_sep and key.is_zone_key


def _revoke(managed: ManagedAnchor, revoked: set[bytes], *, wall: float) -> bool:
    """True if one of *revoked* was trusted, and is so no more."""
    found = [key for key in managed.keys if key.state in _TRUSTED and key.rdata in revoked]
    for key in found:
        key.state, key.since = KeyState.REVOKED, wall
    return bool(found)


def _advance(
    managed: ManagedAnchor,
    present: set[bytes],
    revoked: set[bytes],
    *,
    wall: float,
    ttl: int,
    is_sure: bool,
) -> None:
    hold = max(limits.ANCHOR_HOLD_DOWN_SECONDS, ttl)
    kept = []
    for key in managed.keys:
        key.since = min(key.since, wall)  # of a clock that was ahead, or it would wait for years
        is_over = is_sure and wall - key.since >= hold
        state = _next_state(key, present, revoked, is_over=is_over)
        if state is None:
            continue  # back to Start: a pending key that went away
        if state is not key.state:
            key.state, key.since = state, wall
        kept.append(key)
    known = {key.rdata for key in managed.keys}
    new = sorted(present - known - revoked) if is_sure else []
    managed.keys = kept + [ManagedKey(rdata, KeyState.ADD_PENDING, wall) for rdata in new]


def _next_state(
    key: ManagedKey, present: set[bytes], revoked: set[bytes], *, is_over: bool
) -> KeyState | None:
    """The table of RFC 5011 §4.2; None is Start."""
    is_present = key.rdata in present
    match key.state:
        case KeyState.ADD_PENDING:
            if not is_present:
                return None
            return KeyState.VALID if is_over else KeyState.ADD_PENDING
        case KeyState.VALID | KeyState.MISSING:
            if key.rdata in revoked:
                return KeyState.REVOKED
            return KeyState.VALID if is_present else KeyState.MISSING
        case KeyState.REVOKED:
            return KeyState.REMOVED if is_over else KeyState.REVOKED
        case KeyState.REMOVED:
            return KeyState.REMOVED


def _before_revocation(rdata: bytes) -> bytes:
    return rdata[:1] + bytes((rdata[1] & ~_REVOKED,)) + rdata[2:]


def _signs_itself(rrset: RRset, rdata: bytes) -> Generator[Work, None, bool]:
    """True if the revoked key *rdata* signed *rrset*, as a revocation must (RFC 5011 §2.1)."""
    key = zone_key(rdata)
    for octets in rrset.signatures[: limits.RRSIGS_PER_RRSET]:
        rrsig = rdata_fields.rrsig(octets)
        if (rrsig.key_tag, rrsig.algorithm) == (key.tag, key.algorithm):
            yield Work(signatures=1)
            rdatas = canonical_rdatas(rrset.rtype, rrset.rdatas)
            if key.verify(rrsig.signature, signed_data(rrset, rdatas, rrsig, octets)):
                return True
    return False


def _interval(rrset: RRset, wall: float, *, share: float) -> float:
    """Seconds to the next look: RFC 5011 §2.3 (half of TTL and signature life, or a tenth)."""
    ends = [rdata_fields.rrsig(octets).expiration for octets in rrset.signatures]
    left = max((end - wall for end in ends), default=0.0)
    longest = 15 * DAY if share == 0.5 else DAY  # noqa: PLR2004
    return max(float(HOUR), min(float(longest), share * rrset.ttl, share * left))
