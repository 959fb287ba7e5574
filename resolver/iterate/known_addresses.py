"""Addresses that are known without asking: from the caches, and from what other referrals gave.

Half of what fills a delegation's address book (`delegation`); the other half are the look-ups of
`addresses`. Pure: *now* is passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.delegation import KnownAddresses, Server
from resolver.limits import ADDRESSES_PER_NAMESERVER
from resolver.protocol import names
from resolver.protocol.ip_addresses import address_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from resolver.cache.delegation import DelegationCache
    from resolver.cache.rrset import RRsetCache
    from resolver.model import Delegation, Name


def lent_glue(
    name: Name, delegations: DelegationCache, rtypes: Sequence[int], now: float
) -> KnownAddresses | None:
    """Addresses that a referral at or above *name* gave for it; asked, but never answered from."""
    for ancestor in names.ancestors(name):
        delegation = delegations.get(ancestor, now)
        if delegation is not None and name in delegation.glue:
            servers = tuple(one for one in delegation.glue[name] if one.rtype in rtypes)
            return KnownAddresses(servers, delegation.expires_at) if servers else None
    return None


def fill_from_cache(
    delegation: Delegation,
    rrsets: RRsetCache,
    delegations: DelegationCache,
    rtypes: Sequence[int],
    now: float,
) -> None:
    """Give *delegation* every address that is known for names that have none.

    Looked-up addresses first, else the glue of the nameserver's own zone: one query saved.
    """
    book = delegation.book
    if now >= book.due_at:
        book.expire(now)
    if not book.unresolved:
        return
    cached: dict[Name, KnownAddresses] = {}
    lent: dict[Name, KnownAddresses] = {}
    for name in book.unresolved:
        found = _cached(name, rrsets, rtypes, now)
        if found is not None:
            cached[name] = found
        elif (given := lent_glue(name, delegations, rtypes, now)) is not None:
            lent[name] = given
    book.keep(cached)
    book.lend(lent)


def _cached(
    name: Name, rrsets: RRsetCache, rtypes: Sequence[int], now: float
) -> KnownAddresses | None:
    servers: list[Server] = []
    good_until = float("inf")
    for rtype in rtypes:
        entry = rrsets.get(name, rtype, now)
        if entry is not None:
            servers += servers_of(name, rtype, entry.rdatas)
            good_until = min(good_until, entry.expires_at)
    return KnownAddresses(tuple(servers), good_until) if servers else None


def has_second_wind(
    delegation: Delegation,
    delegations: DelegationCache,
    rtypes: Sequence[int],
    now: float,
    ancestors: AbstractSet[Name],
) -> bool:
    """All that is known failed: is there more to be had, from other referrals or by look-ups?

    Parent and child may differ about a nameserver's address, and either may be the one that works.
    What other referrals gave is added at once. Look-ups of others count, if they do not wait for us
    (*ancestors*: the names that all this is for).
    """
    book = delegation.book
    lent = {
        name: given
        for name in delegation.nameservers
        if (given := lent_glue(name, delegations, rtypes, now)) is not None
    }
    if book.lend(lent):
        return True
    return bool(doubtful(delegation, rtypes)) or not ancestors >= set(book.searching())


def doubtful(delegation: Delegation, rtypes: Sequence[int]) -> list[Name]:
    """Nameservers outside the cut that are known by referrals alone: a look-up may say more."""
    return [
        name
        for name in delegation.book.unconfirmed(rtypes)
        if not names.is_subdomain(name, delegation.zone)
    ]


def servers_of(name: Name, rtype: int, rdatas: Sequence[bytes]) -> list[Server]:
    hosts = [address_text(rtype, rdata) for rdata in rdatas[:ADDRESSES_PER_NAMESERVER]]
    return [Server(host, 53, name) for host in hosts if host is not None]
