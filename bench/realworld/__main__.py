"""`python -m bench.realworld`: resolve the popular names through the real-socket world, twice.

Needs root, iproute2 and Debian's knot, pdns-server with pdns-backend-bind, nsd and bind9; data in
RESOLVER_TEST_DATA (by default `../shared/data`). Prints a table; status 1 when an answer is wrong
or the second pass sends a packet.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time

from bench.realworld import root_world, run, software
from tests import real_data
from tests.simulation import netns


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is taken down
    if reason := netns.missing(*software.PROGRAMS.values(), "pdnsutil"):
        print(f"realworld: {reason}", file=sys.stderr)
        return 2
    data = real_data.FOLDER
    names = (data / "domains" / "opendns-top-domains.txt").read_text().split()[: arguments.names]
    started = time.monotonic()
    with root_world.running(data / "root" / "root.zone", names, patience_s=300.0) as it:
        _describe(it, time.monotonic() - started)
        validates = not arguments.no_validation
        if arguments.peer:
            run.start_unbound(it)
        else:
            run.start_resolver(it, validate=validates)
        questions = [(name, arguments.type) for name in it.world.names]
        passes = [run.one_pass(it, questions, validates=validates, loud=True) for _ in range(2)]
    print(run.HEADER)
    for label, one in zip(("first", "second"), passes, strict=True):
        print(one.row(label))
    for fault in passes[0].wrong[:20] + passes[1].wrong[:20]:
        print("wrong:", fault)
    return int(any(one.wrong for one in passes) or passes[1].sent > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.realworld", description=__doc__)
    parser.add_argument("--names", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--type", default="A", help="query type (default A)")
    parser.add_argument("--no-validation", action="store_true", help="run without DNSSEC")
    parser.add_argument("--peer", action="store_true", help="run Debian's Unbound instead")
    return parser.parse_args()


def _describe(it: root_world.RealWorld, seconds: float) -> None:
    zones = it.world.zones
    print(f"world ready after {seconds:.0f} s; no delay is added on the links")
    for tier, content in zones.items():
        signed = sum(zone.is_signed for zone in content.values())
        shares = ", ".join(
            f"{site.software} {len(site.addresses)} addresses {len(site.zones)} zones"
            for site in it.sites
            if site.tier == tier
        )
        print(f"  {tier}: {len(content)} zones ({signed} signed): {shares}")


if __name__ == "__main__":
    sys.exit(main())
