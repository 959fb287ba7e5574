"""The Internet of `--lab`: a root, com and org, and below them zones named after what they show.

Everything in it is sound but for the one trouble that a zone is named after. What each name comes
to is told by `catalogue`, and a test asks every one of them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from resolver.lab import own_zones
from resolver.lab.authority import Manners
from resolver.lab.faults import Path, canonical
from resolver.lab.signing import Nsec3, Signer
from resolver.lab.world import World, root_hints, with_root
from resolver.lab.zones import text
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resolver.lab.virtual_network import VirtualNetwork
    from resolver.lab.zones import Zone
    from resolver.model import Server

DAY = 86_400
EXPIRED_FOR = 30 * DAY  # the middle of a fortnight of signatures: three weeks past their end
NEAR = Path(0.03)
SILENT = Path(dead=True)


class Demo(NamedTuple):
    """Everything that `resolver serve --lab` needs. *world* can write its own configuration."""

    network: VirtualNetwork
    hints: list[Server]
    anchors: str
    world: World


def demo(*, wall: float, own: Mapping[str, str] = MappingProxyType({})) -> Demo:
    """An offline Internet to ask, signed around *wall* (Unix seconds).

    *own*: zone file text by apex, put into it (`own_zones`). Raises ConfigError if it is none.
    """
    world = demo_world(wall=wall, own=own)
    return Demo(world.network(seed="demo"), root_hints(), "\n".join(world.anchors), world)


def demo_world(*, wall: float, own: Mapping[str, str] = MappingProxyType({})) -> World:
    world = World()
    root = with_root(world)
    com, org = world.zone("com."), world.zone("org.")
    world.serve(com, "a.gtld-servers.net.", "192.5.6.30", "2001:503:a83e::2:30")
    world.serve(org, "a0.org.afilias-nst.info.", "199.19.56.1", path=NEAR)
    world.zone("info.")
    info = world.zones[names.from_text("info.")]
    world.serve(info, "a0.info.", "199.254.31.1", path=NEAR)
    info.add_address("a0.org.afilias-nst.info.", "199.19.56.1")
    example = _example(world)
    for zone in (com, org, info, example):
        world.delegate(zone)
    world.sign(example, wall=wall)
    _signed_zones(world, wall=wall)
    _troubled(world)
    _half_dead(world)
    _circle(world)
    own_zones.add(world, own, wall=wall)
    for host, instance in _INSTANCES.items():
        world.servers[canonical(host)].instance = instance.encode()
    for zone in (com, org, root):
        world.sign(zone, wall=wall)
    return world


# What servers say of themselves, as their operators would, seen from near Frankfurt; the last one
# says what its round trip of 40 ms denies. Most servers of single zones say nothing.
_INSTANCES: Mapping[str, str] = MappingProxyType({
    "198.41.0.4": "nnn1-fra5", "2001:503:ba3e::2:30": "nnn1-ams5",
    "170.247.170.2": "b1-iad", "2801:1b8:10::b": "b1-iad",
    "193.0.14.129": "ns1.gb-lon.k.ripe.net", "2001:7fd::1": "ns1.nl-ams.k.ripe.net",
    "192.5.6.30": "nnn1-fra6", "2001:503:a83e::2:30": "nnn1-ams6", "199.19.56.1": "org-1",
    "192.0.2.53": "gpdns-syd",
})  # fmt: skip


def _example(world: World) -> Zone:
    zone = world.zone("example.com.")
    world.serve(zone, "ns1", "192.0.2.53", "2001:db8::53", path=Path(0.02))
    world.serve(zone, "ns2", "198.51.100.53", path=Path(0.045))
    zone.add_address("@", "192.0.2.80")
    zone.add_address("www", "192.0.2.80", "2001:db8::80")
    zone.add("alias", RRType.CNAME, zone.name("www"))
    zone.add("@", RRType.MX, b"\0\x0a" + zone.name("mail"))
    zone.add_address("mail", "192.0.2.25")
    zone.add("@", RRType.TXT, text("v=spf1 -all"))
    zone.add_address("*.wild", "192.0.2.99")
    zone.add("old", RRType.DNAME, zone.name("wild"))
    return zone


def _signed_zones(world: World, *, wall: float) -> None:
    """Sound, and with each of the mistakes that DNSSEC is known for."""
    world.sign(_signed(world, "signed.org.", "203.0.113.10"), wall=wall)
    world.sign(_signed(world, "hashed.org.", "203.0.113.20"), wall=wall, nsec3=Nsec3())
    addresses = frozenset({RRType.A, RRType.AAAA})
    world.sign(_signed(world, "bogus.org.", "203.0.113.30"), wall=wall, spoils=addresses)
    world.sign(_signed(world, "expired.org.", "203.0.113.40"), wall=wall - EXPIRED_FOR)
    without_ds = _signed(world, "nods.org.", "203.0.113.50")
    without_ds.signer = Signer(without_ds, wall=wall)
    wrong_ds = _signed(world, "wrongds.org.", "203.0.113.60")
    wrong_ds.signer = Signer(wrong_ds, wall=wall)
    of_an_old_key = Signer(wrong_ds, wall=wall, seed="the key before").ds()
    world.parent_of(wrong_ds.apex).add(wrong_ds.apex, RRType.DS, of_an_old_key)


def _signed(world: World, apex: str, host: str) -> Zone:
    """A zone at *host*, delegated, and ready to be signed."""
    zone = world.zone(apex)
    world.serve(zone, "ns", host, path=Path(0.025))
    zone.add_address("www", host.removesuffix("0") + "1")
    zone.add("alias", RRType.CNAME, names.from_text("www.example.com."))
    world.delegate(zone)
    return zone


def _troubled(world: World) -> None:
    """Unsigned zones with one server each, and what a resolver has to live with."""
    troubles: dict[str, tuple[Manners | None, Path]] = {
        "dead.org.": (None, SILENT),
        "slow.org.": (None, Path(0.4)),
        "lossy.org.": (None, Path(0.03, loss=0.25)),
        "refused.org.": (Manners(rcode=Rcode.REFUSED), NEAR),
        "noedns.org.": (Manners(edns="formerr"), NEAR),
        "truncated.org.": (Manners(truncates=True), NEAR),
        "lame.org.": (Manners(is_lame=True), NEAR),
        "unsigned.org.": (None, NEAR),
    }
    for number, (apex, (manners, path)) in enumerate(troubles.items()):
        zone = world.zone(apex)
        host = f"203.0.113.{100 + number}"
        world.serve(zone, "ns", host, manners=manners, path=path)
        zone.add_address("www", f"203.0.113.{200 + number}")
        world.delegate(zone)


def _half_dead(world: World) -> None:
    """Four servers, of which two never say a word."""
    zone = world.zone("halfdead.org.")
    for number, path in enumerate((SILENT, NEAR, SILENT, Path(0.05))):
        world.serve(zone, f"ns{number + 1}", f"203.0.113.{120 + number}", path=path)
    zone.add_address("www", "203.0.113.220")
    world.delegate(zone)


def _circle(world: World) -> None:
    """Two aliases, each of the other."""
    zone = world.zone("circle.org.")
    world.serve(zone, "ns", "203.0.113.130", path=NEAR)
    zone.add("here", RRType.CNAME, zone.name("there"))
    zone.add("there", RRType.CNAME, zone.name("here"))
    world.delegate(zone)
