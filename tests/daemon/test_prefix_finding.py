"""The prefix of the network's translator is found as RFC 7050 has it; what rests on it follows."""

from __future__ import annotations

import ipaddress
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.config.schema import Config, Forward
from resolver.config.schema_dns64 import Dns64
from resolver.daemon import prefix_finding
from resolver.lab.authority import Authority
from resolver.lab.zones import Zone
from resolver.limits import (
    NAT64_LEAST_SECONDS,
    NAT64_LOOK_SECONDS,
    NAT64_MOST_SECONDS,
    NAT64_MOVED_SECONDS,
    NAT64_PREFIXES,
)
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.nat64 import LENGTHS, WELL_KNOWN_IPV4, prefix
from resolver.runtime import network_resolvers
from tests.asking import octets, read
from tests.making import question
from tests.recurse.household import House, house, village
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from resolver.lab.world import World
    from resolver.protocol.nat64 import Prefix

OWN, OTHER = prefix("2001:db8:64::/96"), prefix("2001:db8:65::/48")
NETWORKS_OWN = "192.0.2.153"
AUTO = Config(dns64=Dns64(prefix="auto"))


def translating_server(world: World, *, ttl: int = 300) -> Zone:
    """The network's own name server, which makes AAAA records of ipv4only.arpa."""
    zone = Zone(names.from_text("ipv4only.arpa."))
    world.servers[NETWORKS_OWN] = Authority([zone])
    tell(zone, OWN, ttl=ttl)
    return zone


def tell(zone: Zone, *prefixes: object, ttl: int = 300) -> None:
    zone.data[zone.apex].pop(RRType.AAAA, None)
    for one in prefixes:
        for ipv4 in WELL_KNOWN_IPV4:
            zone.add("@", RRType.AAAA, one.embed(ipv4), ttl=ttl)  # type: ignore[attr-defined]


@asynccontextmanager
async def finding(
    world: World, base: Config = AUTO, offered: tuple[str, ...] = (NETWORKS_OWN,)
) -> AsyncIterator[House]:
    """A house whose network offers these name servers."""
    patch = pytest.MonkeyPatch()
    patch.setattr(network_resolvers, "offered", lambda: offered)
    patch.setattr(trio.to_thread, "run_sync", _at_once)
    try:
        async with house(world, base) as home:
            await trio.sleep(1)
            yield home
    finally:
        patch.undo()


async def _at_once(function: Callable[[], object]) -> object:
    """Virtual time does not wait for threads."""
    return function()


async def made(home: House) -> list[str]:
    reply = await read(home, octets(question("www.example.net. AAAA")))
    return [str(ipaddress.ip_address(one.rdata)) for one in reply.answer]


@pytest.mark.rfc("RFC 7050 §3")
@pytest.mark.reaches("NAT64_LEAST_SECONDS")
@trio_test
async def test_the_networks_own_name_server_shows_it() -> None:
    """And shows that it has changed, when its records have run out."""
    world = village()
    zone = translating_server(world, ttl=1)
    async with finding(world) as home:
        assert await made(home) == [str(ipaddress.ip_address(OWN.embed(bytes((192, 0, 2, 80)))))]
        tell(zone, OTHER, ttl=1)
        await trio.sleep(NAT64_LEAST_SECONDS - 5)
        assert home.parts.base.translating.found.now == (OWN,)
        await trio.sleep(6)
        assert home.parts.base.translating.found.now == (OTHER,)
        assert await made(home) == [str(ipaddress.ip_address(OTHER.embed(bytes((192, 0, 2, 80)))))]
        tell(zone)
        await trio.sleep(NAT64_LEAST_SECONDS + 5)
        assert await made(home) == []


@pytest.mark.reaches("NAT64_MOST_SECONDS")
@trio_test
async def test_it_is_looked_for_again_at_least_once_a_day() -> None:
    world = village()
    zone = translating_server(world, ttl=10 * 86_400)
    async with finding(world) as home:
        assert home.parts.base.translating.found.now == (OWN,)
        tell(zone, OTHER)
        await trio.sleep(NAT64_MOST_SECONDS + 5)
        assert home.parts.base.translating.found.now == (OTHER,)


