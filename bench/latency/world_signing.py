"""Signs a zone beforehand: DNSKEY, NSEC chain and an RRSIG for every set the zone speaks for (RFC
4034, 4035).

One P-256 key per zone; keys come from the seed. The authority of the bench then only looks records
up.
"""

import random
import time

from bench.common.signing import DAY_S, P256_ORDER, Key, name_wire, p256_key, type_bitmap
from bench.latency.wire import DNSKEY, DS, NS, NSEC, RRSIG, Rrset, canonical_key


def make_key(zone: str, seed: int) -> Key:
    """The key of *zone* in the world of *seed*."""
    return p256_key(random.Random(f"{seed} {zone}").randrange(1, P256_ORDER))


def sign(rrset: Rrset, zone: str, key: Key, now: float) -> bytes:
    """The rdata of the RRSIG of *rrset*, valid from a day before to thirty days after *now*."""
    return key.rrsig(
        name_wire(rrset.owner),
        rrset.rtype,
        rrset.ttl_s,
        rrset.rdatas,
        signer=name_wire(zone),
        window=(int(now) - DAY_S, int(now) + 30 * DAY_S),
    )


def nsec_chain(zone: str, rrsets: list[Rrset]) -> list[Rrset]:
    """One NSEC for each name the zone speaks for, cuts included, what is below them not."""
    cuts = {rrset.owner for rrset in rrsets if rrset.rtype == NS and rrset.owner != zone}
    types: dict[str, list[int]] = {}
    for rrset in rrsets:
        if not _is_below(rrset.owner, cuts):
            types.setdefault(rrset.owner, []).append(rrset.rtype)
    names = sorted(types, key=canonical_key)
    chain: list[Rrset] = []
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        present = [t for t in types[name] if name not in cuts or t in (NS, DS)]
        rdata = name_wire(following) + type_bitmap([*present, NSEC, RRSIG])
        chain.append(Rrset(name, NSEC, rrsets[0].ttl_s, [rdata]))
    return chain


def sign_zone(zone: str, rrsets: list[Rrset], key: Key) -> list[Rrset]:
    """*rrsets* with DNSKEY, NSEC and RRSIG added; the first of them gives the TTL."""
    whole = [*rrsets, Rrset(zone, DNSKEY, rrsets[0].ttl_s, [key.dnskey])]
    whole += nsec_chain(zone, whole)
    cuts = {rrset.owner for rrset in whole if rrset.rtype == NS and rrset.owner != zone}
    signatures: list[Rrset] = []
    now = time.time()
    for rrset in whole:
        at_cut = rrset.owner in cuts and rrset.rtype not in (DS, NSEC)
        if not at_cut and not _is_below(rrset.owner, cuts):
            signatures.append(Rrset(rrset.owner, RRSIG, rrset.ttl_s, [sign(rrset, zone, key, now)]))
    return whole + signatures


def _is_below(owner: str, cuts: set[str]) -> bool:
    parent = owner.partition(".")[2]
    while parent:
        if parent in cuts:
            return True
        parent = parent.partition(".")[2]
    return False
