"""Config → policy: the steps that each view's queries meet, in the order that they meet them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.policy.acl import Acl
from resolver.policy.chaos import Chaos
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


def views_of(config: Config, anchors: Anchors | None) -> Views:
    """One view, of everybody."""
    return Views(tuple(_steps(config, anchors)))


def _steps(config: Config, anchors: Anchors | None) -> Iterator[Step]:
    server = config.server
    yield Acl(server.allow_from)
    yield QueryRules()
    yield Chaos(version=server.version, identity=server.identity)
    if config.resolution.local_zones:
        elsewhere = (*config.forward, *config.stub)
        yield LocalZones(names.from_text(entry.zone) for entry in elsewhere)
    if anchors is not None and config.dnssec.root_key_sentinel:
        yield Sentinel(lambda: root_key_tags(anchors))
