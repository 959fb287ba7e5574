"""Config → policy: the steps that each view's queries meet, in the order that they meet them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.policy.acl import Acl
from resolver.policy.chaos import Chaos
from resolver.policy.designation import ZONE, Designation, Offers
from resolver.policy.local import LocalZones
from resolver.policy.query_rules import QueryRules
from resolver.policy.sentinel import Sentinel, root_key_tags
from resolver.policy.views import Views
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config
    from resolver.dnssec.anchors import Anchors
    from resolver.policy.path import Step


def views_of(config: Config, anchors: Anchors | None, offers: Offers | None = None) -> Views:
    """One view, of everybody. *offers*: what is encrypted here."""
    return Views(tuple(_steps(config, anchors, offers or Offers())))


def _steps(config: Config, anchors: Anchors | None, offers: Offers) -> Iterator[Step]:
    server = config.server
    elsewhere = [names.from_text(entry.zone) for entry in (*config.forward, *config.stub)]
    yield Acl(server.allow_from)
    yield QueryRules()
    yield Chaos(version=server.version, identity=server.identity)
    if config.ddr.answer and not any(names.is_subdomain(zone, ZONE) for zone in elsewhere):
        minimises = config.resolution.qname_minimisation and names.ROOT not in elsewhere
        yield Designation(offers, minimises=minimises)
    if config.resolution.local_zones:
        yield LocalZones(elsewhere)
    if anchors is not None and config.dnssec.root_key_sentinel:
        yield Sentinel(lambda: root_key_tags(anchors))