@pytest.mark.reaches("NAT64_PREFIXES")
@trio_test
async def test_few_prefixes_are_believed_of_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    assert NAT64_PREFIXES > 1
    set_limit(monkeypatch, prefix_finding, "NAT64_PREFIXES", 1)
    world = village()
    tell(translating_server(world), OWN, OTHER)
    async with finding(world) as home:
        assert len(home.parts.base.translating.found.now) == 1


@trio_test
async def test_the_forwarders_are_asked_where_all_goes_to_them() -> None:
    world = village()
    translating_server(world)
    forward = Forward(zone=".", addresses=(NETWORKS_OWN,))
    base = Config(dns64=Dns64(prefix="auto"), forward=(forward,))
    async with finding(world, base, offered=()) as home:
        assert home.parts.base.translating.found.now == (OWN,)


@pytest.mark.reaches("NAT64_LOOK_SECONDS")
@trio_test
async def test_where_nobody_says_anything_it_is_looked_for_soon() -> None:
    """What was found before stays meanwhile."""
    world = village()
    async with finding(world, offered=("192.0.2.99", NETWORKS_OWN)) as home:
        await trio.sleep(30)
        assert not home.parts.base.translating.found.now
        authority = Authority([Zone(names.from_text("ipv4only.arpa."))])
        tell(next(iter(authority.zones.values())), OWN)
        home.network.attach(NETWORKS_OWN, authority)
        await trio.sleep(NAT64_LOOK_SECONDS + 30)
        assert home.parts.base.translating.found.now == (OWN,)


@trio_test
async def test_a_link_that_changes_has_it_looked_for_at_once() -> None:
    world = village()
    zone = translating_server(world, ttl=86_400)
    async with finding(world) as home:
        tell(zone, OTHER)
        home.network.tell_change()
        await trio.sleep(10)
        assert home.parts.base.translating.found.now == (OTHER,)


def advertised(of: Prefix, seconds: int) -> bytes:
    """A PREF64 option (RFC 8781 §4); *seconds*: a multiple of eight."""
    head = bytes((38, 2)) + (seconds | LENGTHS.index(of.length)).to_bytes(2, "big")
    return head + of.octets.ljust(12, b"\0")


@pytest.mark.rfc("RFC 8781")
@trio_test
async def test_what_a_router_advertises_counts_first_and_as_long_as_it_says() -> None:
    world = village()
    translating_server(world, ttl=86_400)
    async with finding(world) as home:
        found = home.parts.base.translating.found
        assert found.now == (OWN,)
        home.network.advertise(b"nonsense", advertised(OTHER, 1800))
        await trio.sleep(1)
        assert found.now == (OTHER,)
        assert await made(home) == [str(ipaddress.ip_address(OTHER.embed(bytes((192, 0, 2, 80)))))]
        await trio.sleep(1000)
        home.network.advertise(advertised(OTHER, 1800))
        await trio.sleep(1000)
        assert found.now == (OTHER,)
        await trio.sleep(801)
        assert found.now == (OWN,)
        home.network.advertise(advertised(OTHER, 1800))
        await trio.sleep(1)
        home.network.advertise(advertised(OTHER, 0))
        await trio.sleep(1)
        assert found.now == (OWN,)


@pytest.mark.rfc("RFC 8781")
@pytest.mark.reaches("NAT64_MOVED_SECONDS")
@trio_test
async def test_a_router_of_another_network_is_not_believed_any_more() -> None:
    """A link has changed since; what was said just before that may be of the new one."""
    world = village()
    translating_server(world, ttl=86_400)
    async with finding(world) as home:
        found = home.parts.base.translating.found
        home.network.advertise(advertised(OTHER, 1800))
        await trio.sleep(5)
        home.network.tell_change()
        await trio.sleep(5)
        assert found.now == (OTHER,)
        await trio.sleep(NAT64_MOVED_SECONDS)
        home.network.tell_change()
        await trio.sleep(5)
        assert found.now == (OWN,)


@trio_test
async def test_nobody_is_asked_where_it_is_given() -> None:
    base = Config(dns64=Dns64(prefix=str(OWN)))
    async with finding(village(), base) as home:
        assert home.parts.base.translating.found.now == ()
        assert home.sent == 0
        assert len(await made(home)) == 1
