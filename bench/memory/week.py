"""A week of use in virtual time, in a cgroup with a hard limit: does the daemon stay in its budget?

The real resolver on a made-up Internet, 20 questions a second, of a million names in a thousand
zones, the popular ones far more often (log-uniform); A, AAAA and HTTPS; TTLs as popular names have
them. Its keeper of memory and its collector of garbage run as in a daemon. Nothing is written to
disk: threads do not live in virtual time. The process has the Internet and the client in it, too:
what it takes before the first question counts as the program's share.
"""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import trio

from bench.common.cgroups import limited
from bench.week.household import TTLS
from resolver.config.load import loads
from resolver.config.schema import Server
from resolver.config.shares import budget_octets, shares_of
from resolver.daemon.run import running
from resolver.lab import virtual_time
from resolver.lab.faults import Path
from resolver.lab.world import ROOT_SERVERS, World
from resolver.protocol import names
from resolver.protocol.codes import Flag, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.wire import build_query

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from resolver.daemon.run import Daemon
    from resolver.lab.virtual_network import VirtualNetwork

RATE_PER_S = 20
NAMES, ZONES, TLDS = 1_000_000, 1000, 5
DAY_S = 86_400
LOOKS = 14
PATIENCE_S = 12.0
OVER = 1.25
RESOLVER, CLIENT = ("192.0.2.53", 53), "192.0.2.7"
TYPES = (RRType.A, RRType.A, RRType.AAAA, RRType.HTTPS)
MEBI = 1 << 20


def week(*, days: float, limit: int) -> int:
    """Print how memory went; 1 if the process was killed, or grew over its budget."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with limited(limit) as group:
        with group.joined():
            process = context.Process(target=_live, args=(days, limit, theirs), daemon=True)
            process.start()
            theirs.close()
        most = 0.0
        try:
            while True:
                most = max(most, ours.recv())
        except EOFError:
            process.join()
        kills = group.kills()
    print(f"killed: {kills}; status {process.exitcode}; at most {most:.0%} of the budget")
    return int(kills > 0 or process.exitcode != 0 or most > OVER)


def _live(days: float, limit: int, pipe: Connection) -> None:
    with tempfile.TemporaryDirectory(prefix="week-") as directory:
        virtual_time.run(partial(_Use(days, limit, pipe).live, directory), seed=1)


def _world() -> World:
    rng, world = random.Random("week"), World()
    root = world.zone(".", ttl=172_800)
    for nameserver, hosts in ROOT_SERVERS.items():
        world.serve(root, nameserver, *hosts, path=Path(delay_s=0.01))
    tlds = [world.zone(f"tld{number}.", ttl=172_800) for number in range(TLDS)]
    for number, tld in enumerate(tlds):
        world.serve(tld, f"ns.tld{number}.", f"198.51.100.{number + 1}", path=Path(delay_s=0.01))
    for number in range(ZONES):
        zone = world.zone(f"site{number}.tld{number % TLDS}.", ttl=3600)
        ttl = rng.choices([one for one, _ in TTLS], [weight for _, weight in TTLS])[0]
        zone.add("*", RRType.A, bytes([10, number >> 8, number & 255, 1]), ttl=ttl)
        if number % 2:
            zone.add("*", RRType.AAAA, b"\xfd" + bytes(13) + number.to_bytes(2, "big"), ttl=ttl)
        host = f"203.0.{number >> 8}.{number & 255}"
        world.serve(zone, f"ns.site{number}.tld{number % TLDS}.", host, path=Path(delay_s=0.015))
        world.delegate(zone)
    for tld in tlds:
        world.delegate(tld)
    return world


class _Use:
    """The client, and who looks at memory."""

    def __init__(self, days: float, limit: int, pipe: Connection) -> None:
        self._seconds = days * DAY_S
        self._limit = limit
        self._pipe = pipe
        self._rng = random.Random("use")
        self._network: VirtualNetwork
        self._asked = 0
        self._failed = 0

    async def live(self, directory: str) -> None:
        world = _world()
        self._network = world.network(seed="week")
        server = Server(listen=("192.0.2.53:53",), user="", allow_from=("192.0.2.0/24",))
        said = loads(f"memory = {budget_octets(loads(''), self._limit)}")
        config = world.configure(msgspec.structs.replace(said, server=server), directory)
        clock = virtual_time.VirtualClock()
        async with (
            running(
                config, network=self._network, listen_network=self._network, clock=clock,
                rng=virtual_time.seeded("week"), persists=False,
            ) as daemon,
            trio.open_nursery() as nursery,
        ):  # fmt: skip
            nursery.start_soon(daemon.collector.run, daemon.work)
            nursery.start_soon(daemon.memory_keeper.keep)
            await trio.sleep(1)
            before = daemon.memory_keeper.signs.resident() - shares_of(config).program
            nursery.start_soon(self._ask_on, nursery)
            for _ in range(LOOKS):
                await trio.sleep(self._seconds / LOOKS)
                self._tell(daemon, before)
            nursery.cancel_scope.cancel()
        self._network.close()

    def _tell(self, daemon: Daemon, before: int) -> None:
        memory, budget = daemon.memory_keeper, shares_of(daemon.config).budget
        taken = memory.signs.resident() - before
        known, day = daemon.parts.memory, trio.current_time() / DAY_S
        print(
            f"day {day:4.1f}: {taken / 1e6:6.1f} MB of {budget / 1e6:.0f} ({taken / budget:.0%}), "
            f"{len(known.rrsets)} sets of records, {len(daemon.parts.packets)} ready replies; "
            f"{self._asked} asked, {self._failed} without an answer; caches "
            f"{memory.part:.0%}, {time.process_time():.0f} s of CPU",
            flush=True,
        )
        self._pipe.send(taken / budget)

    async def _ask_on(self, nursery: trio.Nursery) -> None:
        while True:
            nursery.start_soon(self._ask)
            await trio.sleep(1 / RATE_PER_S)

    async def _ask(self) -> None:
        rng = self._rng
        number = int(NAMES ** rng.random()) - 1
        zone = number % ZONES
        qname = names.from_text(f"h{number // ZONES}.site{zone}.tld{zone % TLDS}.")
        query = build_query(
            id=rng.randrange(65_536), qname=qname, qtype=rng.choice(TYPES), flags=Flag.RD,
            edns=Edns(1232, 0, do=False),
        )  # fmt: skip
        client = self._network.client(CLIENT)
        reply = await client.ask_udp(RESOLVER, query, timeout_s=PATIENCE_S)
        client.close()
        self._asked += 1
        self._failed += reply is None or reply[3] & 15 not in (0, 3)
