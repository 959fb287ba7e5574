"""6 is it true: from what vouches for a zone (DS or anchor) to the keys that the zone signs with.

One DNSKEY that is vouched for must have signed the DNSKEY RRset; then all of its keys count. Any
one path is enough (RFC 6840 §5.11). Digests and signatures tried are bounded. RFC 4035, RFC 4509.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver import limits
from resolver.dnssec import keys as dnskeys
from resolver.dnssec.algorithms import ds_digest, supported_algorithms, supported_digests
from resolver.dnssec.flaws import Flaw, Reason
from resolver.dnssec.signature import verify_rrset
from resolver.dnssec.steps import Work
from resolver.protocol import names, rdata_fields
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from resolver.dnssec.algorithms import Sha1Policy
    from resolver.dnssec.anchors import Anchor
    from resolver.dnssec.keys import ZoneKey
    from resolver.model import Link, Name
    from resolver.protocol.rdata_fields import Rrsig


class Vouched(NamedTuple):
    """DNSKEY rdata and DS records that we can check."""

    keys: tuple[bytes, ...]
    ds: list[rdata_fields.Ds]

    def text(self) -> str:
        """Which keys are meant, for people."""
        tags = {ds.key_tag for ds in self.ds} | {rdata_fields.key_tag(key) for key in self.keys}
        return "key tag " + ", ".join(str(tag) for tag in sorted(tags))


class ZoneKeys(NamedTuple):
    """The proven keys of one zone, the seconds they may be kept, and what proved them."""

    keys: tuple[ZoneKey, ...]
    ttl: int
    rrsig: Rrsig | None


def usable(apex: Name, anchor: Anchor, sha1: Sha1Policy) -> Vouched | Flaw:
    """What of *anchor* (a real one, or the parent's DS) we support; a flaw if nothing."""
    algorithms = supported_algorithms(sha1)
    digests = supported_digests(sha1)
    ds = [parsed for parsed in map(rdata_fields.ds, anchor.ds) if parsed.algorithm in algorithms]
    known = [parsed for parsed in ds if parsed.digest_type in digests]
    trusted = [key for key in anchor.keys if rdata_fields.dnskey(key).algorithm in algorithms]
    if not known and not trusted:
        reason = Reason.UNSUPPORTED_DIGEST if ds else Reason.UNSUPPORTED_ALGORITHM
        text = f"{names.to_text(apex)} is signed only with what we do not support"
        return Flaw(reason, text)
    return Vouched(tuple(trusted), _without_sha1(known)[: limits.DS_PER_ZONE])


def verified_keys(
    apex: Name, finding: Link, vouched: Vouched, *, wall: float
) -> Generator[Work, None, ZoneKeys | Flaw]:
    """The keys in *finding* if one that is vouched for signed them."""
    rrset = next((one for one in finding.answer if one[:2] == (apex, RRType.DNSKEY)), None)
    if rrset is None:
        text = f"{names.to_text(apex)} has no DNSKEY, but must have one"
        return Flaw(Reason.KEY_MISSING, text)
    keys = tuple(dnskeys.zone_key(rdata) for rdata in rrset.rdatas)
    entries = [key for key in keys if key.rdata in vouched.keys]
    entries += yield from _matching(apex, keys, vouched.ds)
    if not entries:
        text = f"no DNSKEY of {names.to_text(apex)} matches {vouched.text()}"
        return Flaw(Reason.KEY_MISSING, text)
    if not any(key.is_zone_key for key in entries):
        text = f"the DNSKEY of {names.to_text(apex)} that matches is not a zone key"
        return Flaw(Reason.NO_ZONE_KEY_BIT, text)
    verified = yield from verify_rrset(rrset, apex, entries, wall=wall)
    if verified.flaw is not None:
        return verified.flaw
    return ZoneKeys(keys, verified.rrset.ttl, verified.rrsig)


def _without_sha1(usable: list[rdata_fields.Ds]) -> list[rdata_fields.Ds]:
    """SHA-1 digests do not count where there are better ones (RFC 4509 §3)."""
    better = [ds for ds in usable if ds.digest_type != 1]
    return better or usable


def _matching(
    apex: Name, keys: Sequence[ZoneKey], vouched: Iterable[rdata_fields.Ds]
) -> Generator[Work, None, list[ZoneKey]]:
    """The *keys* whose digest is that of a DS, after a bounded number of hashes."""
    entries: list[ZoneKey] = []
    tries = limits.DS_MATCHES_PER_ZONE
    for ds in vouched:
        for key in keys:
            if tries and key.tag == ds.key_tag and key.algorithm == ds.algorithm:
                tries -= 1
                yield Work(hashes=1)
                if ds_digest(apex, key.rdata, ds.digest_type) == ds.digest:
                    entries.append(key)
    return entries
