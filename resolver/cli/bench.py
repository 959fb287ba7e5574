"""resolver bench: this resolver, a running one and public ones, side by side.

Two passes over the same names. *Cold* is the first pass: with --fresh ZONE each name is a random
label below ZONE, which no cache in the world can hold; without it, it is the first time that this
resolver's own, empty cache sees the name, while a public resolver may well hold it from others.
*Warm* is the second pass. This resolver runs as a process of its own, like the others.
"""

from __future__ import annotations

import json
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver.cli import bench_names, bench_report, bench_run, pictures, questions, votes
from resolver.cli.bounds import bounded
from resolver.cli.compare import FRESH_OCTETS
from resolver.errors import ConfigError
from resolver.protocol import names
from resolver.runtime import interrupt

if TYPE_CHECKING:
    import argparse

    from resolver.cli.compare import Contestant
    from resolver.model import Question

PUBLIC = {
    "Google": "8.8.8.8",
    "Cloudflare": "1.1.1.1",
    "Quad9": "9.9.9.9",
    "OpenDNS": "208.67.222.222",
}
FRESH = "a random label below {}: no cache can hold it"
LISTED = (
    "the first pass over the list: this resolver starts with an empty cache, "
    "public ones may hold the names already"
)


class Files(NamedTuple):
    """Where the figures go to; None: nowhere."""

    json: str | None
    png: Path | None


def run(options: argparse.Namespace) -> int:
    """0 if anybody could be reached, 1 if not. Options are looked at before anybody is asked."""
    rate = bounded("--rate", options.rate, "BENCH_RATE")
    asked = read_names(options.names)[: int(bounded("--count", options.count, "BENCH_NAMES"))]
    zone = _zone(options.fresh)
    contestants = bench_names.listed(options, PUBLIC)
    files = _files(options)
    config = _configuration(options.config)
    definition = FRESH.format(options.fresh) if zone else LISTED
    print(f"cold: {definition}", file=sys.stderr)
    plan = bench_run.Plan(asked, rate, zone, frozenset(PUBLIC), config)
    with interrupt.allowed():
        evidence = trio.run(bench_run.compare, contestants, plan)
    split = votes.count(contestants)
    for line in bench_report.remarks(evidence, contestants, split):
        print(f"! {line}")
    print(bench_report.table(contestants))
    print(f"\n{bench_report.plot(contestants)}")
    document = bench_report.document(contestants, definition=definition, evidence=evidence)
    _write(files, json.dumps(document, indent=2), contestants)
    return 0 if any(contestant.is_reachable for contestant in contestants) else 1


def read_names(path: str | None) -> list[Question]:
    """The questions of a file: "NAME" or "NAME TYPE" a line, # comments. Raises ConfigError.

    None: those of the list that comes with the program.
    """
    try:
        source = resources.files("resolver.cli") / "names.txt" if path is None else Path(path)
        lines = source.read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("--names", path, f"a file to read ({error})") from None
    fields = [line.partition("#")[0].split() for line in lines]
    found = [questions.one(words[:2]) for words in fields if words]
    if not found:
        raise ConfigError("--names", path, "a file with a name on each line")
    return found


def _zone(text: str | None) -> bytes | None:
    """The zone of --fresh, with room for a label in front."""
    if text is None:
        return None
    zone = questions.qname_of(text)[0]
    if len(zone) + FRESH_OCTETS > names.MAX_NAME_OCTETS:
        raise ConfigError("--fresh", text, "a zone whose name leaves room for a label")
    return zone


def _configuration(path: str | None) -> str | None:
    """The file for this resolver's own process, which would refuse it where nobody looks."""
    if path is not None:
        from resolver.config import load  # noqa: PLC0415  # only if one is named

        load.load(path)
    return path


def _files(options: argparse.Namespace) -> Files:
    """What is written at the end can be: a run of minutes must not be for nothing."""
    pictures.look_at("--png", options.png)
    if options.json != "-":
        pictures.look_at_file("--json", options.json)
    return Files(options.json, None if options.png is None else Path(options.png))


def _write(files: Files, text: str, contestants: list[Contestant]) -> None:
    if files.json == "-":
        print(text)
    elif files.json is not None:
        Path(files.json).write_text(f"{text}\n", "utf-8")
    if files.png is not None:
        bench_report.png(contestants, files.png)
