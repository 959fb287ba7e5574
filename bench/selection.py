"""The selector against the bars of a standard world, in virtual time: seconds instead of minutes.

The whole resolver runs over the lab's virtual network with the latency lab's world, paths, arrivals
and patience; only the processor's time is missing. `python -m bench.selection --help`.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import trio

from bench.common.signing import name_wire
from bench.latency.latency_world import deep_world, standard_world
from bench.latency.oracle import best_path, optima
from bench.latency.render import zone_rrsets
from bench.latency.scenarios import LEAF_KINDS, SCENARIOS, Paths, State
from bench.latency.wire import address_rdata
from resolver import limits
from resolver.budget import QueryBudget, Share
from resolver.config.schema import Config, Dnssec, Outgoing, Resolution, Root
from resolver.daemon.run import running
from resolver.errors import ResolverError
from resolver.lab.virtual_network import VirtualNetwork
from resolver.lab.virtual_time import VirtualClock, run
from resolver.model import Question
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.wire import Record, build, parse_untrusted

if TYPE_CHECKING:
    from bench.latency.latency_world import Lookup, World
    from bench.latency.scenarios import Path, Scenario
    from resolver.daemon.run import Daemon
    from resolver.protocol.wire import Message

COLD, WARM = 500, 2000
RATE_PER_S = 30.0
PATIENCE_S = 12.0
START_S = 4.0
NEAR_BEST = 1.15


class WanPath:
    """The latency lab's path under the virtual network: exponential jitter, loss each way."""

    def __init__(self, path: Path, rng: random.Random) -> None:
        self._path = path
        self._rng = rng
        self._loss = 1 - math.sqrt(1 - path.loss)
        self.dead = path.state is State.DEAD
        self.unreachable = path.state is State.UNREACHABLE
        self.tcp = True

    def draw_delay(self, _: random.Random) -> float:
        each_way_ms = self._path.rtt_ms / 2 + self._rng.expovariate(1 / self._path.jitter_ms)
        return each_way_ms / 1000

    def swallows(self, size: int, _: random.Random) -> bool:
        del size
        return self.dead or (self._loss > 0 and self._rng.random() < self._loss)


class SetServer:
    """What the servers of one set answer: referrals with glue, addresses, the SOA otherwise."""

    def __init__(self, world: World, number: int, *, truncate: bool) -> None:
        self.truncate = truncate
        self._zones: dict[bytes, dict[tuple[bytes, int], list[Record]]] = {}
        for name, zone in world.zones.items():
            if zone.servers == number:
                content: dict[tuple[bytes, int], list[Record]] = {}
                for rrset in zone_rrsets(world, name, {}):
                    owner = name_wire(rrset.owner)
                    records = content.setdefault((owner, rrset.rtype), [])
                    records += [
                        Record(owner, rrset.rtype, 1, rrset.ttl_s, rdata) for rdata in rrset.rdatas
                    ]
                self._zones[name_wire(name)] = content

    def answer(self, data: bytes, transport: str, source: str) -> bytes:
        del source
        query = parse_untrusted(data)
        if self.truncate and transport == "udp":
            return self._reply(query, Flag.AA | Flag.TC)
        qname, qtype = query.qname, query.qtype
        above = _names_above(qname)
        apex = next((name for name in above if name in self._zones), None)
        if apex is None:
            return self._reply(query, Rcode.REFUSED)
        content = self._zones[apex]
        for name in above[: above.index(apex)]:
            nameservers = content.get((name, RRType.NS))
            if nameservers is not None:
                return self._referral(query, content, nameservers)
        answer = content.get((qname, qtype))
        if answer is not None:
            return self._reply(query, Flag.AA, answer=answer)
        is_there = any(owner == qname or owner.endswith(qname) for owner, _ in content)
        rcode = Rcode.NOERROR if is_there else Rcode.NXDOMAIN
        return self._reply(query, Flag.AA | rcode, authority=content[apex, RRType.SOA])

    def _referral(
        self,
        query: Message,
        content: dict[tuple[bytes, int], list[Record]],
        nameservers: list[Record],
    ) -> bytes:
        glue = [
            record
            for nameserver in nameservers
            for rtype in (RRType.A, RRType.AAAA)
            for record in content.get((nameserver.rdata, rtype), ())
        ]
        return self._reply(query, 0, authority=nameservers, additional=glue)

    def _reply(
        self,
        query: Message,
        flags: int,
        *,
        answer: list[Record] | None = None,
        authority: list[Record] | None = None,
        additional: list[Record] | None = None,
    ) -> bytes:
        return build(
            id=query.id,
            flags=Flag.QR | flags,
            question=(query.qname_raw, query.qtype, query.qclass),
            answer=answer or [],
            authority=authority or [],
            additional=additional or [],
            edns=Edns() if query.edns is not None else None,
            max_size=65_535,
        )


