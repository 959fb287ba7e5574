"""`python -m bench.fleet`: what 1 to 1,000 machines have to fetch, with a shared level and without.

Virtual time. Up to some thousand clients are homes, played question by question. More are strangers
to each other: popularity is that of real queries, catchments are as uneven as the root letters',
round trips those between 246 cities (RESOLVER_TEST_DATA). With `--rate` any number of questions a
second, else what 10 to a million clients ask in the busiest hour, and a million questions a second.
"""

import argparse
import random
import sys
import time

from bench.distance import Matrix
from bench.fleet import demand, homes, report
from bench.fleet.report import Costs, Shape
from tests import real_data

HOMES = {10: (1, 2), 1_000: (1, 2, 3)}
CLIENTS = {100_000: (1, 2, 3, 10), 1_000_000: (3, 10, 30, 100)}
GREATEST_RATE, GREATEST = 1e6, (30, 100, 1000)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--clients", type=int, nargs="*", help="strangers, in place of the tables")
    parser.add_argument("--rate", type=float, help="questions a second, instead of clients")
    parser.add_argument("--machines", type=int, nargs="+", help="instead of those of the table")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--places", type=float, help="entries of a machine's first level")
    parser.add_argument("--hit-us", type=float, default=10.0, help="CPU of a hit")
    parser.add_argument("--fetch-us", type=float, default=250.0, help="CPU of a fetch")
    parser.add_argument("--get-us", type=float, default=300.0, help="CPU of a look at Valkey")
    parser.add_argument("--entry-octets", type=float, default=400.0, help="of an entry at Valkey")
    return parser.parse_args()


def homes_table(clients: int, machines: tuple[int, ...], arguments: argparse.Namespace) -> None:
    """Print what so many clients at home have of each number of machines."""
    count = max(1, round(clients / homes.CLIENTS_A_HOME))
    questions = homes.evening_of(count, arguments.seed)
    print(f"{clients:,} clients, homes: {count}; {len(questions):,} questions\n\n{homes.HEADER}")
    print("|---" * (homes.HEADER.count("|") - 1) + "|")
    for number in machines:
        for has_shared in (False, True) if number > 1 else (False,):
            played = homes.play(questions, number, has_shared=has_shared)
            line = homes.row(played, number, arguments.entry_octets, has_shared=has_shared)
            print(line, flush=True)
    print()


def tables(arguments: argparse.Namespace) -> list[tuple[str, float, tuple[int, ...]]]:
    """Of each table of strangers: its title, questions a second, numbers of machines."""
    given = tuple(arguments.machines or ())
    if arguments.rate:
        return [(f"{arguments.rate:,.0f} questions a second", arguments.rate, given or GREATEST)]
    found = []
    for clients in arguments.clients or CLIENTS:
        rate = demand.peak_rate(clients)
        title = f"{clients:,} clients, {rate:,.1f} questions a second at the peak"
        found.append((title, rate, given or CLIENTS.get(clients, (1, 2, 3, 10))))
    if not arguments.clients:
        found.append((f"{GREATEST_RATE:,.0f} questions a second", GREATEST_RATE, given or GREATEST))
    return found


def main() -> int:
    """Prints the tables."""
    arguments = _arguments()
    data = real_data.FOLDER
    popularity = demand.Popularity.read(data / "queries" / "dnsperf_test_queries_100K.tsv")
    letters = demand.letters_shares(data / "queries" / "rssac002")
    rtts_ms = list(Matrix(data / "rtt").rtt_ms.values())
    costs = Costs(arguments.hit_us, arguments.fetch_us, arguments.get_us, arguments.entry_octets)
    fetches_ms = report.fetch_delays(rtts_ms, random.Random(arguments.seed))
    places = arguments.places or report.FIRST_LEVEL_OCTETS / report.RRSET_OCTETS
    print(
        f"{popularity.asked:,} queries for {popularity.distinct:,} names; the model expects "
        f"{popularity.expected_distinct(popularity.asked):,.0f}. Root letters' shares "
        f"{min(letters):.1%} to {max(letters):.1%}. A first level of {places:,.0f} entries.\n"
    )
    start = time.process_time()
    if not (arguments.rate or arguments.clients):
        for clients, machines in HOMES.items():
            homes_table(clients, machines, arguments)
    for title, rate, machines in tables(arguments):
        print(f"{title}\n\n{report.HEADER}\n{'|---' * (report.HEADER.count('|') - 1)}|")
        for count in machines:
            for has_shared in (False, True) if count > 1 else (False,):
                shape = Shape(rate, count, has_shared)
                outcome = report.judge(shape, popularity, letters, arguments.seed, places)
                print(report.row(outcome, costs, fetches_ms), flush=True)
        print()
    print(f"{time.process_time() - start:.0f} s of CPU")
    return 0


if __name__ == "__main__":
    sys.exit(main())
