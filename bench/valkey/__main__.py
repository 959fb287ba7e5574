"""`python -m bench.valkey`: what machines share by a real Redis, and what it costs if that fails.

First what a second machine's look-up takes of a name that the first knows, one after another. Then
faults of the Redis under load, ten minutes in all: two daemons that share and one that does not are
asked for the same, and what they tell is compared with the truth. Status 1 where a bar is missed.
Needs root and redis-server.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.valkey import first
from bench.valkey.faults import FAULTS, WITH_SENTINELS, happening
from bench.valkey.load import Load, Took
from bench.valkey.site import SHARING, Shape, site
from resolver.cli import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.valkey.site import Site

BENCHMARKS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
MINUTES, SHORT_S = 10.0, 9.0
RATE = 40.0
FIRST_BAR_MS, HEALTHY_BAR_MS, FAULT_BAR_MS = 1.5, 1.0, 5.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.valkey", description=__doc__)
    parser.add_argument("--faults", nargs="*", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"of all ({MINUTES:g})")
    parser.add_argument("--seconds", type=float, help="of each, in place of minutes of all")
    parser.add_argument("--short", action="store_true", help=f"{SHORT_S:g} seconds of each")
    parser.add_argument("--workers", type=int, default=1, help="of each daemon (1)")
    parser.add_argument("--rate", type=float, default=RATE, help=f"names a second ({RATE:g})")
    parser.add_argument("--delay-ms", type=float, default=20.0, help="of the authority (20)")
    parser.add_argument("--names", type=int, default=400, help="looked up first (400)")
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    arguments = parser.parse_args()
    if arguments.short:
        arguments.seconds = SHORT_S
    if arguments.seconds is None:
        arguments.seconds = 60 * arguments.minutes / len(arguments.faults)
    return arguments


def row(fault: str, took: Took) -> tuple[str, bool]:
    """A line of the table, and whether that is within the bars."""
    worse = {
        kind: took.at("two", kind, 0.99) - took.at("alone", kind, 0.99) for kind in ("new", "known")
    }
    cells = [
        fault.replace("_", " "),
        f"{len(took.by['two', 'new']) + len(took.by['two', 'known'])}",
    ]
    for kind in ("new", "known"):
        cells += [f"{took.at(who, kind, 0.5):.1f}" for who in ("two", "alone")]
        cells += [f"{took.at(who, kind, 0.99):.1f}" for who in ("two", "alone")]
    cells += [str(len(took.wrong)), str(len(took.lost))]
    bar = HEALTHY_BAR_MS if fault == "healthy" else FAULT_BAR_MS
    is_good = not took.wrong and not took.lost and max(worse.values()) <= bar
    return f"| {' | '.join(cells)} |", is_good


HEAD = (
    "| Redis is | asked | new, p50 with | without | p99 with | without | known, p50 with | without "
    "| p99 with | without | wrong | lost |\n|---|" + "---:|" * 11
)
_TOLD = ("gets", "hits", "timeouts", "failures", "wrong", "written", "refused", "dropped", "opened")


class Table:
    """A line for each fault, printed as it is had, and one of all together."""

    def __init__(self) -> None:
        self.lines = [HEAD]
        self.is_good = True
        self._all = Took()
        print(HEAD)

    def add(self, fault: str, took: Took) -> None:
        """What came of *fault*."""
        if fault != "healthy":
            self._all.add(took)
        self._print(fault, took)
        for what in (*took.wrong[:5], *took.lost[:3], *took.lost[-3:]):
            print("  ", what)

    def end(self) -> None:
        """The line of all."""
        if self._all.by:
            self._print("all faults", self._all)

    def _print(self, fault: str, took: Took) -> None:
        line, is_within = row(fault, took)
        print(line + ("" if is_within else " misses a bar"), flush=True)
        self.lines.append(line)
        self.is_good &= is_within


def _play(it: Site, table: Table, faults: Sequence[str], arguments: argparse.Namespace) -> None:
    """*faults*, one after another, at that site."""
    for fault in faults:
        load = Load(it, rate=arguments.rate, label=fault.replace("_", "-"))
        with happening(it, fault):
            took = load.run(arguments.seconds)
        table.add(fault, took)
    for name in SHARING:
        found = it.counted(name)
        told = {key: int(found[f"valkey_{key}_total"]) for key in _TOLD}
        print(f"{name}:", ", ".join(f"{key} {value}" for key, value in told.items()))
    troubles = it.troubles()
    table.is_good &= not troubles
    print(*troubles, sep="\n", end="")


def main() -> int:
    """Run it all."""
    arguments = _arguments()
    shape = Shape(arguments.delay_ms, arguments.workers)
    usual = [fault for fault in arguments.faults if fault not in WITH_SENTINELS]
    others = [fault for fault in arguments.faults if fault in WITH_SENTINELS]
    is_prompt, found = True, ""
    table = None
    if usual:
        with _fresh(shape) as it:
            first_told = first.look_up(it, count=arguments.names)
            is_prompt = first_told.median_ms <= FIRST_BAR_MS and not first_told.packets
            found = str(first_told)
            print(found)
            table = Table()
            _play(it, table, usual, arguments)
    table = table or Table()
    if others:
        with _fresh(shape._replace(has_sentinels=True)) as it:
            _play(it, table, others, arguments)
    table.end()
    head = (
        f"{dt.datetime.now(dt.UTC).date()}, load {os.getloadavg()[0]:.0f}, {arguments.seconds:.0f} "
        f"s of each, {arguments.rate:g} names of each kind a second; ms:"
    )
    if arguments.write:
        text = BENCHMARKS.read_text("utf-8")
        name = "shared" if arguments.workers == 1 else "shared by workers"
        text = tables.insert(text, name, "\n".join([found, "", head, "", *table.lines]))
        BENCHMARKS.write_text(text, "utf-8")
    return 0 if table.is_good and is_prompt else 1


@contextmanager
def _fresh(shape: Shape) -> Iterator[Site]:
    """A site in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="valkey-") as scratch:
        Path(scratch).chmod(0o755)
        with site(Path(scratch), shape) as it:
            yield it


if __name__ == "__main__":
    sys.exit(main())