def _names_above(name: bytes) -> list[bytes]:
    found = [name]
    while name[0]:
        name = name[name[0] + 1 :]
        found.append(name)
    return found


@dataclass
class Phase:
    """What one phase showed, and the optimum's mean."""

    took_ms: list[float]
    failures: int
    packets: int
    near: float
    optimum_ms: float = 0.0

    def row(self) -> str:
        ordered = sorted(self.took_ms)
        p50, p95, p99 = (
            ordered[max(0, math.ceil(q * len(ordered)) - 1)] for q in (0.50, 0.95, 0.99)
        )
        mean = statistics.fmean(ordered)
        share = self.packets / len(ordered)
        failed = 100 * self.failures / len(ordered)
        return (
            f"{mean:7.1f} {p50:6.1f} {p95:6.1f} {p99:6.1f} {failed:5.1f} {share:5.2f} "
            f"{100 * self.near:5.1f} {self.optimum_ms:7.1f}"
        )


class Bench:
    """One scenario, one seed."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.world = deep_world(seed) if scenario.world == "deep3" else standard_world(seed)
        self.rng = random.Random(f"{seed} {scenario.name}")
        durations = {"cold": COLD / RATE_PER_S, "warm": WARM / RATE_PER_S}
        self.faults = scenario.apply(self.world, self.rng, durations)
        self.network = VirtualNetwork(rng=random.Random(f"{seed} network"))
        self.sent: dict[str, int] = {}
        self.network.observers.append(self._count)
        for number, servers in enumerate(self.world.sets):
            server = SetServer(self.world, number, truncate=scenario.truncate)
            for address, _ in servers.addresses():
                self.network.attach(address, server)
        self.paths: Paths = {}
        self._set(self.faults.start)

    def _count(self, packet: object) -> None:
        host, port = packet.destination  # type: ignore[attr-defined]
        if port == 53:
            self.sent[host] = self.sent.get(host, 0) + 1

    def _set(self, paths: Paths) -> None:
        self.paths |= paths
        for address, path in paths.items():
            self.network.faults.set(address, WanPath(path, self.rng))  # type: ignore[arg-type]

    async def _change(self, phase: str) -> None:
        begun = trio.current_time()
        for change in self.faults.changes:
            if change.phase == phase:
                await trio.sleep_until(begun + change.at_s)
                self._set(change.paths)

    def config(self, directory: str) -> Config:
        hints = FilePath(directory, "hints")
        lines = []
        for nameserver in self.world.set_of("").nameservers:
            lines.append(f". 3600000 NS {nameserver.name}.")
            lines.append(f"{nameserver.name}. 3600000 A {nameserver.v4}")
            lines.append(f"{nameserver.name}. 3600000 AAAA {nameserver.v6}")
        hints.write_text("\n".join(lines) + "\n")
        return Config(
            root=Root(hints_file=str(hints)),
            dnssec=Dnssec(validate=False),
            resolution=Resolution(local_zones=False),
            outgoing=Outgoing(),
        )

    async def phases(self, config: Config) -> list[Phase]:
        rng = random.Random(f"{self.seed} resolver")
        found = []
        async with running(
            config, network=self.network, clock=VirtualClock(), rng=rng, listens=False
        ) as daemon:
            self.daemon = daemon
            await trio.sleep(START_S)
            for name, count, first in (("cold", COLD, 0), ("warm", WARM, 1)):
                lookups = self.world.lookups(
                    random.Random(f"{self.seed} {name}"), count, first_round=first
                )
                found.append(await self._phase(daemon, name, lookups))
        return found

    async def _phase(self, daemon: Daemon, name: str, lookups: list[Lookup]) -> Phase:
        phase = Phase([], 0, 0, 0.0)
        if name == "warm":
            self.sent.clear()
        async with trio.open_nursery() as nursery:
            changes = trio.CancelScope()
            async with trio.open_nursery() as questions:
                nursery.start_soon(self._with_changes, name, changes)
                for lookup in lookups:
                    await trio.sleep(self.rng.expovariate(RATE_PER_S))
                    questions.start_soon(self._ask, daemon, lookup, phase)
            changes.cancel()
        await trio.sleep(0.5)
        phase.packets = sum(self.sent.values())
        phase.near = self._near_best()
        asked = [(lookup, index / RATE_PER_S) for index, lookup in enumerate(lookups)]
        best = optima(self.world, asked, self.faults.start, self.faults.changes, name)
        phase.optimum_ms = statistics.fmean(best)
        self.sent.clear()
        return phase

    async def _with_changes(self, name: str, scope: trio.CancelScope) -> None:
        with scope:
            await self._change(name)

    async def _ask(self, daemon: Daemon, lookup: Lookup, phase: Phase) -> None:
        begun = trio.current_time()
        whole = QueryBudget(
            queries=limits.UPSTREAM_QUERIES,
            ns_lookups=limits.NS_LOOKUPS,
            signature_checks=0,
            hashes=0,
            deadline=begun + limits.QUERY_SECONDS,
        )
        question = Question(name_wire(lookup.qname), RRType.A)
        is_right = False
        with trio.move_on_after(PATIENCE_S):
            try:
                answer = await daemon.parts.resolver.resolve(question, Share(whole))
                is_right = answer.answer[-1].rdatas == (address_rdata(lookup.expected),)
            except ResolverError as error:
                if ARGUMENTS.verbose:
                    print(f"  {lookup.qname}: {error}")
        took_ms = (trio.current_time() - begun) * 1000
        if ARGUMENTS.verbose and took_ms > ARGUMENTS.slow:
            print(f"  {begun:9.3f} {lookup.qname}: {took_ms:.0f} ms")
        phase.took_ms.append(took_ms)
        phase.failures += not is_right

    def _near_best(self) -> float:
        near = total = 0
        for servers in self.world.sets:
            best = best_path(servers, self.paths)
            if servers.kind not in LEAF_KINDS or best is None:
                continue
            for address, _ in servers.addresses():
                path = self.paths[address]
                total += self.sent.get(address, 0)
                if path.state is State.UP and path.rtt_ms <= best.rtt_ms * NEAR_BEST:
                    near += self.sent.get(address, 0)
        return near / total if total else 0.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=["healthy", "dead1", "loss3", "v6dead"])
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 1 on")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--verbose", action="store_true", help="print slow and failed questions")
    parser.add_argument("--slow", type=float, default=500.0, help="milliseconds that are slow")
    return parser.parse_args()


def main() -> None:
    """Print one row per scenario, seed and phase."""
    print("scenario    seed phase     mean    p50    p95    p99 fail%   q/n  near% optimum")
    for name in ARGUMENTS.scenarios:
        for seed in range(ARGUMENTS.first, ARGUMENTS.first + ARGUMENTS.seeds):
            bench = Bench.__new__(Bench)

            async def story(
                bench: Bench = bench, name: str = name, seed: int = seed
            ) -> list[Phase]:
                bench.__init__(SCENARIOS[name], seed)  # type: ignore[misc]
                with tempfile.TemporaryDirectory() as directory:
                    return await bench.phases(bench.config(directory))

            cold, warm = run(story, seed=seed)
            print(f"{name:11} {seed:4} cold  {cold.row()}")
            counters = bench.daemon.parts.dispatcher.counters
            print(f"{name:11} {seed:4} warm  {warm.row()}  {counters}")


if __name__ == "__main__":
    ARGUMENTS = _arguments()
    main()
else:
    ARGUMENTS = argparse.Namespace(verbose=False, slow=500.0)
