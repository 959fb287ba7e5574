"""One function per table. Each starts who it needs, measures in turn, prints, and cleans up."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import sleep
from typing import TYPE_CHECKING

from bench.throughput import inside, load, many, rounds
from bench.throughput.contestants import Peer, ours
from bench.throughput.second_level import second_level
from bench.throughput.turns import Bench, Results, in_turn, show
from tests import real_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HIT_NAMES = 10_000
MISS_NAMES = 20_000
TOLD_RATE = 20_000
TOLD = {
    "query log": 'log.queries = "all"',
    "dnstap, two messages": 'dnstap.to = "messages"\ndnstap.messages = ["client"]',
    "query log, clients' networks": 'log.queries = "all"\nlog.clients = "prefix"',
}
ALL_BEGUN_S = 3.0


def _hit_files(bench: Bench) -> dict[str, tuple[Path, list[str]]]:
    count = HIT_NAMES
    normal = load.names_file(bench.folder, "plain", load.plain(count))
    mixed = load.names_file(bench.folder, "mixed", load.mixed_case(count))
    return {
        "plain": (normal, []),
        "DO": (normal, load.DNSSEC_OK),
        "mixed case": (mixed, []),
        "cookies": (normal, ["-e", *load.DIG_COOKIE]),
        "all of these": (mixed, [*load.DNSSEC_OK, *load.DIG_COOKIE]),
    }


def hits(bench: Bench) -> None:
    """Cache hits at saturation."""
    with bench.running(bench.peers()) as peers:
        files = _hit_files(bench)
        warm = [*files.values()]
        for peer in peers:
            for file, options in warm:
                load.run(peer, file, core=bench.load_core, passes=1, options=options)

        def measuring(file: Path, options: list[str]) -> Callable[[Peer], load.Cost]:
            return lambda peer: load.run(
                peer, file, core=bench.load_core, seconds=bench.seconds, options=options
            )

        work = {row: measuring(*how) for row, how in files.items()}
        show("Cache hits, 10,000 names, UDP, saturation",
             in_turn(bench, peers, work), reference="unbound")  # fmt: skip


def rates(bench: Bench) -> None:
    """Cache hits at the rates of homes and offices, where waking up is the cost."""
    with bench.running(bench.peers()) as peers:
        file = load.names_file(bench.folder, "plain", load.plain(1000))
        for peer in peers:
            load.run(peer, file, core=bench.load_core, passes=2)

        def measuring(rate: int) -> Callable[[Peer], load.Cost]:
            return lambda peer: load.run(
                peer, file, core=bench.load_core, seconds=bench.seconds, rate=rate
            )

        work = {f"{rate:,} a second": measuring(rate) for rate in (500, 2000, 10_000)}
        show("Cache hits at a fixed rate", in_turn(bench, peers, work),
             reference="unbound", extra="")  # fmt: skip


def misses(bench: Bench) -> None:
    """Names never asked before, one upstream exchange each."""
    with bench.running(bench.peers()) as peers:
        serial = iter(range(1_000_000))

        def measuring(letter: str) -> Callable[[Peer], load.Cost]:
            def measure(peer: Peer) -> load.Cost:
                lines = load.plain(MISS_NAMES, prefix=f"{letter}{next(serial)}-")
                file = load.names_file(bench.folder, "misses", lines)
                return load.run(peer, file, core=bench.load_core, passes=1)

            return measure

        work = {row: measuring(letter) for row, letter in load.MISSES.items()}
        for measure in work.values():  # its first thousands are not measured
            for peer in peers:
                measure(peer)
        show("Cache misses", in_turn(bench, peers, work), reference="powerdns")


def tcp(bench: Bench) -> None:
    """Hits over TCP, 8 connections, pipelined."""
    with bench.running(bench.peers()) as peers:
        file = load.names_file(bench.folder, "plain", load.plain(HIT_NAMES))
        for peer in peers:
            load.run(peer, file, core=bench.load_core, passes=1)

        def measure(peer: Peer) -> load.Cost:
            options = ["-m", "tcp"]
            return load.run(
                peer, file, core=bench.load_core, seconds=bench.seconds, options=options
            )

        show("Cache hits, TCP", in_turn(bench, peers, {"pipelined": measure}), reference="unbound")


def dot(bench: Bench) -> None:
    """Hits over one warm connection, by how many questions come in one write: TLS beside TCP."""
    kinds = {"TCP": (), "TLS": ("tls",), "TLS, padded": ("tls", "padded")}
    peers = [peer for peer in bench.peers() if peer.serves_tls()]
    _warm(bench, "Cache hits over a warm stream", peers, kinds, reference="unbound")


def doh(bench: Bench) -> None:
    """The same by HTTP/2, each question a POST."""
    peers = [peer for peer in bench.peers() if peer.serves_https()]
    kinds = {"HTTPS": ("https",), "HTTPS, padded": ("https", "padded")}
    _warm(bench, "Cache hits over warm HTTPS", peers, kinds, reference="unbound")


def doq(bench: Bench) -> None:
    """The same over QUIC, each question a stream: no packaged peer has it."""
    peers = [peer for peer in bench.peers() if peer.serves_quic()]
    kinds = {"QUIC": ("quic",), "QUIC, padded": ("quic", "padded")}
    _warm(bench, "Cache hits over warm QUIC", peers, kinds, reference="ours")


def _warm(
    bench: Bench, title: str, peers: list[Peer], kinds: dict[str, tuple[str, ...]], *,
    reference: str,
) -> None:  # fmt: skip
    with bench.running(peers) as running:

        def measuring(depth: int, *words: str) -> Callable[[Peer], load.Cost]:
            return lambda peer: rounds.run(
                peer, core=bench.load_core, seconds=bench.seconds, depth=depth, words=words
            )

        work = {
            f"{name}, {depth} at once": measuring(depth, *words)
            for depth in (100, 10, 1)
            for name, words in kinds.items()
        }
        for measure in work.values():  # all names are known
            for peer in running:
                measure(peer)
        show(title, in_turn(bench, running, work), reference=reference)


def outstanding(bench: Bench) -> None:
    """Many misses waiting for an authority that takes 100 ms."""
    with bench.running([peer for peer in bench.peers() if peer.name in {"ours", "unbound"}],
                       delay_ms=100) as peers:  # fmt: skip
        serial = iter(range(1_000_000))

        def measuring(count: int) -> Callable[[Peer], load.Cost]:
            def measure(peer: Peer) -> load.Cost:
                lines = load.plain(max(count * 3, 1000), prefix=f"o{next(serial)}-")
                file = load.names_file(bench.folder, "waiting", lines)
                return load.run(
                    peer, file, core=bench.load_core, passes=1, outstanding=count, clients=20
                )

            return measure

        work = {f"{count:,} waiting": measuring(count) for count in (10, 100, 1000, 10_000)}
        show("Misses at an authority 100 ms away",
             in_turn(replace(bench, rounds=1), peers, work), reference="unbound")  # fmt: skip
        print("\n| hits meanwhile | p50 ms | p99 ms | worst |\n|---|---:|---:|---:|")
        for peer in peers:
            with ThreadPoolExecutor(1) as pool:
                probe = pool.submit(load.hit_latencies_ms, peer, seconds=4)
                work["10,000 waiting"](peer)
                taken = probe.result()
            p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
            print(f"| {peer.name} | {p50:.2f} | {p99:.2f} | {taken[-1]:.2f} |", flush=True)


def start(bench: Bench) -> None:
    """From exec to the first answer for `localhost`."""
    print("\n## Start\n\n| run | seconds to an answer |\n|---|---:|")
    for at in range(bench.rounds):
        print(f"| {at + 1} | {inside.start_up_s(bench.folder, core=bench.server_core):.3f} |")


def workers(bench: Bench) -> None:
    """One process against two, both on the server's core, in turn: what sharing a port costs.

    The load comes from 40 client ports; the name asked for decides which worker has it. Real
    queries are asked in their order: from caches that are empty, and twice more.
    """
    plain = load.names_file(bench.folder, "plain", load.plain(HIT_NAMES))
    real = real_data.FOLDER / many.SAMPLE

    def through(file: Path) -> Callable[[Peer], load.Cost]:
        return lambda peer: load.run(
            peer, file, core=bench.load_core, passes=1, clients=40, settle_s=2
        )

    def hits(peer: Peer) -> load.Cost:
        through(plain)(peer)
        return load.run(peer, plain, core=bench.load_core, seconds=bench.seconds, clients=40)

    work: dict[str, Callable[[Peer], load.Cost]] = {"plain hits": hits}
    work |= {f"real queries, {time} time": through(real) for time in ("first", "second", "third")}
    results: Results = {row: {} for row in work}
    runs: dict[tuple[str, str], list[load.Cost]] = defaultdict(list)
    shares = []
    for at in range(bench.rounds):
        peers = [ours("1 workers"), ours("2 workers", port=5387, workers=2)]
        for peer in peers:
            peer.asks_for_everything()
        with bench.running(peers) as running:
            sleep(ALL_BEGUN_S)  # each starts by itself, and one of them has answered
            began = peers[1].cpu_by_process()
            for row, measure in work.items():
                for peer in running if at % 2 == 0 else running[::-1]:
                    runs[row, peer.name].append(measure(peer))
            ended = peers[1].cpu_by_process()
            spent = [after - before for before, after in zip(began, ended, strict=True)][1:]
            shares.append(", ".join(f"{one / sum(spent):.0%}" for one in spent))
    for (row, name), costs in runs.items():
        results[row][name] = load.median(costs)
    show("Workers", results, reference="1 workers")
    print("\n| load | 2 workers ÷ 1, each round |\n|---|---|")
    for row in work:
        one, two = runs[row, "1 workers"], runs[row, "2 workers"]
        ratios = [b.cpu_us / a.cpu_us for a, b in zip(one, two, strict=True)]
        print(f"| {row} | {', '.join(f'{ratio:.2f}' for ratio in ratios)} |")
    print("\nCPU by worker, each round: " + "; ".join(shares))


def ticks(bench: Bench) -> None:
    """In one process: the longest the event loop was busy at a stretch."""
    del bench
    inside.longest_ticks()


def store(bench: Bench) -> None:
    """The second level's look-ups and writes."""
    second_level(rounds=bench.rounds)


