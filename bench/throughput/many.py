"""Tables over many names: a cache of growing size, popularity by rank, queries that people sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.throughput import inside, load
from bench.throughput.turns import Bench, in_turn, show
from tests import real_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.throughput.contestants import Peer

FEW = 1000
ZIPF_QUERIES = 200_000
SAMPLE = "queries/dnsperf_test_queries_100K.tsv"


def _through(bench: Bench, file: Path, options: list[str]) -> Callable[[Peer], load.Cost]:
    """Once through *file*."""
    return lambda peer: load.run(peer, file, core=bench.load_core, passes=1, options=options)


def size(bench: Bench) -> None:
    """The cost of a hit by the number of entries, and the memory of one.

    First the look-up alone, in this process; then whole hits over UDP, all cached names asked for
    equally often and in random order. By default of ourselves and Unbound: filling takes minutes.
    """
    inside.sizes(rounds=bench.rounds)
    wanted = bench.only or {"ours", "unbound"}
    counts = dict.fromkeys((FEW, bench.names))
    work: dict[str, Callable[[Peer], load.Cost]] = {}
    with bench.running([peer for peer in bench.peers() if peer.name in wanted]) as peers:
        for count in counts:
            lines = load.shuffled(load.plain(count))
            file = load.names_file(bench.folder, f"{count}-names", lines)
            for peer in peers:
                _through(bench, file, [])(peer)

            def measure(peer: Peer, file: Path = file) -> load.Cost:
                return load.run(peer, file, core=bench.load_core, seconds=bench.seconds)

            work[f"{count:,} names"] = measure
        results = in_turn(bench, peers, work)  # few and many by turns: machines change speed
    show("Cache hits by the number of names cached", results, reference="unbound")
    few, many = (results[f"{count:,} names"] for count in counts)
    for name in few.keys() & many.keys():
        print(f"\n{name}: {many[name].cpu_us / few[name].cpu_us:.2f} times the cost of {FEW:,}")


def mixed(bench: Bench) -> None:
    """Popularity 1/rank: hits and misses as they come, then hits alone, as clients ask them."""
    with bench.running(bench.peers()) as peers:
        lines = load.zipf(bench.names, ZIPF_QUERIES)
        normal = load.names_file(bench.folder, "zipf", lines)
        spelled = load.names_file(bench.folder, "zipf-spelled", load.respelled(lines))
        cookie = load.DIG_COOKIE
        ways = {
            "plain": (normal, list[str]()),
            "DO": (normal, load.DNSSEC_OK),
            "mixed case": (spelled, []),
            "cookies": (normal, ["-e", *cookie]),
            "all of these": (spelled, [*load.DNSSEC_OK, *cookie]),
        }
        work = {row: _through(bench, *how) for row, how in ways.items()}
        once = replace(bench, rounds=1)
        results = in_turn(once, peers, {"plain, cold": work["plain"]})
        in_turn(once, peers, work)  # replies with DO, say, are kept apart
        results |= in_turn(bench, peers, work)
        distinct = len(set(lines))
        title = f"Zipf popularity over {bench.names:,} names, {distinct:,} of them asked"
        show(title, results, reference="unbound")


def real(bench: Bench) -> None:
    """A sample of real queries in its own order, every name answered by the responder."""
    file = real_data.FOLDER / SAMPLE
    if not file.exists():
        print(f"\nno {file}: set RESOLVER_TEST_DATA to have the table of real queries")
        return
    peers = bench.peers()
    for peer in peers:
        peer.asks_for_everything()
    with bench.running(peers):
        ask = _through(bench, file, [])
        results = in_turn(replace(bench, rounds=1), peers, {"first time": ask})
        results |= in_turn(bench, peers, {"again": ask})
        show("Real queries, 61 % of them distinct", results, reference="unbound")
