"""6 is it true: does a signature of this zone cover this RRset, now?

Each RRSIG passes the cheap checks of RFC 4035 §5.3.1 first; only then a public key is tried, each
try announced by `Work`. The number of tries is bounded (KeyTrap, CVE-2023-50387): one good
signature is enough, and so many bad ones are an attack. What failed is told as a `Flaw`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.dnssec.canonical import canonical_rdatas, label_count, signed_data
from resolver.dnssec.flaws import Flaw, Reason, describe, instant, worst
from resolver.dnssec.steps import AtLeast, Work
from resolver.limits import (
    KEYS_PER_TAG,
    RRSIGS_PER_RRSET,
    SIGNATURE_SKEW_SECONDS,
    SIGNATURES_PER_RRSET,
)
from resolver.protocol import names, rdata_fields

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from resolver.dnssec.keys import ZoneKey
    from resolver.model import Name, RRset
    from resolver.protocol.rdata_fields import Rrsig

_ERA = 1 << 32
_HALF_ERA = 1 << 31
_ONE_CHECK = Work(signatures=1)


class Verified(NamedTuple):
    """*rrset* has its TTL capped if the check succeeded; else *flaw* says why it did not.

    *closest_encloser* is set when the owner was expanded from the wildcard right below it; *rrsig*
    is the signature that held.
    """

    rrset: RRset
    flaw: Flaw | None = None
    closest_encloser: Name | None = None
    rrsig: Rrsig | None = None


def verify_rrset(
    rrset: RRset, zone: Name, keys: Sequence[ZoneKey], *, wall: float
) -> Generator[Work, None, Verified]:
    """Find one signature over *rrset* that a key of *zone* made and that is valid at *wall*."""
    flaws: list[Flaw] = []
    tries = SIGNATURES_PER_RRSET
    rdatas: Sequence[bytes] | None = None
    for rdata in rrset.signatures[:RRSIGS_PER_RRSET]:
        rrsig = rdata_fields.rrsig(rdata)
        flaw = _flaw_before_crypto(rrset, rrsig, zone, wall)
        if flaw is not None:
            flaws.append(flaw)
            continue
        candidates = _candidates(rrsig, keys)
        if isinstance(candidates, Reason):
            flaws.append(_without_key(rrset, rrsig, candidates))
            continue
        if rdatas is None:
            rdatas = canonical_rdatas(rrset.rtype, rrset.rdatas)
        data = signed_data(rrset, rdatas, rrsig, rdata)
        for key in candidates:
            if tries <= 0:
                return Verified(rrset, _too_many(rrset))
            tries -= 1
            yield _ONE_CHECK
            if key.verify(rrsig.signature, data):
                return _success(rrset, rrsig, wall)
        flaws.append(_bad(rrset, rrsig))
    text = f"{describe(rrset)} has no signature by {names.to_text(zone)}"
    return Verified(rrset, worst(flaws, Flaw(Reason.RRSIGS_MISSING, text)))


def _success(rrset: RRset, rrsig: Rrsig, wall: float) -> Verified:
    """Cap the TTL (RFC 4035 §5.3.3); note the wildcard (RFC 4035 §5.3.4)."""
    left = max(0, _distance(rrsig.expiration, wall))
    ttl = min(rrset.ttl, rrsig.original_ttl, left)
    if ttl != rrset.ttl:
        rrset = rrset._replace(ttl=ttl)
    encloser = None
    if label_count(rrset.owner) > rrsig.labels:
        encloser = names.suffix(rrset.owner, rrsig.labels)
    return Verified(rrset, None, encloser, rrsig)


def _distance(stamp: int, wall: float) -> int:
    """Seconds from *wall* to *stamp*, which counts modulo 2**32 (RFC 4034 §3.1.5, RFC 1982)."""
    return (stamp - int(wall) + _HALF_ERA) % _ERA - _HALF_ERA


def instant_of(stamp: int, wall: float) -> float:
    """Unix seconds of *stamp*, in the era that *wall* is in or nearest to (RFC 1982)."""
    return int(wall) + _distance(stamp, wall)


def _flaw_before_crypto(rrset: RRset, rrsig: Rrsig, zone: Name, wall: float) -> Flaw | None:
    """RFC 4035 §5.3.1, all but the key."""
    if rrsig.covered != rrset.rtype or rrsig.labels > label_count(rrset.owner):
        return Flaw(Reason.MALFORMED, f"an RRSIG at {describe(rrset)} does not fit its RRset")
    if rrsig.signer != zone or not names.is_subdomain(rrset.owner, zone):
        signer = names.to_text(rrsig.signer)
        text = f"{describe(rrset)} is signed by {signer}, not by its zone {names.to_text(zone)}"
        return Flaw(Reason.RRSIGS_MISSING, text)
    return _time_flaw(rrset, rrsig, wall)


def _time_flaw(rrset: RRset, rrsig: Rrsig, wall: float) -> Flaw | None:
    until_end = _distance(rrsig.expiration, wall)
    until_start = _distance(rrsig.inception, wall)
    has_begun = until_start <= SIGNATURE_SKEW_SECONDS or isinstance(wall, AtLeast)
    if has_begun and until_end >= max(until_start, -SIGNATURE_SKEW_SECONDS):
        return None  # the sentence below is dear, and hardly ever needed
    who = f"the signature over {describe(rrset)} (key tag {rrsig.key_tag})"
    if until_start > until_end:
        return Flaw(Reason.NEVER_VALID, f"{who} ends before it begins")
    if until_end + SIGNATURE_SKEW_SECONDS < 0:
        return Flaw(
            Reason.EXPIRED, f"{who} expired {instant(wall + until_end)}, it is {instant(wall)}"
        )
    return Flaw(
        Reason.NOT_YET_VALID,
        f"{who} is valid from {instant(wall + until_start)}, it is {instant(wall)}",
    )


def _candidates(rrsig: Rrsig, keys: Sequence[ZoneKey]) -> list[ZoneKey] | Reason:
    """Keys that may have made *rrsig*, or why none may (RFC 4035 §5.3.1, RFC 5011 §2.1)."""
    named = [key for key in keys if key.tag == rrsig.key_tag and key.algorithm == rrsig.algorithm]
    usable = [key for key in named if key.may_sign]
    if usable:
        return usable[:KEYS_PER_TAG]
    if any(key.is_revoked for key in named):
        return Reason.REVOKED
    return Reason.NO_ZONE_KEY_BIT if named else Reason.KEY_MISSING


def _without_key(rrset: RRset, rrsig: Rrsig, reason: Reason) -> Flaw:
    key = f"key tag {rrsig.key_tag}, algorithm {rrsig.algorithm}"
    why = {
        Reason.REVOKED: f"its key ({key}) is revoked",
        Reason.NO_ZONE_KEY_BIT: f"its key ({key}) is not a zone key",
    }.get(reason, f"{names.to_text(rrsig.signer)} has no such key ({key})")
    return Flaw(reason, f"the signature over {describe(rrset)} cannot be checked: {why}")


def _bad(rrset: RRset, rrsig: Rrsig) -> Flaw:
    return Flaw(
        Reason.BAD_SIGNATURE,
        f"the signature over {describe(rrset)} by {names.to_text(rrsig.signer)} "
        f"(key tag {rrsig.key_tag}, algorithm {rrsig.algorithm}) is wrong",
    )


def _too_many(rrset: RRset) -> Flaw:
    text = f"{describe(rrset)}: none of {SIGNATURES_PER_RRSET} signature checks succeeded"
    return Flaw(Reason.TOO_MUCH_WORK, text)
