"""A week of use in virtual time, in a cgroup with a hard limit: does the daemon stay in its budget?

The real resolver on a made-up Internet, 20 questions a second, all twelve million of a week, on the
path that they take in a daemon: nothing is left out and no TTL is changed. What is made short is
what is not the resolver's: no task and no virtual packet for a question of the client, servers that
answer when they are asked, and questions that come in bunches, 200 every ten seconds, since each
moment of virtual time has its price, asked or not.

Of the questions eleven in twelve repeat one of the last minute's, the newer more often; the others
are of a million names in a thousand zones, the popular ones far more often (log-uniform); A, AAAA
and HTTPS. So three of four are hits, fewer than in a home. The keeper of memory and the collector
of garbage run as in a daemon. Nothing is written to disk: threads do not live in virtual time. The
process has the Internet and the client in it, too: what it takes before the first question counts
as the program's share.
"""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import trio

from bench.common.cgroups import limited
from bench.memory.internet import ZONES, Internet, apex, made_world
from resolver.config.load import loads
from resolver.config.schema import Server
from resolver.config.shares import budget_octets, shares_of
from resolver.daemon.run import running
from resolver.lab import virtual_time
from resolver.protocol import names
from resolver.protocol.codes import Flag, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.wire import build_query

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from resolver.daemon.run import Daemon

RATE_PER_S = 20
BUNCH_S = 10
NAMES = 1_000_000
REPEATED, RECENT = 0.92, 1000
DAY_S = 86_400
LOOKS = 28
OVER = 1.25
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


class _Use:
    """The client, and who looks at memory."""

    def __init__(self, days: float, limit: int, pipe: Connection) -> None:
        self._seconds = days * DAY_S
        self._limit = limit
        self._pipe = pipe
        self._rng = random.Random("use")
        self._network: Internet
        self._asked = self._answered = self._failed = 0
        self._last: deque[bytes] = deque(maxlen=RECENT)

    async def live(self, directory: str) -> None:
        world = made_world()
        self._network = Internet(world)
        self._network.hear = self._hear
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
            nursery.start_soon(self._ask_on)
            for _ in range(LOOKS):
                await trio.sleep(self._seconds / LOOKS)
                self._tell(daemon, before)
            nursery.cancel_scope.cancel()
        self._network.close()

    def _tell(self, daemon: Daemon, before: int) -> None:
        memory, budget = daemon.memory_keeper, shares_of(daemon.config).budget
        taken = memory.signs.resident() - before
        known, day = daemon.parts.memory, trio.current_time() / DAY_S
        hits = sum(service.queries - service.misses for service in daemon.listeners.udp)
        print(
            f"day {day:4.1f}: {taken / 1e6:6.1f} MB of {budget / 1e6:.0f} ({taken / budget:.0%}), "
            f"{len(known.rrsets)} sets of records, {len(daemon.parts.packets)} ready replies; "
            f"{self._asked} asked, {hits / self._asked:.0%} hits, "
            f"{self._asked - self._answered} not answered, {self._failed} in vain; caches "
            f"{memory.part:.0%}, {time.process_time():.0f} s of CPU",
            flush=True,
        )
        self._pipe.send(taken / budget)

    async def _ask_on(self) -> None:
        while True:
            bunch = [self._next() for _ in range(BUNCH_S * RATE_PER_S)]
            for query in bunch:
                self._network.ask(self._rng.getrandbits(16).to_bytes(2, "big") + query)
            self._asked += len(bunch)
            self._last.extend(bunch)
            await trio.sleep(BUNCH_S)

    def _next(self) -> bytes:
        """A query, without its id: one of the last ones, the newer more often, or a new one."""
        rng, last = self._rng, self._last
        if last and rng.random() < REPEATED:
            return last[-1 - int(len(last) * rng.random() ** 2)]
        return self._new()

    def _new(self) -> bytes:
        rng = self._rng
        number = int(NAMES ** rng.random()) - 1
        qname = names.from_text(f"h{number // ZONES}.{apex(number % ZONES)}")
        return build_query(
            id=0, qname=qname, qtype=rng.choice(TYPES), flags=Flag.RD, edns=Edns(1232, 0, do=False)
        )[2:]

    def _hear(self, reply: bytes) -> None:
        self._answered += 1
        self._failed += reply[3] & 15 not in (0, 3)
