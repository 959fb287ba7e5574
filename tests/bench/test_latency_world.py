"""The worlds of the latency lab: what selection studies rely on must hold for every seed."""

import random
import struct

import dns.dnssec
import dns.name
import dns.node
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import pytest

from bench.common.signing import name_wire
from bench.latency import latency_world, render, wire, world_signing
from bench.latency.latency_world import Kind


@pytest.fixture(scope="module", name="standard")
def _standard() -> latency_world.World:
    return latency_world.standard_world(7)


def test_same_seed_same_world(standard: latency_world.World) -> None:
    """A run is repeatable from its seed; another seed is another world."""
    assert latency_world.standard_world(7) == standard
    assert latency_world.standard_world(8) != standard


def test_standard_world_has_its_proportions(standard: latency_world.World) -> None:
    """13 roots, 20 TLDs on 6 platforms, 14 operators of 4, 500 leaves, about 55 % hosted."""
    kinds = [servers.kind for servers in standard.sets]
    assert len(standard.set_of("").nameservers) == 13
    assert kinds.count(Kind.REGISTRY) == 6
    assert kinds.count(Kind.OPERATOR) == 14
    assert len(standard.leaves) == 500
    hosted = sum(standard.set_of(leaf).kind is Kind.OPERATOR for leaf in standard.leaves)
    assert 0.45 < hosted / 500 < 0.65


def test_every_address_is_of_one_set_only(standard: latency_world.World) -> None:
    """Counters by address are read as counters by set."""
    addresses = [address for servers in standard.sets for address, _ in servers.addresses()]
    assert len(addresses) == len(set(addresses))


def test_lookups_ask_each_zone_once_a_round(standard: latency_world.World) -> None:
    """Cold names come one to a zone; warm names are new ones."""
    cold = standard.lookups(random.Random(1), 500, first_round=0)
    warm = standard.lookups(random.Random(1), 2000, first_round=1)
    assert {lookup.zone for lookup in cold} == set(standard.leaves)
    assert len({lookup.qname for lookup in cold + warm}) == 2500


def test_glue_is_given_for_names_below_the_zone_only(standard: latency_world.World) -> None:
    """RFC 9471: a registry hands out what it holds; the rest is what makes zones glueless."""
    held = {rrset.owner for rrset in render.zone_rrsets(standard, "com", {})}
    assert all(owner == "com" or owner.endswith(".com") for owner in held)


def test_deep_world_needs_three_domains_for_an_address() -> None:
    """deep → middle → operator, each named in a zone that the next one serves."""
    deep = latency_world.deep_world(3)
    zone = deep.leaves[0]
    for label in ("deep", "middle", "operator"):
        home = render.home_of(deep, deep.set_of(zone).nameservers[0].name)
        assert home.startswith(label)
        zone = home


@pytest.fixture(scope="module", name="signed")
def _signed() -> latency_world.World:
    return latency_world.standard_world(7, is_signed=True)


def test_signatures_verify_with_dnspython(signed: latency_world.World) -> None:
    """An outside opinion on every signature of one TLD."""
    keys = render.world_keys(signed)
    rrsets = world_signing.sign_zone("com", render.zone_rrsets(signed, "com", keys), keys["com"])
    apex = dns.name.from_text("com")
    dnskeys: dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset] = {
        apex: _rrset("com", wire.DNSKEY, [keys["com"].dnskey])
    }
    covered = {(r.owner, r.rtype): r for r in rrsets if r.rtype != wire.RRSIG}
    signatures = [r for r in rrsets if r.rtype == wire.RRSIG]
    assert signatures
    for signature in signatures:
        (rtype,) = struct.unpack("!H", signature.rdatas[0][:2])
        target = covered[signature.owner, rtype]
        dns.dnssec.validate(
            _rrset(target.owner, rtype, target.rdatas),
            _rrset(signature.owner, wire.RRSIG, signature.rdatas),
            dnskeys,
        )


def test_nsec_chain_is_closed(signed: latency_world.World) -> None:
    """Following the chain from the apex comes back to it, over every name of the zone."""
    keys = render.world_keys(signed)
    chain = world_signing.nsec_chain("com", render.zone_rrsets(signed, "com", keys))
    following = {name_wire(r.owner): r.rdatas[0] for r in chain}
    name, seen = name_wire("com"), 0
    while True:
        name = next(n for n in following if following[name].startswith(n))
        seen += 1
        if name == name_wire("com"):
            break
    assert seen == len(chain)


def _rrset(owner: str, rtype: int, rdatas: list[bytes]) -> dns.rrset.RRset:
    rrset = dns.rrset.RRset(
        dns.name.from_text(owner), dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype)
    )
    for data in rdatas:
        rrset.add(
            dns.rdata.from_wire(dns.rdataclass.IN, rrset.rdtype, data, 0, len(data)),
            latency_world.TTL_S,
        )
    return rrset
