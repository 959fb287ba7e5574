"""The world in namespaces: one for the resolver, one that routes, one per authority.

    client ──veth── router ──veth── rootknot, rootnsd, … leafbind

The client's link carries nothing but what programs send, so that its counter is the number of
packets a resolver needed. The router has one route for every server address.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.realworld import software, tree
from bench.realworld.sign import ds_text
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLIENT_LINK, ROUTER_LINK = "upstream", "client"
CLIENT_NET, CLIENT_NET6 = "100.64.53.", "fd53::"
# The letters that NSD, BIND and PowerDNS answer for; Knot has the others.
ROOT_LETTERS = {software.NSD: "dhkl", software.BIND: "bcf", software.POWERDNS: "gim"}


class RealWorld:
    """A running world; `client` is the namespace for resolvers and their clients.

    `router` is where a test may drop what passes.
    """

    def __init__(self, world: tree.World, directory: Path) -> None:
        self.world = world
        self.directory = directory
        self.client = netns.namespace("client")
        self.router = netns.namespace("router")
        self.resolver: netns.Program | None = None
        self.sites = plan(world)
        self.anchor = f". IN DS {ds_text('.')}"

    def check_resolver(self) -> None:
        """Raise when the resolver under test has ended: nobody would answer for hours."""
        if self.resolver is not None and not self.resolver.alive:
            raise RuntimeError(f"the resolver has ended:\n{self.resolver.output()[-3000:]}")

    def packets(self) -> tuple[int, int]:
        """Packets the client's namespace has sent and received."""
        return (
            self.client.packets_sent(CLIENT_LINK),
            self.client.packets_received(CLIENT_LINK),
        )


def _base() -> Path:
    """Where runs keep their zones and logs; what killed runs left there goes first."""
    base = Path(tempfile.gettempdir()) / "resolver-realworld"
    base.mkdir(parents=True, exist_ok=True)
    for left in base.iterdir():
        if not Path("/proc", left.name.partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    return base


@contextlib.contextmanager
def running(
    root_zone: Path, names: Sequence[str], *, patience_s: float = 120.0
) -> Iterator[RealWorld]:
    """Build the zones, start every authority, wait until all answer; take it all down after."""
    netns.sweep()
    world = tree.build(root_zone, names)
    tree.sign_all(world)
    with contextlib.ExitStack() as stack:
        prefix = f"{os.getpid()}-"
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix, dir=_base()))
        Path(directory).chmod(0o755)
        it = RealWorld(world, Path(directory))
        stack.enter_context(it.client)
        router = stack.enter_context(it.router)
        _join_client(it.client, router)
        write_zones(it)
        programs, ready = [], []
        for number, site in enumerate(it.sites):
            place = stack.enter_context(netns.namespace(site.label))
            _join_site(router, place, site, number)
            programs.append(software.start(site, place, it.directory / site.label))
            ready.append((it.client, min(site.addresses), 53))
        started = time.monotonic()
        netns.wait_for(ready, programs=programs, patience_s=patience_s)
        _wait_for_zones(it, patience_s - (time.monotonic() - started))
        yield it


def plan(world: tree.World) -> list[software.Site]:
    """Which program answers on which address, and for which zones."""
    sites = {
        (tier, name): software.Site(tier, name)
        for tier in world.zones
        for name in software.PROGRAMS
    }
    for letter in "abcdefghijklm":
        name = next((s for s, own in ROOT_LETTERS.items() if letter in own), software.KNOT)
        sites[tree.ROOT_TIER, name].addresses |= world.hosts[f"{letter}.root-servers.net."]
    for address in world.tld_addresses - world.root_addresses:
        sites[tree.TLD_TIER, _tld_software(address)].addresses.add(address)
    for operator in range(tree.OPERATORS):
        for server in range(tree.SERVERS_PER_OPERATOR):
            site = sites[tree.LEAF_TIER, _leaf_software(operator, server)]
            site.addresses |= {tree.operator_address(operator, server, f) for f in (4, 6)}
    return [site for site in sites.values() if site.addresses]


