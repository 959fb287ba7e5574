"""Ask every odd zone through each resolver: who answers, and how soon.

    python -m bench.odd [--peers ours,unbound,…] [--only NAME,…] [--runs 3] [--json FILE]

Needs root, for network namespaces, and the peers' Debian packages; who is not installed is left
out. Each resolver is as shipped, in a namespace of its own, one after the other, with the root
known, behind a link of MTU 1280 on which fragments are lost. A cell is the time of the zone's first
and second question, best of the runs; a bar holds where ours answers whatever any peer answers, and
no later than the best of them and 0.2 s.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.common import peers
from bench.odd import ask, table
from bench.odd.odd_world import ROOT_HOST, ROOT_NAME, build
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.odd.ask import Results
    from bench.odd.odd_world import OddWorld

MTU = 1280
FRAGMENTS = ("net.ipv4.ipfrag_low_thresh", "net.ipv4.ipfrag_high_thresh")


def _anchors(made: OddWorld) -> tuple[str, ...]:
    signer = made.world.zones[b"\0"].signer
    assert signer is not None  # noqa: S101  the root is signed
    return (signer.anchor(),)


@contextlib.contextmanager
def around(directory: Path, wall: float) -> Iterator[netns.Namespace]:
    """The namespace of the odd servers, all of them listening."""
    with netns.namespace("odd") as place:
        place.ip("route add local 45.55.0.0/16 dev lo table main")
        log = directory / "servers.log"
        program = place.spawn(
            sys.executable, "-m", "bench.odd.servers", str(wall), log=log, cwd=peers.PROJECT,
            env={**os.environ, "PYTHONPATH": str(peers.PROJECT)},
        )  # fmt: skip
        program.await_line("ready")
        yield place


def one(name: str, number: int, place: netns.Namespace, directory: Path, made: OddWorld) -> Results:
    """All questions through one resolver in a namespace of its own."""
    home = directory / f"{name}-{number}"
    home.mkdir()
    hints = peers.write_hints(home / "hints", [(ROOT_NAME, [ROOT_HOST])])
    setup = peers.Setup(directory=home, hints=hints, anchors=_anchors(made))
    with netns.namespace("res") as resolver:
        link = (f"r{number}", f"s{number}")
        netns.connect(resolver, place, names=link, quiet=True)
        resolver.ip(
            f"addr add 10.55.{number}.2/30 dev {link[0]}",
            f"route add default via 10.55.{number}.1",
        )
        place.ip(f"addr add 10.55.{number}.1/30 dev {link[1]}", f"link set {link[1]} mtu {MTU}")
        resolver.ip(f"link set {link[0]} mtu {MTU}")
        resolver.sysctl(dict.fromkeys(FRAGMENTS, "0"))  # none arrives whole
        program = peers.start(name, setup, resolver)
        time.sleep(1.0)
        results = ask.all_places(resolver, made.places)
        if not program.alive:
            raise SystemExit(f"{name} ended:\n{program.output()[-2000:]}")
        return results


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.odd", description=__doc__)
    parser.add_argument("--peers", default=",".join(peers.PROGRAMS))
    parser.add_argument("--only", default="", help="parts of names of oddities")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main(argv: Sequence[str] = ()) -> int:
    del argv
    options = _arguments()
    reason = netns.missing()
    if reason:
        raise SystemExit(reason)
    names = peers.present(options.peers.split(","))
    wall = float(int(time.time()))
    made = build(wall)
    if options.only:
        wanted = options.only.split(",")
        places = [p for p in made.places if any(part in p.oddity.name for part in wanted)]
        made = made._replace(places=places)
    netns.sweep()
    results: dict[str, list[Results]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="odd-") as text:
        directory = Path(text)
        directory.chmod(0o755)
        with around(directory, wall) as place:
            for run in range(options.runs):
                for at, name in enumerate(names):
                    results[name].append(one(name, run * len(names) + at, place, directory, made))
                    print(f"run {run + 1}: {name}", file=sys.stderr)
    best = {name: table.best_of(runs) for name, runs in results.items()}
    if options.json:
        options.json.write_text(json.dumps(best, indent=1))
    print(table.render(best, made.places))
    return 0 if table.holds(best, made.places) else 1


if __name__ == "__main__":
    raise SystemExit(main())
