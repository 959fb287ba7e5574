"""The world as authsim reads it: zones, records and addresses, one a line."""

from collections.abc import Iterator

from bench.common.signing import Key, name_wire
from bench.latency.latency_world import TTL_S, Nameserver, World
from bench.latency.wire import AAAA, DS, NS, SOA, A, Rrset, address_rdata, soa_rdata
from bench.latency.world_signing import make_key, sign_zone


def home_of(world: World, name: str) -> str:
    """The zone that holds the addresses of the name server *name*."""
    while name not in world.zones:
        name = name.partition(".")[2]
    return name


def zone_rrsets(world: World, zone: str, keys: dict[str, Key]) -> list[Rrset]:
    """What the zone holds before it is signed: apex, addresses, delegations with glue."""
    rrsets = [Rrset(zone, SOA, TTL_S, [soa_rdata(zone, TTL_S)]), _ns(world, zone)]
    addresses: dict[str, Nameserver] = {}
    for servers in world.sets:
        for nameserver in servers.nameservers:
            if home_of(world, nameserver.name) == zone:
                addresses[nameserver.name] = nameserver
    for child in world.zones:
        if child and world.parent_of(child) == zone:
            rrsets.append(_ns(world, child))
            if child in keys:
                rrsets.append(Rrset(child, DS, TTL_S, [keys[child].ds(name_wire(child))]))
    for nameserver in _glue(world, zone):
        addresses[nameserver.name] = nameserver
    for name, nameserver in addresses.items():
        rrsets.append(Rrset(name, A, TTL_S, [address_rdata(nameserver.v4)]))
        rrsets.append(Rrset(name, AAAA, TTL_S, [address_rdata(nameserver.v6)]))
    for name, address in world.zones[zone].hosts.items():
        rrsets.append(Rrset(name, A, TTL_S, [address_rdata(address)]))
    return rrsets


def _ns(world: World, zone: str) -> Rrset:
    names = [name_wire(nameserver.name) for nameserver in world.set_of(zone).nameservers]
    return Rrset(zone, NS, TTL_S, names)


def _glue(world: World, zone: str) -> Iterator[Nameserver]:
    """Name servers of delegations, named below *zone*: in-domain and sibling glue (RFC 9471)."""
    for child in world.zones:
        if child and world.parent_of(child) == zone:
            for nameserver in world.set_of(child).nameservers:
                if not zone or nameserver.name.endswith("." + zone):
                    yield nameserver


def world_keys(world: World) -> dict[str, Key]:
    """A key for each signed zone."""
    return {
        name: make_key(name, world.seed) for name, zone in world.zones.items() if zone.is_signed
    }


def render(world: World, keys: dict[str, Key]) -> Iterator[str]:
    """The lines of authsim's world file."""
    for index, servers in enumerate(world.sets):
        for address, _ in servers.addresses():
            yield f"A {address} {index}\n"
    for name, zone in world.zones.items():
        yield f"Z {name_wire(name).hex()} {zone.servers}\n"
        rrsets = zone_rrsets(world, name, keys)
        if name in keys:
            rrsets = sign_zone(name, rrsets, keys[name])
        for rrset in rrsets:
            for rdata in rrset.rdatas:
                owner = name_wire(rrset.owner).hex()
                yield f"R {owner} {rrset.rtype} {rrset.ttl_s} {rdata.hex()}\n"
