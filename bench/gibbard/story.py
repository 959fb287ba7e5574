"""One situation lived through by the whole resolver, in virtual time.

Before the cut names are asked; in it, known and new ones, at once and later; the program starts
again within it; and after the return everything is asked, what failed too. A stub asks over UDP.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from bench.gibbard.country import Country
from bench.gibbard.reckoning import Reckoning
from bench.gibbard.situations import HOUR_S
from resolver.config.schema import NOT_YET, Config, Dnssec, Resolution, Root, Server
from resolver.daemon.run import running
from resolver.lab.virtual_time import VirtualClock, run, seeded
from resolver.protocol import names
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.wire import build_query, parse_untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractAsyncContextManager
    from random import Random

    from bench.gibbard.country import Asked
    from bench.gibbard.situations import Situation
    from resolver.daemon.run import Daemon
    from resolver.protocol.message import Message
    from resolver.runtime.clock import Clock

SERVES_STALE = "resolution.serve_stale" not in NOT_YET
KEEPS = "cache.persist" not in NOT_YET
RESOLVER = ("192.0.2.53", 53)
CLIENT = "192.0.2.7"
PATIENCE_S = 12.0
SLOW_MS = 1000.0
WALL = 1_785_000_000.0
BETWEEN_S = 0.2
START_S, SETTLE_S, RESTART_S, RETURN_S = 4.0, 20.0, 0.5, 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """What one question came to. *rcode* None: silence; *is_right*: the address of the table."""

    asked: Asked
    in_cut: bool
    is_possible: bool
    is_right: bool
    rcode: int | None
    took_ms: float

    @property
    def is_odd(self) -> bool:
        """Not what the table says; what cannot be resolved is to be told as SERVFAIL."""
        if self.is_right or self.is_possible:
            return self.is_right != self.is_possible
        return self.rcode != Rcode.SERVFAIL

    @property
    def is_slow(self) -> bool:
        """Served at home and resolved in a cut, but not as if nothing were the matter."""
        is_home = self.asked.is_home
        return self.in_cut and is_home and self.is_right and self.took_ms > SLOW_MS

    @property
    def group(self) -> str:
        """Where it is served, and whether it was asked before the cut."""
        where = "home" if self.asked.is_home else "abroad"
        return f"{where} {'new' if self.asked.batch else 'known'}"


@dataclasses.dataclass(frozen=True, slots=True)
class Phase:
    title: str
    heard: tuple[Heard, ...]


def live(situation: Situation, *, seed: int = 1, is_signed: bool = True) -> list[Phase]:
    """All phases of *situation*; the same each time for one seed."""
    with tempfile.TemporaryDirectory(prefix="gibbard-") as directory:
        story = Story(situation, directory, seed=seed, is_signed=is_signed)
        return run(story.live, seed=seed)


def live_often(
    situation: Situation, seeds: Iterable[int], *, is_signed: bool = True
) -> list[Phase]:
    """The phases of several seeds, each as one."""
    lives = zip(*(live(situation, seed=seed, is_signed=is_signed) for seed in seeds), strict=True)
    return [
        Phase(phases[0].title, tuple(one for phase in phases for one in phase.heard))
        for phases in lives
    ]


class Story:
    """*directory* is the resolver's working directory."""

    def __init__(self, situation: Situation, directory: str, *, seed: int, is_signed: bool) -> None:
        self._seed = seed
        self._situation = situation
        signed_at = WALL if is_signed else None
        self._country = Country(situation, len(situation.later_s) + 3, signed_at=signed_at)
        serves = SERVES_STALE and situation.serves_stale is not False
        self._reckoning = Reckoning(situation, serves_stale=serves, keeps=KEEPS)
        self._network = self._country.world.network(seed=seed)
        self._config = configuration(self._country, directory)
        self._batch = 0
        self._failed: list[Asked] = []

    async def live(self) -> list[Phase]:
        clock, later_s = VirtualClock(wall=WALL), self._situation.later_s
        rngs = [seeded("gibbard", self._situation.key, self._seed, process) for process in (1, 2)]
        async with self._running(clock, rngs[0]):
            await trio.sleep(START_S)
            phases = [await self._phase("before", self._of_batch(0))]
            await trio.sleep(SETTLE_S)
            self._cut(is_cut=True)
            begun = trio.current_time()
            phases.append(await self._phase("cut", self._known_and_new()))
            for after_s in later_s:
                await trio.sleep_until(begun + after_s)
                phases.append(await self._phase(f"+{after_s / HOUR_S:g} h", self._known_and_new()))
        self._reckoning.restart()
        async with self._running(clock, rngs[1]):
            await trio.sleep(RESTART_S)
            phases.append(await self._phase("restart", self._known_and_new()))
            self._cut(is_cut=False)
            await trio.sleep(RETURN_S)
            failed, self._failed = self._failed, []
            phases.append(await self._phase("return", [*failed, *self._known_and_new()]))
        self._network.close()
        return phases

    def _running(self, clock: Clock, rng: Random) -> AbstractAsyncContextManager[Daemon]:
        network = self._network
        return running(
            self._config, network=network, listen_network=network, clock=clock, rng=rng,
            persists=KEEPS,
        )  # fmt: skip

    def _cut(self, *, is_cut: bool) -> None:
        self._reckoning.is_cut = is_cut and bool(self._situation.cut)
        if self._reckoning.is_cut:
            self._country.cut()
        else:
            self._country.heal()

    def _of_batch(self, batch: int) -> list[Asked]:
        return [asked for asked in self._country.names if asked.batch == batch]

    def _known_and_new(self) -> list[Asked]:
        """Mixed, so that none of them has the first silence for itself."""
        self._batch += 1
        found = self._of_batch(0) + self._of_batch(self._batch)
        seeded("order", self._situation.key, self._seed, self._batch).shuffle(found)
        return found

    async def _phase(self, title: str, names_asked: Iterable[Asked]) -> Phase:
        """Each name is asked BETWEEN_S after the last, whether that is answered or not."""
        heard: list[Heard] = []
        async with trio.open_nursery() as nursery:
            for asked in names_asked:
                nursery.start_soon(self._ask, asked, heard)
                await trio.sleep(BETWEEN_S)
        self._failed += [one.asked for one in heard if not one.is_right and one.asked.batch]
        return Phase(title, tuple(heard))

    async def _ask(self, asked: Asked, heard: list[Heard]) -> None:
        begun = trio.current_time()
        is_possible = self._reckoning.ask(asked, begun)
        client = self._network.client(CLIENT)
        query = build_query(
            id=self._network.rng.randrange(65_536), qname=names.from_text(asked.qname),
            qtype=RRType.A, flags=Flag.RD,
        )  # fmt: skip
        reply = await client.ask_udp(RESOLVER, query, timeout_s=PATIENCE_S)
        client.close()
        took_ms = (trio.current_time() - begun) * 1000
        message = None if reply is None else parse_untrusted(reply)
        rcode = None if message is None else message.flags & 0xF
        heard.append(Heard(
            asked, self._reckoning.is_cut, is_possible, is_right(message, asked), rcode, took_ms
        ))  # fmt: skip


def configuration(country: Country, directory: str) -> Config:
    """As shipped, but for where it listens and what the world has no data for."""
    Path(directory, "hints").write_text(country.hints, "utf-8")
    anchors = "".join(f"{anchor}\n" for anchor in country.world.anchors)
    Path(directory, "anchors").write_text(anchors, "utf-8")
    stale = country.situation.serves_stale
    is_told = SERVES_STALE and stale is not None
    return Config(
        working_directory=directory,
        server=Server(listen=("192.0.2.53:53",), user="", allow_from=("192.0.2.0/24",)),
        root=Root(hints_file="hints"),
        resolution=Resolution(serve_stale=bool(stale)) if is_told else Resolution(),
        dnssec=Dnssec(
            validate=bool(anchors),
            builtin_root_anchor=False,
            trust_anchors_file="anchors" if anchors else "",
        ),
    )


def is_right(message: Message | None, asked: Asked) -> bool:
    if message is None or message.flags & 0xF != Rcode.NOERROR:
        return False
    octets = bytes(map(int, asked.expected.split(".")))
    return [record.rdata for record in message.answer] == [octets]
