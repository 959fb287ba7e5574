"""`python -m bench.valkey`: what machines share by a real Redis (needs root, redis-server).

First what a second machine's look-up takes of a name that the first knows, one after another. Then
faults of the Redis under load, seventy-five seconds of each: two daemons that share and one that
does not are asked the same at the same moments. Status 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.valkey import first
from bench.valkey.faults import FAULTS, happening
from bench.valkey.load import Load
from bench.valkey.site import SHARING, site
from resolver.cli import tables

if TYPE_CHECKING:
    from bench.valkey.load import Took
    from bench.valkey.site import Site

BENCHMARKS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
SECONDS, SHORT_S = 75.0, 9.0
RATE = 40.0
FIRST_BAR_MS, HEALTHY_BAR_MS, FAULT_BAR_MS = 1.5, 1.0, 5.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.valkey", description=__doc__)
    parser.add_argument("--faults", nargs="*", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--seconds", type=float, help=f"of each ({SECONDS:g})")
    parser.add_argument("--short", action="store_true", help=f"{SHORT_S:g} seconds of each")
    parser.add_argument("--rate", type=float, default=RATE, help=f"names a second ({RATE:g})")
    parser.add_argument("--delay-ms", type=float, default=20.0, help="of the authority (20)")
    parser.add_argument("--names", type=int, default=400, help="looked up first (400)")
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    arguments = parser.parse_args()
    if arguments.seconds is None:
        arguments.seconds = SHORT_S if arguments.short else SECONDS
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


def _faults(it: Site, arguments: argparse.Namespace) -> tuple[list[str], bool]:
    lines, is_good = [HEAD], True
    print(HEAD)
    for number, fault in enumerate(arguments.faults):
        load = Load(it, rate=arguments.rate, label=f"{number}")
        with happening(it, fault):
            took = load.run(arguments.seconds)
        line, is_within = row(fault, took)
        print(line + ("" if is_within else " misses a bar"), flush=True)
        for what in (*took.wrong[:5], *took.lost[:3], *took.lost[-3:]):
            print("  ", what)
        lines.append(line)
        is_good = is_good and is_within
    for name in SHARING:
        found = it.counted(name)
        told = {key: int(found[f"valkey_{key}_total"]) for key in _TOLD}
        print(f"{name}:", ", ".join(f"{key} {value}" for key, value in told.items()))
    troubles = it.troubles()
    for trouble in troubles:
        print(trouble)
    return lines, is_good and not troubles


_TOLD = ("gets", "hits", "timeouts", "failures", "wrong", "written", "refused", "dropped", "opened")


def main() -> int:
    """Run it all."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="valkey-") as scratch:
        Path(scratch).chmod(0o755)
        with site(Path(scratch), delay_ms=arguments.delay_ms) as it:
            found = first.look_up(it, count=arguments.names)
            print(found)
            is_prompt = found.median_ms <= FIRST_BAR_MS and not found.packets
            lines, is_good = _faults(it, arguments)
    today, load = dt.datetime.now(dt.UTC).date(), os.getloadavg()[0]
    head = (
        f"{today}, load {load:.0f}, {arguments.seconds:g} s of each, {arguments.rate:g} names of "
        "each kind a second; ms:"
    )
    if arguments.write:
        text = BENCHMARKS.read_text("utf-8")
        text = tables.insert(text, "shared", "\n".join([str(found), "", head, "", *lines]))
        BENCHMARKS.write_text(text, "utf-8")
    return 0 if is_good and is_prompt else 1


if __name__ == "__main__":
    sys.exit(main())
