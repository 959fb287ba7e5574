"""The operator's zones: forwards and stubs of the configuration, as the path knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.config.check_zones import servers_of
from resolver.config.forwarders import block_pages, filters, forwarders_of, goes_on
from resolver.config.schema import Forward
from resolver.model import Delegation, Question, Server
from resolver.protocol import names
from resolver.protocol.codes import type_number
from resolver.recurse.exempt import Exempt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.config.forwarders import Forwarder
    from resolver.config.schema import Config, Zone
    from resolver.dnssec.anchors import Anchors
    from resolver.model import Name
    from resolver.runtime.clock import Clock


def fixed_delegations(config: Config) -> Iterable[tuple[Name, Delegation]]:
    """Forward and stub zones as delegations that never expire."""
    for entry in (*config.stub, *config.forward):
        zone = names.from_text(entry.zone)
        placeholder = names.prepend(b"configured", zone)
        servers = tuple(_servers(entry, placeholder))
        given = (placeholder,), {placeholder: servers}, float("inf")
        if isinstance(entry, Forward):
            yield (
                zone,
                Delegation(
                    zone,
                    *given,
                    is_forward=True,
                    is_last_word=not goes_on(entry),
                    is_opportunistic=entry.profile == "opportunistic" or entry.discover,
                    filters=filters(entry),
                    block_pages=block_pages(entry),
                    way=zone,
                ),
            )
        else:
            yield zone, Delegation(zone, *given, way=zone)


def _servers(entry: Zone, nameserver: Name) -> Iterable[Server]:
    if not isinstance(entry, Forward):
        return (Server(*where, nameserver) for where in servers_of(entry))
    return (server_of(one, nameserver) for one in forwarders_of(entry))


def server_of(one: Forwarder, nameserver: Name) -> Server:
    """A forwarder as the path knows it, under the name of its *nameserver*."""
    return Server(*one.where, nameserver, one.transport, one.auth_name)


def says_the_same(one: Delegation, other: Delegation) -> bool:
    """True if both send the same questions to the same servers, and make the same of replies."""
    return (
        one.given(), one.is_forward, one.is_last_word, one.is_opportunistic, one.filters,
        one.block_pages
    ) == (
        other.given(), other.is_forward, other.is_last_word, other.is_opportunistic, other.filters,
        other.block_pages
    )  # fmt: skip


def yielding_zones(config: Config) -> frozenset[Name]:
    """The zones that are resolved as usual where the servers named for them fail."""
    zones = [entry.zone for entry in config.forward if goes_on(entry)]
    zones += [entry.zone for entry in config.stub if entry.first]
    return frozenset(map(names.from_text, zones))


def primed_zones(config: Config) -> frozenset[Name]:
    """The stub zones whose servers are asked who serves them."""
    return frozenset(names.from_text(entry.zone) for entry in config.stub if entry.prime)


def uses_root_copy(config: Config) -> bool:
    """True if a copy of the root zone may stand in for its servers, once there is one."""
    return (
        config.root.local is not False
        and not (config.root.local == "auto" and config.outgoing.metered)
        and bool(config.working_directory)
        and config.dnssec.validate
        and all(entry.zone != "." for entry in (*config.forward, *config.stub))
    )


def warm_questions(config: Config) -> Iterable[Question]:
    """What the operator wants to be there always."""
    for entry in config.warm:
        for rtype in entry.types:
            yield Question(names.from_text(entry.name), type_number(rtype))


def exempt_names(config: Config, anchors: Anchors | None, clock: Clock) -> Exempt | None:
    """The operator's zones and negative anchors, if there are any: most have none to look at."""
    exempt = Exempt(
        (names.from_text(entry.zone) for entry in (*config.forward, *config.stub)),
        yielding=yielding_zones(config),
        anchors=anchors,
        wall=clock.wall,
    )
    return exempt or None
