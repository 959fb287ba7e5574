"""Config → policy: the steps that each view's queries meet, in the order that they meet them.

`steps_for` is the order. What a step is made of that is no configuration (anchors, tables, lists)
is in a `Stock`, made once and shared by all views: views are made anew whenever a schedule begins
or ends, which must cost nothing but the steps.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from resolver.config.schema_views import View as Settings
from resolver.config.spans import in_force, tags_at
from resolver.config.view_places import places, transports_of
from resolver.daemon.nat64 import prefixes_of
from resolver.daemon.rpz_terms import notifiers_of
from resolver.model import EVERYBODY
from resolver.policy.acl import Acl, Refusal, Silence
from resolver.policy.chaos import Chaos
from resolver.policy.designation import ZONE, Designation, Offers
from resolver.policy.dns64 import Dns64, Dns64Reverse
from resolver.policy.fresh_only import FreshOnly
from resolver.policy.lists import Lists, list_steps
from resolver.policy.local import LocalZones
from resolver.policy.local_records import LocalRecords
from resolver.policy.query_rules import QueryRules
from resolver.policy.rebinding import Rebinding
from resolver.policy.rewrite import Rewriting
from resolver.policy.rpz import Rpz, Rpzs, of_tags
from resolver.policy.rpz_notify import Notified
from resolver.policy.sentinel import Sentinel, root_key_tags
from resolver.policy.views import Clients, Views
from resolver.protocol import names
from resolver.runtime.clock import stamps
from resolver.upstream.translating import FoundPrefixes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.config.schema import Config
    from resolver.dnssec.anchors import Anchors
    from resolver.policy.local_records import LocalData
    from resolver.policy.path import Step
    from resolver.policy.rpz import Cuts, Live
    from resolver.runtime.clock import Clock

_name = names.from_text
_NS = 1_000_000_000
_EVERYBODY = Settings(name=EVERYBODY.name)


@dataclass(frozen=True, slots=True)
class Stock:
    """What steps are made of, besides the configuration. *offers*: what is encrypted here; *local*:
    the operator's own names, None without any; *found*: the prefixes of the network's translators.
    """

    anchors: Anchors | None = None
    lists: Lists = field(default_factory=Lists, kw_only=True)  # in force
    offers: Offers = field(default_factory=Offers)
    local: LocalData | None = None
    found: FoundPrefixes = field(default_factory=FoundPrefixes)
    rpzs: Rpzs = field(default_factory=Rpzs)
    zones: tuple[Live, ...] = ()  # of the configuration, among *rpzs*
    cuts: Cuts = lambda _: ()


def views_of(config: Config, stock: Stock, now: frozenset[str] = frozenset()) -> Views:
    """Every view of *config*, and everybody's. *now*: the tags whose time it is (`tags_now`)."""
    known = dict[object, tuple["Step", ...]]()

    def steps(view: Settings) -> tuple[Step, ...]:
        found = tags_at(view.tags, config.schedule, now)
        alike = replace(
            view, name="", clients=(), listen=(), transports=(), log="", tags=tuple(sorted(found))
        )
        if alike not in known:
            known[alike] = tuple(steps_for(config, view, found, stock))
        return known[alike]

    everybody = everybodys(config)
    return Views(
        steps(everybody),
        [
            Clients(
                view.name,
                steps(view),
                view.clients,
                places(view, config.server.listen),
                transports_of(view),
            )
            for view in config.view
            if not view.is_everybody
        ],
        everybody.name,
    )


def everybodys(config: Config) -> Settings:
    """The view of who is in none."""
    return next((view for view in config.view if view.is_everybody), _EVERYBODY)


def tags_now(config: Config, clock: Clock) -> frozenset[str]:
    """The tags with a schedule whose time it is, by the machine's own clock and time zone."""
    if not config.schedule:
        return frozenset()
    return in_force(config.schedule, time.localtime(stamps(clock)() // _NS))


def steps_for(
    config: Config,
    view: Settings,
    tags: frozenset[str],
    stock: Stock,
) -> Iterator[Step]:
    """What is done to queries of *view*, of whose tags *tags* count now. The order is decided here.

    Steps of one view serve another too where *tags* and options of both are the same: nothing else
    of *view* may be looked at.
    """
    server = config.server
    elsewhere = [_name(entry.zone) for entry in (*config.forward, *config.stub)]
    elsewhere += [_name(zone.zone) for zone in config.local.zone if zone.mode == "nodefault"]
    yield from _notified(config, stock)
    yield from _admission(config, view)
    yield QueryRules()
    yield Chaos(version=server.version, identity=server.identity)
    if config.ddr.answer and not any(names.is_subdomain(zone, ZONE) for zone in elsewhere):
        minimises = config.resolution.qname_minimisation and names.ROOT not in elsewhere
        yield Designation(stock.offers, minimises=minimises)
    if stock.local is not None and stock.local.is_seen_by(tags):
        yield LocalRecords(stock.local, tags)
    if config.rewrite:
        yield Rewriting((_name(rule.from_), _name(rule.to)) for rule in config.rewrite)
    prefixes = prefixes_of(config.dns64.prefix, stock.found) if view.dns64 else None
    if prefixes is not None:
        yield Dns64Reverse(prefixes, elsewhere)
    if config.resolution.local_zones:
        yield LocalZones(elsewhere)
    yield from list_steps(config, tags, stock.lists)
    anchors = stock.anchors
    if anchors is not None and config.dnssec.root_key_sentinel:
        yield Sentinel(lambda: root_key_tags(anchors))
    yield from _policy_zones(tags, stock)
    if not view.serve_stale:
        yield FreshOnly()
    if config.resolution.rebinding and view.rebinding:
        own = [*elsewhere, *(_name(zone.zone) for zone in config.local.zone)]
        yield Rebinding(map(_name, config.resolution.rebinding_allow), own)
    if prefixes is not None:
        yield Dns64(prefixes)


def _admission(config: Config, view: Settings) -> Iterator[Step]:
    """A view's own word counts, else the access list's."""
    if view.answer == "refuse":
        yield Refusal()
    elif view.answer == "drop":
        yield Silence()
    elif not view.answer:
        yield Acl(config.server.allow_from)


def _notified(config: Config, stock: Stock) -> Iterator[Step]:
    """Before all else: primaries of policy zones are no clients."""
    notifiers = notifiers_of(config)
    if notifiers:
        yield Notified(notifiers, stock.rpzs.tell, stock.rpzs.signed)


def _policy_zones(tags: frozenset[str], stock: Stock) -> Iterator[Step]:
    zones = of_tags(stock.zones, tags)
    if zones:
        yield Rpz(stock.rpzs, zones, stock.cuts)
