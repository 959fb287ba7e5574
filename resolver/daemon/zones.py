"""The operator's zones: forwards and stubs of the configuration, as the path knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.config.endpoints import endpoint
from resolver.model import Delegation, Question, Server
from resolver.protocol import names
from resolver.protocol.codes import type_number
from resolver.recurse.exempt import Exempt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.config.schema import Config
    from resolver.dnssec.anchors import Anchors
    from resolver.model import Name
    from resolver.runtime.clock import Clock


def fixed_delegations(config: Config) -> Iterable[tuple[Name, Delegation]]:
    """Forward and stub zones as delegations that never expire."""
    for section, is_forward in ((config.stub, False), (config.forward, True)):
        for entry in section:
            zone = names.from_text(entry.zone)
            placeholder = names.prepend(b"configured", zone)
            servers = tuple(Server(*endpoint(address), placeholder) for address in entry.addresses)
            yield (
                zone,
                Delegation(
                    zone,
                    (placeholder,),
                    {placeholder: servers},
                    expires_at=float("inf"),
                    is_forward=is_forward,
                    is_last_word=is_forward and not getattr(entry, "first", False),
                    way=zone,
                ),
            )


def says_the_same(one: Delegation, other: Delegation) -> bool:
    """True if both send the same questions to the same servers."""
    return (one.servers(), one.is_forward, one.is_last_word) == (
        other.servers(), other.is_forward, other.is_last_word,
    )  # fmt: skip


def yielding_zones(config: Config) -> frozenset[Name]:
    """The zones that are resolved as usual where the servers named for them fail."""
    zones = [entry.zone for entry in config.forward if entry.first]
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
