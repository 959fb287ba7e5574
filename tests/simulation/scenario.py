"""`python -m tests.simulation.scenario`: replay scenarios, one line for each file and variant.

    python -m tests.simulation.scenario [--minimise on|off|both] [--fill] [-v] FILE_OR_DIR...

Exit status 1 if any run fails. Files below a folder named `unbound` are *filled* (see
`scenario_servers.Filler`); `--fill` does it for all. `-v` prints every message in dig form.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import dns.exception
import dns.message

from resolver.errors import ConfigError
from tests.simulation.scenario_model import ScenarioError
from tests.simulation.scenario_parse import parse
from tests.simulation.scenario_run import play, variants

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resolver.lab.virtual_parts import Packet


def files_in(paths: Sequence[Path]) -> Iterator[Path]:
    """The scenario files named, those in folders in order of their path."""
    for path in paths:
        if path.is_dir():
            yield from sorted(path.rglob("*.rpl"))
        else:
            yield path


def show(packet: Packet) -> None:
    """One message in the form of dig, with where and when it went."""
    source, destination = packet.source, packet.destination
    print(
        f"\n;; {packet.at:.3f} s, {packet.transport}: "
        f"{source[0]}#{source[1]} → {destination[0]}#{destination[1]}, {len(packet.data)} octets"
    )
    try:
        print(dns.message.from_wire(packet.data).to_text())
    except dns.exception.DNSException as error:
        print(f";; not a DNS message: {error!r}\n{packet.data.hex()}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.scenario", description="Replay .rpl scenarios."
    )
    parser.add_argument("--minimise", choices=["on", "off", "both"], default="both")
    parser.add_argument("--fill", action="store_true", help="answer what Unbound's files leave out")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every message")
    parser.add_argument("--crash", action="store_true", help="let exceptions of the program out")
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE_OR_DIR")
    options = parser.parse_args(arguments)
    passed = failed = 0
    for path in files_in(options.paths):
        try:
            scenario = parse(path)
            runs = variants(scenario, minimise=options.minimise, fill=options.fill)
            for variant in runs:
                watch = show if options.verbose else None
                result = play(scenario, variant, watch=watch, crash=options.crash)
                print(result, flush=True)
                passed += result.passed
                failed += not result.passed
        except (ScenarioError, ConfigError, OSError) as error:
            print(f"FAIL {path}: {error}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
