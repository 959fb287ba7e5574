"""Zones that a program's own tests bring: zone file text, put into the lab's Internet."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import dns.exception
import dns.name
import dns.zone

from resolver.config.schema import Stub
from resolver.errors import ConfigError
from resolver.lab.faults import Path
from resolver.lab.zones import TTL
from resolver.model import Question
from resolver.policy.local import LocalZones
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dns.rdataset import Rdataset

    from resolver.lab.world import World
    from resolver.lab.zones import Zone
    from resolver.protocol.names import Name

# The lab makes these itself.
_MADE = frozenset(
    {RRType.RRSIG, RRType.NSEC, RRType.NSEC3, RRType.NSEC3PARAM, RRType.DNSKEY, RRType.DS}
)


def add(world: World, texts: Mapping[str, str], *, wall: float) -> None:
    """Put each text's records into the zone of that apex, a new one if there is none.

    Indentation that all lines share means nothing, so that a text may stand within a program. In a
    zone that the world has already, an RRset of the text takes the other's place. All is delegated
    and signed, if the zones above are still to be signed or signed already. Raises ConfigError.
    """
    parsed = dict(_parsed(apex, text) for apex, text in texts.items())
    new = []
    for number, apex in enumerate(sorted(parsed, key=names.count)):
        zone = world.zones.get(apex)
        if zone is None:
            zone = world.zone(names.to_text(apex))
            world.serve(zone, "ns", f"198.18.{number // 256}.{number % 256}", path=Path(0.005))
            new.append(zone)
        for owner, rdataset in parsed[apex]:
            _put(zone, owner, rdataset)
    for zone in new:
        world.delegate(zone)
    for zone in reversed(new):  # those below first
        world.sign(zone, wall=wall)
    for zone in world.zones.values():
        if texts and zone.signer is not None:
            zone.signer = zone.signer.renewed()


def stubs(world: World, texts: Mapping[str, str]) -> tuple[Stub, ...]:
    """Those of the zones that a resolver would answer itself: told where they are, it asks there.

    Private and documentation reverse zones (RFC 6303), test. and its like (RFC 6761).
    """
    zones = LocalZones()
    return tuple(
        Stub(zone=apex, addresses=tuple(_hosts(world, names.from_text(apex.lower()))))
        for apex in texts
        if zones.answer(Question(names.from_text(apex.lower()), RRType.SOA)) is not None
    )


def _hosts(world: World, apex: Name) -> Iterator[str]:
    return (host for host, authority in world.servers.items() if apex in authority.zones)


def _parsed(apex: str, text: str) -> tuple[Name, list[tuple[dns.name.Name, Rdataset]]]:
    """The apex, and the records at or below it."""
    try:
        origin = dns.name.from_text(apex.lower())
        # Read as a part of the root: what is not below its origin dnspython passes over in silence.
        text = f"$TTL {TTL}\n$ORIGIN {origin}\n{dedent(text)}\n"
        zone = dns.zone.from_text(text, dns.name.root, relativize=False, check_origin=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise ConfigError(f"zones[{apex!r}]", text, f"a zone file ({error})") from None
    records = list(zone.iterate_rdatasets())
    for owner, _ in records:
        if not owner.is_subdomain(origin):
            raise ConfigError(f"zones[{apex!r}]", str(owner), f"a zone file of names in {origin}")
    return origin.to_wire() or names.ROOT, records


def _put(zone: Zone, owner: dns.name.Name, rdataset: Rdataset) -> None:
    name = (owner.to_wire() or names.ROOT).lower()
    rtype = int(rdataset.rdtype)
    if rtype in _MADE or (name == zone.apex and rtype == RRType.NS):
        return
    sets = zone.data.get(name, {})
    for other in list(sets):  # an alias stands alone at its name (RFC 1034 §3.6.2)
        if other == rtype or RRType.CNAME in {other, rtype}:
            del sets[other]
    zone.add(name, rtype, *(rdata.to_digestable() for rdata in rdataset), ttl=rdataset.ttl)
