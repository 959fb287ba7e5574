"""The zones of the world: the real root and its TLDs re-signed, and zones for popular names.

What is real: the root zone's owners, nameservers, glue and which TLDs are signed. What is ours:
keys, and everything below the TLDs. A popular name is one zone on a few operators' servers, by a
hash of the name, in the shapes that the Internet has: nameservers inside the zone (glue), at an
operator under the same or another TLD (no glue), one per TLD; signed (NSEC or
NSEC3 with opt-out) or not; `www` as address or
as an alias into a content network's wildcard.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.realworld.sign import ds_text, sign
from bench.realworld.zones import Zone, ancestors, labels

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ROOT_TIER, TLD_TIER, LEAF_TIER = "root", "tld", "leaf"
OPERATOR_TLDS = (
    "com", "net", "org", "info", "de", "co.uk", "fr", "nl", "se", "io", "biz", "jp",
    "eu", "ch", "cz", "us",
)  # fmt: skip
OPERATORS = 32
SERVERS_PER_OPERATOR = 4
CONTENT_NETWORKS = ("edge-one.net", "edge-two.com", "edge-three.net")
SIGNED_PERCENT = 15
HASHED_PERCENT = 70
LEAF_TTL = 3600


@dataclass(slots=True)
class World:
    """Every zone with its tier, every server's address with the zones it is asked for."""

    zones: dict[str, dict[str, Zone]] = field(
        default_factory=lambda: {ROOT_TIER: {}, TLD_TIER: {}, LEAF_TIER: {}}
    )
    root_addresses: set[str] = field(default_factory=set)
    tld_addresses: set[str] = field(default_factory=set)
    hosts: dict[str, set[str]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def zone(self, apex: str) -> Zone | None:
        return next((tier[apex] for tier in self.zones.values() if apex in tier), None)

    def enclosing(self, name: str) -> Zone:
        """The deepest zone that *name* lies in."""
        for candidate in ancestors(name):
            if (found := self.zone(candidate)) is not None:
                return found
        raise LookupError(name)


def chance(name: str, salt: str, sides: int) -> int:
    """A throw of a die that always falls the same for one *name*."""
    digest = hashlib.sha256(f"{salt}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % sides


def build(root_zone: Path, names: Iterable[str]) -> World:
    """All zones for *names* below the real root; unsigned until `sign_all`."""
    world = World()
    _read_root(world, root_zone)
    for number in range(OPERATORS):
        _add_leaf(world, operator_domain(number), operator=number)
    for domain in CONTENT_NETWORKS:
        zone = _add_leaf(world, domain + ".", operator=chance(domain, "cdn", OPERATORS))
        zone.add("*.at." + domain + ".", "A", _address(domain, 0), 300)
        for number in range(20):  # more than any UDP reply should carry
            zone.add("big." + domain + ".", "TXT", f'"{number:02} {"x" * 190}"', LEAF_TTL)
    for name in names:
        world.names.append(name + ".")
        if world.zone(name + ".") is None:
            _add_leaf(world, name + ".", operator=None)
    _place_hosts(world)
    return world


def sign_all(world: World) -> None:
    """DS records first, then every signed zone, children before nothing in particular."""
    everything = [zone for tier in world.zones.values() for zone in tier.values()]
    for zone in everything:
        if zone.apex == ".":
            continue
        parent = world.enclosing(ancestors(zone.apex)[1])
        zone.is_signed = zone.is_signed and parent.is_signed
        if zone.is_signed:
            parent.add(zone.apex, "DS", ds_text(zone.apex))
    for zone in everything:
        if zone.is_signed:
            zone.is_hashed = zone.apex != "." and chance(zone.apex, "nsec3", 100) < HASHED_PERCENT
            zone.opts_out = zone.is_hashed and zone.apex in world.zones[TLD_TIER]
            sign(zone)


def operator_domain(number: int) -> str:
    return f"dns-host-{number:02}.{OPERATOR_TLDS[number % len(OPERATOR_TLDS)]}."


def operator_address(number: int, server: int, family: int) -> str:
    """The address of one of an operator's servers: the third octet says which."""
    if family == 6:
        return f"2a0f:cafe:{number + 1:x}:{server + 1:x}::53"
    return f"45.128.{number}.{server + 1}"


def _read_root(world: World, path: Path) -> None:
    root = Zone(".", is_signed=True, ns_ttl=518400)
    world.zones[ROOT_TIER]["."] = root
    signed = set()
    nameservers: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        owner, ttl, _, rtype, rdata = line.split(None, 4)
        owner, rdata = owner.lower(), rdata.lower()
        if rtype in {"A", "AAAA"}:
            world.hosts.setdefault(owner, set()).add(rdata)
        elif rtype == "DS":
            signed.add(owner)
        elif rtype == "NS":
            nameservers.setdefault(owner, []).append(rdata)
        if rtype in {"A", "AAAA", "NS", "SOA"}:
            root.add(owner, rtype, rdata, int(ttl))
    for apex, servers in nameservers.items():
        addresses = set().union(*(world.hosts[server] for server in servers))
        if apex == ".":
            world.root_addresses |= addresses
            continue
        tier = ROOT_TIER if apex == "arpa." else TLD_TIER
        zone = world.zones[tier][apex] = Zone(apex, is_signed=apex in signed)
        zone.begin(servers[0], servers)
        world.tld_addresses |= addresses if tier == TLD_TIER else set()
    _add_root_servers(world, nameservers["."])


def _add_root_servers(world: World, nameservers: list[str]) -> None:
    zone = Zone("root-servers.net.", is_signed=False, ns_ttl=3600000)
    world.zones[ROOT_TIER][zone.apex] = zone
    zone.begin(nameservers[0], nameservers)
    net = world.zones[TLD_TIER]["net."]
    net.delegate(zone.apex, nameservers)
    for nameserver in nameservers:
        _add_addresses(net, nameserver, world.hosts[nameserver])


def _add_addresses(zone: Zone, host: str, addresses: Iterable[str]) -> None:
    for address in sorted(addresses):
        zone.add(host, "AAAA" if ":" in address else "A", address, 2 * 86400)


def _place_hosts(world: World) -> None:
    """Each nameserver of the root zone gets its addresses in the deepest zone it lies in."""
    for host, addresses in world.hosts.items():
        _add_addresses(world.enclosing(host), host, addresses)


def _registry(world: World, name: str) -> Zone:
    """The zone that delegates *name*; second-level registries (co.uk) are made when first met."""
    parent = ".".join(labels(name)[1:]) + "."
    found = world.enclosing(parent)
    if found.apex == parent or found.apex in world.zones[LEAF_TIER]:
        return found
    zone = Zone(parent, is_signed=found.is_signed)
    servers = found.rrsets[found.apex, "NS"]
    zone.begin(servers[0], servers)
    found.delegate(parent, servers)
    world.zones[TLD_TIER][parent] = zone
    return zone


def _add_leaf(world: World, apex: str, *, operator: int | None) -> Zone:
    apex = apex if apex.endswith(".") else apex + "."
    parent = _registry(world, apex)
    zone = Zone(apex, is_signed=chance(apex, "signed", 100) < SIGNED_PERCENT, ns_ttl=LEAF_TTL * 24)
    world.zones[LEAF_TIER][apex] = zone
    shape = 0 if operator is not None else chance(apex, "shape", 100)
    home = operator if operator is not None else chance(apex, "operator", OPERATORS)
    if shape < 25:  # its own nameservers, with glue
        nameservers = [f"ns{server + 1}.{apex}" for server in range(_server_count(apex, operator))]
        for server, nameserver in enumerate(nameservers):
            addresses = [operator_address(home, server, family) for family in (4, 6)]
            _add_addresses(zone, nameserver, addresses)
            _add_addresses(parent, nameserver, addresses)
    elif shape < 80:  # one operator
        nameservers = [f"ns{server + 1}.{operator_domain(home)}" for server in range(2 + shape % 3)]
    else:  # four operators under four TLDs
        nameservers = [
            f"ns{server + 1}.{operator_domain((home + server) % OPERATORS)}"
            for server in range(SERVERS_PER_OPERATOR)
        ]
    zone.begin(nameservers[0], nameservers)
    parent.delegate(apex, nameservers)
    _fill(zone)
    return zone


def _server_count(apex: str, operator: int | None) -> int:
    return SERVERS_PER_OPERATOR if operator is not None else 2 + chance(apex, "servers", 3)


def _fill(zone: Zone) -> None:
    """What a small site has: addresses, mail, `www`."""
    apex = zone.apex
    for index in range(1 + chance(apex, "addresses", 3)):
        zone.add(apex, "A", _address(apex, index), LEAF_TTL)
    if chance(apex, "six", 100) < 50:
        zone.add(apex, "AAAA", f"2a0f:beef:{chance(apex, 'v6', 65535):x}::1", LEAF_TTL)
    zone.add(apex, "MX", f"10 mail.{apex}", LEAF_TTL)
    zone.add(apex, "TXT", '"v=spf1 mx -all"', LEAF_TTL)
    zone.add(f"mail.{apex}", "A", _address("mail." + apex, 0), LEAF_TTL)
    match chance(apex, "www", 4):
        case 0:
            network = CONTENT_NETWORKS[chance(apex, "cdn", len(CONTENT_NETWORKS))]
            alias = f"{'-'.join(labels(apex))}.at.{network}."
            zone.add(f"www.{apex}", "CNAME", alias, LEAF_TTL)
        case 1:
            zone.add(f"www.{apex}", "CNAME", apex, LEAF_TTL)
        case _:
            zone.add(f"www.{apex}", "A", _address("www." + apex, 0), LEAF_TTL)


def _address(name: str, index: int) -> str:
    number = chance(name, f"address{index}", 1 << 20)
    return f"45.{160 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
