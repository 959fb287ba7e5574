"""Config → what single parts of the path go by: caches and their sizes, how a walk is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cache.denial import DenialCache
from resolver.cache.failure import FailureCache
from resolver.cache.negative import NegativeCache
from resolver.cache.rrset import RRsetCache
from resolver.config import octets
from resolver.config.shares import shares_of
from resolver.daemon.nat64 import outgoing_of
from resolver.daemon.zones import primed_zones, yielding_zones
from resolver.dnssec.anchors import Anchors
from resolver.iterate.walk import WalkSettings
from resolver.limits import LOOKUP_WIDTH
from resolver.protocol.codes import RRType
from resolver.recurse.known import Known

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.config.schema import Config
    from resolver.model import Name
    from resolver.operate.overrides import Overrides
    from resolver.recurse.exempt import Exempt
    from resolver.runtime.clock import Clock


def nsid_of(config: Config) -> bytes:
    """The octets of NSID; the identity's if there are none of its own."""
    server = config.server
    return octets.nsid(server.nsid) if server.nsid else server.identity.encode()


def memory_of(config: Config, exempt: Exempt | None, *, stale_s: float) -> Known:
    """Empty caches. *stale_s*: how long what is over may be told."""
    settings, shares = config.cache, shares_of(config)
    validates = config.dnssec.validate
    max_negative_ttl = min(settings.max_negative_ttl, settings.max_ttl)
    return Known(
        RRsetCache(
            shares.records,
            min_ttl=settings.min_ttl,
            max_ttl=settings.max_ttl,
            stale_s=stale_s,
        ),
        NegativeCache(
            shares.denials,
            min_ttl=min(settings.min_negative_ttl or settings.min_ttl, max_negative_ttl),
            max_ttl=max_negative_ttl,
            stale_s=stale_s,
        ),
        FailureCache(shares.failures),
        (
            DenialCache(shares.gaps, max_ttl=max_negative_ttl)
            if validates and config.dnssec.aggressive_nsec
            else None
        ),
        is_checked=validates,
        exempt=exempt,
    )


def _expectation(anchors: Anchors | None, clock: Clock) -> Callable[[Name, bool], bool]:
    """Should what servers of a zone say be signed, as far as its referral or an anchor tells?"""

    def expects(zone: Name, has_ds: bool) -> bool:  # noqa: FBT001
        if anchors is None or not (has_ds or zone in anchors.by_name):
            return False
        return anchors.closest(zone) is not None and anchors.waived(zone, clock.wall()) is None

    return expects


def walk_settings(config: Config, anchors: Anchors | None, clock: Clock) -> WalkSettings:
    """How walks are done."""
    outgoing = outgoing_of(config)
    families = ((RRType.A, outgoing.ipv4), (RRType.AAAA, outgoing.ipv6))
    return WalkSettings(
        minimise=config.resolution.qname_minimisation,
        rtypes=tuple(rtype for rtype, is_wanted in families if is_wanted),
        width=LOOKUP_WIDTH if outgoing.speculation else 1,
        min_ttl=config.cache.min_ttl,
        max_ttl=config.cache.max_ttl,
        expects_signatures=_expectation(anchors, clock),
        harden_glue=config.resolution.harden_glue,
        yielding=yielding_zones(config),
        primed=primed_zones(config),
    )


def waiving(
    anchors: Anchors | None, configured: Anchors | None, overrides: Overrides
) -> Anchors | None:
    """*anchors* with the negative ones that are *configured*, and those set since; others as they
    are, where that is the same."""
    if anchors is None or configured is None:
        return anchors
    negative = {**configured.negative, **overrides.negative}
    if anchors.negative == negative:
        return anchors
    return Anchors(dict(anchors.by_name), negative, anchors.generation + 1)


def snapshot(anchors: Anchors | None) -> Anchors | None:
    """A copy, that stays as it is."""
    if anchors is None:
        return None
    return Anchors(dict(anchors.by_name), dict(anchors.negative), anchors.generation)
