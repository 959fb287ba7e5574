"""How the walk goes, as it is configured: which families, which zones are known beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.daemon.zones import primed_zones, yielding_zones
from resolver.iterate.walk import WalkSettings
from resolver.limits import LOOKUP_WIDTH
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.config.schema import Config
    from resolver.dnssec.anchors import Anchors
    from resolver.model import Name
    from resolver.runtime.clock import Clock


def _expectation(anchors: Anchors | None, clock: Clock) -> Callable[[Name, bool], bool]:
    """Should what servers of a zone say be signed, as far as its referral or an anchor tells?"""

    def expects(zone: Name, has_ds: bool) -> bool:  # noqa: FBT001
        if anchors is None or not (has_ds or zone in anchors.by_name):
            return False
        return anchors.closest(zone) is not None and anchors.waived(zone, clock.wall()) is None

    return expects


def walk_settings(config: Config, anchors: Anchors | None, clock: Clock) -> WalkSettings:
    """What *config* says, and what *anchors* have one expect."""
    outgoing = config.outgoing
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