def _tld_software(address: str) -> str:
    throw = tree.chance(address, "software", 100)
    if throw < 2:
        return software.NSD if throw else software.BIND
    return software.KNOT if throw % 2 else software.POWERDNS


def _leaf_software(operator: int, server: int) -> str:
    if server == 0 and operator % 4 == 0:
        return software.NSD if operator % 8 == 0 else software.BIND
    return software.POWERDNS if server % 2 else software.KNOT


def write_zones(it: RealWorld) -> None:
    """Master files, and for each site the zones that its addresses are asked for."""
    for tier, zones in it.world.zones.items():
        folder = it.directory / tier
        folder.mkdir()
        sites = [site for site in it.sites if site.tier == tier]
        for apex, zone in zones.items():
            path = folder / f"{apex}zone"
            path.write_text(zone.text())
            addresses = _addresses_of(it.world, zone.rrsets[apex, "NS"])
            for site in sites:
                if site.software in software.WILDCARD or addresses & site.addresses:
                    site.zones[apex] = path
                    if zone.is_signed:
                        site.signed.add(apex)
                    if zone.is_hashed:
                        site.hashed[apex] = f"1 {int(zone.opts_out)} 0 -"


def _addresses_of(world: tree.World, nameservers: list[str]) -> set[str]:
    found: set[str] = set()
    for host in nameservers:
        zone = world.enclosing(host)
        for rtype in ("A", "AAAA"):
            found.update(zone.rrsets.get((host, rtype), ()))
    return found


def _join_client(client: netns.Namespace, router: netns.Namespace) -> None:
    netns.connect(client, router, names=(CLIENT_LINK, ROUTER_LINK), quiet=True)
    client.ip(
        f"addr add {CLIENT_NET}2/30 dev {CLIENT_LINK}",
        f"addr add {CLIENT_NET6}2/64 dev {CLIENT_LINK} nodad",
        f"route add default via {CLIENT_NET}1",
        f"route add default via {CLIENT_NET6}1",
    )
    router.ip(
        f"addr add {CLIENT_NET}1/30 dev {ROUTER_LINK}",
        f"addr add {CLIENT_NET6}1/64 dev {ROUTER_LINK} nodad",
    )
    router.sysctl({"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"})


def _join_site(
    router: netns.Namespace, place: netns.Namespace, site: software.Site, number: int
) -> None:
    net, net6 = f"100.65.{number}.", f"fd65:{number + 1:x}::"
    link = f"s{number}"
    netns.connect(router, place, names=(link, "net"))
    router.ip(f"addr add {net}1/30 dev {link}", f"addr add {net6}1/64 dev {link} nodad")
    place.sysctl({"net.ipv6.ip_nonlocal_bind": "1", "net.ipv4.ip_nonlocal_bind": "1"})
    place.ip(
        f"addr add {net}2/30 dev net",
        f"addr add {net6}2/64 dev net nodad",
        f"route add {CLIENT_NET}0/30 via {net}1",
        f"route add {CLIENT_NET6}/64 via {net6}1",
        # Every other address is this machine's own; in the main table, or the way back is lost.
        "route add local 0.0.0.0/0 dev lo table main",
        "route add local ::/0 dev lo table main",
    )
    router.batch(
        f"route add {address} via {net6 if ':' in address else net}2"
        for address in sorted(site.addresses)
    )


def _wait_for_zones(it: RealWorld, patience_s: float) -> None:
    """A server may listen before its zones are loaded: ask each for the SOA of its last zone."""
    from bench.realworld import ask  # noqa: PLC0415  ask needs nothing of a world but its client

    give_up = time.monotonic() + patience_s
    for site in it.sites:
        if not site.zones:
            continue
        for apex in (next(iter(site.zones)), next(reversed(site.zones))):
            while not ask.is_authority(it.client, min(site.addresses), apex):
                if time.monotonic() > give_up:
                    raise RuntimeError(f"{site.label} does not answer for {apex}")
                time.sleep(0.1)
