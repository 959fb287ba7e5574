"""`kill -9` under load, at random moments, again and again; then start where nobody can be asked.

Real authorities with the real root zone, signed (`bench.realworld`). A store goes through a few
kills before the next one is begun. After each the daemon starts with its way out black-holed, and
is asked all that it had answered more than WRITTEN_S before: from this store's earlier rounds too.
What comes fresh came without a packet, for none would have been answered; how many packets went out
all the same (priming, keys, what was asked) is counted on the link. Every answer, before and after,
is compared with the zones.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import dns.edns
import dns.message

from bench.common import peers
from bench.realworld import ask, run, truth
from bench.realworld.root_world import CLIENT_NET, CLIENT_NET6
from bench.restart.load import Load
from tests.simulation import netns

if TYPE_CHECKING:
    import random

    from bench.realworld.root_world import RealWorld

    Asked = tuple[str, str]

WRITTEN_S: Final = 2.0
ROUNDS: Final = 4  # of one store
TELL_EACH: Final = 10
READY_S: Final = 120.0
LIVES_S: Final = (2.5, 5.0)  # from the first answer on
SHORT_LIVES_S: Final = (0.02, 1.0)  # from exec on: while it starts, opens, reads
SHORT_SHARE: Final = 0.2
TYPES: Final = ("A", "AAAA", "MX", "TXT")
STALE: Final = (3, 19)
_LINKS = (CLIENT_NET + "2/32", CLIENT_NET6 + "2/128")


@dataclass(slots=True)
class Tally:
    """What came of all rounds."""

    kills: int = 0
    queries: int = 0
    answers: int = 0
    old: int = 0
    fresh: int = 0
    stale: int = 0
    packets: int = 0
    wrong: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills: {self.old} asked again, {self.fresh} without a packet, "
            f"{self.stale} as expired, {len(self.missing)} not, {len(self.wrong)} wrong, "
            f"{len(self.trouble)} trouble"
        )

    @property
    def share(self) -> float:
        """Of the old ones, those answered without a packet."""
        return self.fresh / self.old if self.old else 0.0


def questions_of(it: RealWorld, rng: random.Random) -> list[Asked]:
    """Every name with several types, and one below it that is not there, in random order."""
    found = [(name, rtype) for name in it.world.names for rtype in TYPES]
    found += [(f"nowhere.{name}", "A") for name in it.world.names]
    rng.shuffle(found)
    return found


class Kills:
    """*it*, a daemon in it, and what it has answered since its store was begun."""

    def __init__(self, it: RealWorld, rng: random.Random, *, rate: float) -> None:
        self.tally = Tally()
        self._rate = rate
        self._it = it
        self._rng = rng
        self._directory = it.directory / "restart"
        self._known: dict[Asked, float] = {}
        self._fresh: list[Asked] = []

    def run(self, rounds: int) -> Tally:
        for number in range(rounds):
            if not number % ROUNDS:
                self._begin()
            self._round()
            if not (number + 1) % TELL_EACH:
                print(f"  {self.tally}", file=sys.stderr, flush=True)
        return self.tally

    def _begin(self) -> None:
        """Another store, and nothing asked of it."""
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir()
        self._known = {}
        self._fresh = questions_of(self._it, self._rng)

    def _round(self) -> None:
        killed_at = self._live()
        self.tally.kills += 1
        old = [asked for asked, at in self._known.items() if at < killed_at - WRITTEN_S]
        self._known = dict.fromkeys(old, 0.0)  # the others may be on disk, or not
        router = self._it.router
        router.ip(*(f"route add blackhole {net}" for net in _LINKS))
        try:
            if old:
                self._ask_again(old)
        finally:
            router.ip(*(f"route del blackhole {net}" for net in _LINKS))
        self._look_for_trouble()

    def _live(self) -> float:
        """One life of the daemon; when it was killed."""
        is_short = self._rng.random() < SHORT_SHARE
        load = Load(self._it.client, self._fresh, self._rng, rate=self._rate)
        program = self._spawn()
        seconds = self._rng.uniform(*(SHORT_LIVES_S if is_short else LIVES_S))
        load.run(seconds, since_answer=not is_short)
        program.process.kill()
        killed_at = time.monotonic()
        program.process.wait()
        self._fresh = [asked for asked in self._fresh if asked not in load.answered]
        self.tally.queries += load.queries
        self.tally.answers += len(load.answered)
        for asked, (at, reply) in load.answered.items():
            self._compare(asked, reply, "before")
            self._known.setdefault(asked, at)
        return killed_at

    def _spawn(self) -> netns.Program:
        extra = f'working_directory = "{self._directory}"\nserver.user = ""'
        setup = peers.Setup(
            directory=self._directory, anchors=(self._it.anchor,), extra=extra,
            addresses=(run.SERVER[0],),
        )  # fmt: skip
        argv = peers.command("ours", setup)
        env = {**os.environ, "PYTHONPYCACHEPREFIX": str(self._it.directory / "bytecode")}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        directory = self._directory
        return self._it.client.spawn(*argv, log=directory / "log", cwd=directory, env=env)

    def _ask_again(self, old: list[Asked]) -> None:
        program = self._spawn()
        ready = [(self._it.client, *run.SERVER)]
        netns.wait_for(ready, programs=[program], patience_s=READY_S)
        sent = self._it.packets()[0]
        outcomes = ask.ask_all(self._it.client, run.SERVER, old, window=16)
        self.tally.packets += self._it.packets()[0] - sent
        program.process.kill()
        program.process.wait()
        self.tally.old += len(old)
        for one in outcomes:
            self._judge((one.name, one.rtype), one.reply)

    def _judge(self, asked: Asked, reply: bytes | None) -> None:
        tally = self.tally
        if reply is None or reply[3] & 0xF not in (0, 3):
            tally.missing.append(f"{' '.join(asked)}: {'silence' if reply is None else 'SERVFAIL'}")
        elif self._compare(asked, reply, "after"):
            if is_stale(reply):
                tally.stale += 1
            else:
                tally.fresh += 1

    def _compare(self, asked: Asked, reply: bytes, when: str) -> bool:
        fault = truth.difference(truth.lookup(self._it.world, *asked), reply, validates=True)
        if fault is not None:
            self.tally.wrong.append(f"{' '.join(asked)} {when} the kill: {fault}")
            print(f"  {self.tally.wrong[-1]}", file=sys.stderr, flush=True)
        return fault is None

    def _look_for_trouble(self) -> None:
        log = (self._directory / "log").read_text(errors="replace")
        for word in ("Traceback", "damaged", "no cache is kept"):
            self.tally.trouble += [line for line in log.splitlines() if word in line]
        if (self._directory / "cache" / "store.sqlite.bad").exists():
            self.tally.trouble.append("a store was set aside")
        (self._directory / "log").write_text("")


def is_stale(reply: bytes) -> bool:
    """Does it say that its data is over?"""
    options = dns.message.from_wire(reply).options
    return any(isinstance(one, dns.edns.EDEOption) and one.code in STALE for one in options)
