"""Servers that have IPv4 addresses only, reached through the network's translator."""

from __future__ import annotations

import errno
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

import pytest

from resolver.config.schema import Config, Outgoing
from resolver.delegation import Server
from resolver.lab.faults import Path
from resolver.model import Source
from resolver.protocol.nat64 import prefix
from resolver.upstream.translating import FoundPrefixes, Translating
from tests.making import question
from tests.recurse.household import house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.virtual_parts import Packet
    from resolver.upstream.network import UdpPort

WELL_KNOWN = prefix("64:ff9b::/96")


class Recorder:
    """A network that says where it was sent; *has_ipv4*: it has a route there."""

    def __init__(self, *, has_ipv4: bool = True, error: int = errno.ENETUNREACH) -> None:
        self.has_ipv4 = has_ipv4
        self.error = error
        self.opened: list[str] = []

    def open_udp(self, server: Server) -> UdpPort:
        if not self.has_ipv4 and not server.is_ipv6:
            raise OSError(self.error, "no route")
        self.opened.append(server.host)
        return None  # type: ignore[return-value]

    async def connect_tcp(self, server: Server) -> None:
        self.open_udp(server)


def through(network: Recorder, *, is_native_first: bool = False) -> Translating:
    made = Translating(network)  # type: ignore[arg-type]
    made.go_through(lambda: (WELL_KNOWN,), is_native_first=is_native_first)
    return made


PUBLIC, PRIVATE, IPV6 = Server("192.0.2.1"), Server("10.0.0.53"), Server("2001:db8::1")


@trio_test
async def test_public_ipv4_goes_through_and_nothing_else() -> None:
    network = Recorder()
    made = through(network)
    for server in (PUBLIC, PRIVATE, IPV6):
        made.open_udp(server)
        await made.connect_tcp(server)
    assert network.opened == [
        each for host in ("64:ff9b::c000:201", "10.0.0.53", "2001:db8::1") for each in (host, host)
    ]


@trio_test
async def test_where_the_prefix_was_found_ipv4_itself_is_tried_first() -> None:
    network = Recorder()
    through(network, is_native_first=True).open_udp(PUBLIC)
    assert network.opened == ["192.0.2.1"]
    lonely = Recorder(has_ipv4=False)
    made = through(lonely, is_native_first=True)
    made.open_udp(PUBLIC)
    await made.connect_tcp(PUBLIC)
    assert lonely.opened == ["64:ff9b::c000:201"] * 2
    full = through(Recorder(has_ipv4=False, error=errno.EMFILE), is_native_first=True)
    with pytest.raises(OSError, match="no route"):
        full.open_udp(PUBLIC)


def test_off_it_is_the_network_itself() -> None:
    network = Recorder()
    made = Translating(network)  # type: ignore[arg-type]
    assert made.open_udp == network.open_udp
    made.go_through(tuple, is_native_first=False)
    made.open_udp(PUBLIC)
    made.go_straight()
    assert made.open_udp == network.open_udp
    assert network.opened == ["192.0.2.1"]
    assert FoundPrefixes().now == ()


@pytest.mark.parametrize("ipv4", [True, False])
@trio_test
async def test_a_name_whose_servers_have_ipv4_only_is_resolved(ipv4: bool) -> None:  # noqa: FBT001
    """All that leaves is IPv6; to the walk its servers are what they were."""
    world = village()
    for host in list(world.servers):
        if ":" not in host:
            far = WELL_KNOWN.embed(bytes(map(int, host.split("."))))
            world.servers[_text(far)] = world.servers[host]
            world.faults.set(host, Path(dead=True))
    seen: list[str] = []
    outgoing = Outgoing(nat64="64:ff9b::/96", ipv4=ipv4)
    async with house(world, Config(outgoing=outgoing)) as home:

        def see(packet: Packet) -> None:
            seen.append(packet.destination[0])

        home.network.observers.append(see)
        answer = await home.pipeline.answer(question("www.example.net. A"))
        assert answer.answer[0].rdatas == (bytes((192, 0, 2, 80)),)
        assert Source.NETWORK in answer.sources
        assert all(":" in host for host in seen)


def _text(octets: bytes) -> str:
    return str(IPv6Address(octets))