def told(bench: Bench) -> None:
    """What a hit costs more at 20,000 a second while it is told of, each beside one that is quiet.

    The writing of it is counted with it, down to the disk.
    """
    ways = {"quiet": "", **TOLD}
    peers = [ours(name, port=5380 + at, told=text) for at, (name, text) in enumerate(ways.items())]
    with bench.running(peers) as running:
        file = load.names_file(bench.folder, "plain", load.plain(HIT_NAMES))

        def measure(peer: Peer) -> load.Cost:
            return load.run(
                peer, file, core=bench.load_core, seconds=bench.seconds, rate=TOLD_RATE,
                settle_s=1.0,
            )  # fmt: skip

        for peer in running:
            load.run(peer, file, core=bench.load_core, passes=2)
        costs = in_turn(bench, running, {"hits": measure})["hits"]
    print(
        f"\n## Hits that are told of, {TOLD_RATE:,} a second\n\n"
        "| told to | µs a hit | more than quiet | a second | lost |\n|---|---:|---:|---:|---:|"
    )
    quiet = costs["quiet"].cpu_us
    for name, cost in costs.items():
        print(f"| {name} | {cost.cpu_us:.2f} | {cost.cpu_us - quiet:+.2f} "
              f"| {cost.per_second:,.0f} | {cost.lost} |", flush=True)  # fmt: skip


TABLES: dict[str, Callable[[Bench], None]] = {
    "hits": hits,
    "rates": rates,
    "misses": misses,
    "tcp": tcp,
    "dot": dot,
    "doh": doh,
    "doq": doq,
    "mixed": many.mixed,
    "real": many.real,
    "outstanding": outstanding,
    "size": many.size,
    "ticks": ticks,
    "start": start,
    "told": told,
    "store": store,
    "workers": workers,
}
