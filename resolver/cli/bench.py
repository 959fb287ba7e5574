"""resolver bench: this resolver, a running one and public ones, side by side.

Two passes over the same names. *Cold* is the first pass: with --fresh ZONE each name is a random
label below ZONE, which no cache in the world can hold; without it, it is the first time that this
resolver's own, empty cache sees the name, while a public resolver may well hold it from others.
*Warm* is the second pass. This resolver runs as a process of its own, like the others.
"""

from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import trio

from resolver.cli import bench_report, present
from resolver.cli.compare import Asker, Contestant, fresh, one_pass, reach
from resolver.config import endpoints
from resolver.errors import ConfigError
from resolver.limits.listing import entries
from resolver.model import Question, Server
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.upstream.udp import SystemNetwork

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Sequence
    from random import Random


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
_START_TRIES = 50
_PORTS = range(20_000, 60_000)
# Answered by every resolver out of its own head: whether anybody is there at all.
_FIRST_QUESTION = Question(names.from_text("localhost."), RRType.A)


def run(options: argparse.Namespace) -> int:
    """0 if anybody could be reached, 1 if not."""
    rate = _bounded("--rate", options.rate, "BENCH_RATE")
    questions = read_names(options.names)[: int(_bounded("--count", options.count, "BENCH_NAMES"))]
    contestants = _contestants(options)
    definition = FRESH.format(options.fresh) if options.fresh else LISTED
    print(f"cold: {definition}", file=sys.stderr)
    trio.run(_compare, options, contestants, questions, rate)
    print(bench_report.table(contestants))
    print(f"\n{bench_report.plot(contestants)}")
    if options.json:
        text = json.dumps(bench_report.document(contestants, definition=definition), indent=2)
        sys.stdout.write(text + "\n") if options.json == "-" else Path(options.json).write_text(
            text
        )
    if options.png:
        _draw(contestants, Path(options.png))
    return 0 if any(contestant.is_reachable for contestant in contestants) else 1


def read_names(path: str) -> list[Question]:
    """The questions of a file: "NAME" or "NAME TYPE" a line, # comments. Raises ConfigError."""
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("--names", path, f"a file to read ({error})") from None
    fields = [line.partition("#")[0].split() for line in lines]
    found = [present.question(*words[:2]) for words in fields if words]
    if not found:
        raise ConfigError("--names", path, "a file with a name on each line")
    return found


def contestant(text: str) -> Contestant:
    """A server as the command line names it: [NAME=]ADDRESS[:PORT]. Raises ConfigError."""
    name, _, where = text.rpartition("=")
    try:
        host, port = endpoints.endpoint(where)
    except ValueError as error:
        raise ConfigError("--server", text, str(error)) from None
    return Contestant(name or "server", Server(host, port))


def _bounded(key: str, value: float | None, limit: str) -> float:
    """*value*, or the default of *limit*. Raises ConfigError outside its range."""
    row = next(entry.row for entry in entries() if entry.name == limit)
    low, high = row.between or (row.value, row.value)
    if value is None:
        return row.value
    if not low <= value <= high:
        raise ConfigError(key, value, f"{low:g} to {high:g} ({row.unit}: {row.why})")
    return value


def _contestants(options: argparse.Namespace) -> list[Contestant]:
    found = [contestant(text) for text in options.server]
    if not options.no_public:
        found += [Contestant(name, Server(host)) for name, host in PUBLIC.items()]
    if not options.no_self:
        port = SystemRandom().choice(_PORTS)
        found.insert(0, Contestant("this resolver", Server("127.0.0.1", port)))
    if not found:
        raise ConfigError("--server", "(missing)", "somebody to compare")
    return found


async def _compare(
    options: argparse.Namespace,
    contestants: Sequence[Contestant],
    questions: Sequence[Question],
    rate: float,
) -> None:
    rng = SystemRandom()
    asker = Asker(SystemNetwork(), rng)
    async with _own(options, contestants), trio.open_nursery() as nursery:
        nursery.start_soon(asker.run)
        async with trio.open_nursery() as looks:
            for each in contestants:
                tries = _START_TRIES if each.name == "this resolver" else 2
                looks.start_soon(_reach, asker, each, tries)
        for label in ("cold", "warm"):
            await _pass(asker, contestants, label, questions, rate, options.fresh, rng)
        nursery.cancel_scope.cancel()


async def _reach(asker: Asker, each: Contestant, tries: int) -> None:
    """Our own process needs a moment to bind its port: refused at once means ask again soon."""
    for _ in range(tries):
        await reach(asker, each, _FIRST_QUESTION, tries=1)
        if each.is_reachable:
            return
        await trio.sleep(0.1)


async def _pass(
    asker: Asker,
    contestants: Sequence[Contestant],
    label: str,
    questions: Sequence[Question],
    rate: float,
    zone: str | None,
    rng: Random,
) -> None:
    reachable = [each for each in contestants if each.is_reachable]
    progress = Progress(label, len(questions) * len(reachable))
    async with trio.open_nursery() as nursery:
        for each in reachable:
            asked = list(questions)
            if zone and label == "cold":
                below = present.question(zone).qname
                asked = [Question(name, RRType.A) for name in fresh(below, len(asked), rng)]

            async def go(each: Contestant = each, asked: list[Question] = asked) -> None:
                await one_pass(asker, each, label, asked, rate=rate, progress=progress)

            nursery.start_soon(go)
    progress.end()


class Progress:
    """How far it is, on one line of a terminal; silent elsewhere."""

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._is_shown = sys.stderr.isatty()

    def __call__(self) -> None:
        self._done += 1
        if self._is_shown:
            share = self._done / max(1, self._total)
            bar = "█" * int(30 * share)
            sys.stderr.write(f"\r{self._label:<5} {bar:<30} {self._done}/{self._total} ")
            sys.stderr.flush()

    def end(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r" + " " * 60 + "\r")


@asynccontextmanager
async def _own(
    options: argparse.Namespace, contestants: Sequence[Contestant]
) -> AsyncIterator[None]:
    """This resolver as a process of its own, as long as the block runs."""
    mine = next((each for each in contestants if each.name == "this resolver"), None)
    if mine is None:
        yield
        return
    where = endpoints.show((mine.server.host, mine.server.port))
    command = [sys.executable, "-m", "resolver", "serve", "--listen", where]
    command += [] if options.config is None else ["--config", options.config]
    process = await trio.lowlevel.open_process(command)
    try:
        yield
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            process.terminate()
            await process.wait()


def _draw(contestants: Sequence[Contestant], path: Path) -> None:
    try:
        bench_report.png(contestants, path)
    except ImportError:
        expected = 'matplotlib, which is not installed: pip install "resolver[cli]"'
        raise ConfigError("--png", str(path), expected) from None
