"""Packets saved by aggressive NSEC: `python -m bench.signed.aggressive` (RFC 8198, RFC 8020).

Random names that do not exist, asked of the unmodified root zone, and below signed TLDs, in virtual
time; counted where the queries arrive. A gap of the chain has to be asked for once; what NSEC3 with
opt-out denies may not be used (RFC 8198 §5.2), so there every name costs its query.
"""

from __future__ import annotations

import argparse
import random
import string
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import trio

from resolver.budget import Share
from resolver.config.schema import Config
from resolver.daemon import run
from resolver.lab import virtual_time
from resolver.lab.authority import Authority
from resolver.lab.signing import Nsec3
from resolver.lab.world import ROOT_SERVERS, World
from resolver.model import Question, Status
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from tests import real_data
from tests.simulation import signed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resolver.lab.virtual_parts import Packet
    from resolver.protocol.names import Name
    from resolver.recurse.resolver import Resolver

INSIDE = 1_786_000_000.0  # 2026-08-06, inside the windows of the root zone's signatures
TLD_CHAINS: dict[str, Nsec3 | None] = {
    "se.": None,
    "br.": None,
    "ch.": Nsec3(),
    "cz.": Nsec3(iterations=10, salt=b"\x5a"),
    "com.": Nsec3(opt_out=True),
}


class Row(NamedTuple):
    """What *asked* names cost at the servers of *zone*, with ranges and without."""

    zone: str
    chain: str
    gaps: int
    hit: int
    asked: int
    packets: int
    without: int

    def __str__(self) -> str:
        saved = 100 * (1 - self.packets / self.without)
        return (
            f"{self.zone:8} {self.chain:16} {self.gaps:7} {self.hit:9} {self.asked:7}"
            f" {self.packets:9} {self.without:9} {saved:7.1f} %"
        )


HEADER = (
    f"{'zone':8} {'chain':16} {'gaps':>7} {'gaps hit':>9} {'asked':>7}"
    f" {'packets':>9} {'without':>9} {'saved':>9}"
)


def random_names(apex: str, count: int, *, seed: int = 8198) -> list[Name]:
    """Different names right below *apex*, of the lengths that people mistype."""
    chance = random.Random(f"{seed}{apex}")
    found: dict[Name, None] = {}
    while len(found) < count:
        label = "".join(chance.choices(string.ascii_lowercase, k=chance.randint(5, 12)))
        found[names.from_text(f"{label}.{'' if apex == '.' else apex}")] = None
    return list(found)


# --- the two worlds -------------------------------------------------------------------------


def authentic() -> tuple[World, signed.Presigned]:
    """The root zone as IANA published it, on three of its servers."""
    root_data = real_data.FOLDER / "root"
    zone, signer = signed.load(root_data / "root.zone")
    world = World({zone.apex: zone})
    world.anchors += (root_data / "root.ds").read_text().splitlines()
    for hosts in ROOT_SERVERS.values():
        for host in hosts:
            world.servers[host] = Authority([zone])
    return world, signer


def resigned(popular: Sequence[str]) -> World:
    """A root and TLDs signed here, with unsigned delegations for the *popular* names in them."""
    world = World()
    root = world.zone(".")
    for nameserver, hosts in ROOT_SERVERS.items():
        world.serve(root, nameserver, *hosts)
    for number, apex in enumerate(TLD_CHAINS):
        tld = world.zone(apex)
        world.serve(tld, "a.nic", f"192.0.2.{number + 1}")
        world.delegate(tld)
        for name in popular:
            # every TLD gets as many names as popular ones have in all: registries are large
            label = name.split(".", maxsplit=1)[0]
            tld.data.setdefault(tld.name(label), {})
            if not tld.get(tld.name(label), RRType.NS):
                tld.add(label, RRType.NS, tld.name("ns.nic"))
        world.sign(tld, wall=INSIDE, nsec3=TLD_CHAINS[apex])
    world.sign(root, wall=INSIDE)
    return world


# --- asking ---------------------------------------------------------------------------------


async def _ask_each(resolver: Resolver, asked: Sequence[Name]) -> None:
    for name in asked:
        question = Question(name, RRType.A)
        answer = resolver.recall(question)
        if answer is None:
            budget = Share.for_client(trio.current_time() + 10)
            answer = await resolver.resolve(question, budget)
        if answer.rcode != Rcode.NXDOMAIN or answer.status is Status.BOGUS:
            raise RuntimeError(f"{names.to_text(name)}: {answer.rcode} {answer.status}")


def packets(world: World, asked: Sequence[Name], hosts: set[str], *, aggressive: bool) -> int:
    """Queries that arrive at *hosts* while a fresh resolver is asked for each name in turn."""
    count = 0

    def see(packet: Packet) -> None:
        nonlocal count
        count += packet.destination[0] in hosts and packet.destination[1] == 53

    async def main() -> None:
        network = world.network(seed="aggressive")
        network.observers.append(see)
        with tempfile.TemporaryDirectory() as directory:
            config = world.configure(_config(aggressive=aggressive), directory)
            async with run.running(
                config,
                network=network,
                clock=virtual_time.VirtualClock(wall=INSIDE),
                rng=virtual_time.seeded("aggressive"),
                listens=False,
            ) as daemon:
                await _ask_each(daemon.resolver, asked)

    virtual_time.run(main)
    return count


def _config(*, aggressive: bool) -> Config:
    config = Config()
    replace: Callable[..., Config] = msgspec.structs.replace
    return replace(
        config,
        outgoing=msgspec.structs.replace(config.outgoing, speculation=False),
        root=msgspec.structs.replace(config.root, prime=False),
        dnssec=msgspec.structs.replace(config.dnssec, aggressive_nsec=aggressive),
    )


def root_row(count: int) -> Row:
    world, signer = authentic()
    asked = random_names(".", count)
    hosts = {host for hosts in ROOT_SERVERS.values() for host in hosts}
    hit = len({signer.gap_of(name) for name in asked})
    with_ranges, without = (packets(world, asked, hosts, aggressive=a) for a in (True, False))
    return Row(".", "NSEC", signer.gaps, hit, count, with_ranges, without)


def tld_rows(count: int, popular: Sequence[str]) -> list[Row]:
    world = resigned(popular)
    rows = []
    for number, (apex, nsec3) in enumerate(TLD_CHAINS.items()):
        hosts = {f"192.0.2.{number + 1}"}
        asked = random_names(apex, count)
        signer = world.zones[names.from_text(apex)].signer
        assert signer is not None  # noqa: S101  resigned() signs them all
        chain = "NSEC" if nsec3 is None else "NSEC3 opt-out" if nsec3.opt_out else "NSEC3"
        hit = len({signer.gap_of(name) for name in asked})
        with_ranges, without = (packets(world, asked, hosts, aggressive=a) for a in (True, False))
        rows.append(Row(apex, chain, signer.gaps, hit, count, with_ranges, without))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.signed.aggressive", description=__doc__)
    parser.add_argument("--names", type=int, default=5000, help="random names per zone (5000)")
    parser.add_argument("--popular", type=int, default=2000, help="delegations in each TLD (2000)")
    arguments = parser.parse_args()
    data = real_data.FOLDER
    if not data.is_dir():
        print(f"aggressive: no {data}: set RESOLVER_TEST_DATA", file=sys.stderr)
        return 2
    popular = (data / "domains" / "opendns-top-domains.txt").read_text().split()
    print(HEADER)
    print(root_row(arguments.names), flush=True)
    for row in tld_rows(arguments.names, popular[: arguments.popular]):
        print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
