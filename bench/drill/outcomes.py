"""One of Gibbard's situations: what a drill says of each name, and what it comes to in the cut.

Names are asked, as in `bench.gibbard`; then the daemon is drilled, with the servers kept that the
situation spares; then these alone answer, and at each of the drill's times all names are asked that
were, and as many that never were.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, NamedTuple

import trio

from bench.gibbard.country import Country
from bench.gibbard.story import (
    BETWEEN_S,
    CLIENT,
    PATIENCE_S,
    RESOLVER,
    SETTLE_S,
    START_S,
    WALL,
    configuration,
    is_right,
)
from resolver.daemon import drill_work
from resolver.daemon.run import running
from resolver.drill.closure import Closure
from resolver.drill.facts import Used
from resolver.drill.report import verdicts
from resolver.lab.virtual_time import VirtualClock, run, seeded
from resolver.limits import DRILL_FACTS
from resolver.operate.drill import job_of
from resolver.operate.drill_facts import Remembered
from resolver.operate.drill_keep import kept_of
from resolver.protocol import names
from resolver.protocol.codes import EdeCode, Flag, RRType
from resolver.protocol.edns import OPT_EDE, Edns, ede_of
from resolver.protocol.wire import build_query, parse_untrusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.gibbard.country import Asked
    from bench.gibbard.situations import Situation
    from resolver.daemon.run import Daemon

AFTER_S = (0.0, 3600.0, 86_400.0, 604_800.0)
_STALE = (EdeCode.STALE_ANSWER, EdeCode.STALE_NXDOMAIN)


class Compared(NamedTuple):
    """One name at one time: *said* by the drill ("fresh", "stale", "unknown" or "failed"), and what
    *came*."""

    asked: Asked
    after_s: float
    said: str
    came: str

    @property
    def is_equal(self) -> bool:
        """Told or not; what is not known cannot be wrong."""
        return self.said == "unknown" or (self.said == "failed") == (self.came == "failed")


def compared(situation: Situation, *, seed: int = 1, far_ms: float | None = None) -> list[Compared]:
    """All names, at all times; the same each time for one seed. *far_ms*: the drill is told where
    far begins, and goes by what was measured; None: it is told who is spared."""
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        return run(_Story(situation, directory, seed, far_ms).live, seed=seed)


def link_ms(situation: Situation) -> float | None:
    """Between what the failure takes and what it spares; None where no distance parts them."""
    sites = [*situation.roots, *situation.home, *situation.abroad]
    sites += [site for tld in situation.tlds for site in tld.sites]
    fails = [site.rtt_ms for site in sites if site.fails]
    spared = [site.rtt_ms for site in sites if not site.fails]
    if not situation.cut or not fails or max(spared, default=0.0) >= min(fails):
        return None
    return (max(spared, default=0.0) + min(fails)) / 2


class _Story:
    def __init__(
        self, situation: Situation, directory: str, seed: int, far_ms: float | None
    ) -> None:
        self._situation = situation
        self._far_ms = far_ms
        self._country = Country(situation, len(AFTER_S), signed_at=WALL)
        self._network = self._country.world.network(seed=seed)
        self._config = configuration(self._country, directory)
        self._rng = seeded("drill", situation.key, seed, 1)

    async def live(self) -> list[Compared]:
        network, found = self._network, list[Compared]()
        async with running(
            self._config, network=network, listen_network=network,
            clock=VirtualClock(wall=WALL), rng=self._rng,
        ) as daemon:  # fmt: skip
            await trio.sleep(START_S)
            await self._ask_all(self._of_batch(0))
            await trio.sleep(SETTLE_S)
            said = await self._said(daemon)
            begun = trio.current_time()
            if self._situation.cut:
                self._country.cut()
            for number, after_s in enumerate(AFTER_S):
                await trio.sleep_until(begun + after_s)
                asked = self._of_batch(0) + self._of_batch(number + 1)
                came = await self._ask_all(asked)
                found += [
                    Compared(one, after_s, said[one.qname][number], came[one.qname])
                    for one in asked
                ]
        network.close()
        return found

    def _of_batch(self, batch: int) -> list[Asked]:
        return [asked for asked in self._country.names if asked.batch == batch]

    def _kept(self) -> list[str]:
        if not self._situation.cut:
            return _ALL
        return self._country.spared() or _NOBODY

    async def _said(self, daemon: Daemon) -> dict[str, list[str]]:
        """What the drill says of each name at each time."""
        parts = daemon.parts
        used = [Used(names.from_text(one.qname), RRType.A) for one in self._country.names]
        closure = Closure(Remembered(parts), DRILL_FACTS)
        for one in used:
            closure.follow(one.asked)
        if self._far_ms is not None:
            kept = kept_of(parts, far_ms=self._far_ms)
        else:
            kept = kept_of(parts, keep_only=self._kept())
        job = job_of(parts, used, [closure.take()], kept, list(AFTER_S), is_cold=False)
        index, terms = drill_work.prepared(job)
        told = verdicts(index, used, terms, AFTER_S)
        return {asked.qname: kinds for asked, kinds in zip(self._country.names, told, strict=True)}

    async def _ask_all(self, asked: Sequence[Asked]) -> dict[str, str]:
        came: dict[str, str] = {}
        async with trio.open_nursery() as nursery:
            for one in asked:
                nursery.start_soon(self._ask, one, came)
                await trio.sleep(BETWEEN_S)
        return came

    async def _ask(self, asked: Asked, came: dict[str, str]) -> None:
        client = self._network.client(CLIENT)
        query = build_query(
            id=self._network.rng.randrange(65_536), qname=names.from_text(asked.qname),
            qtype=RRType.A, flags=Flag.RD, edns=Edns(),
        )  # fmt: skip
        reply = await client.ask_udp(RESOLVER, query, timeout_s=PATIENCE_S)
        client.close()
        message = None if reply is None else parse_untrusted(reply)
        if message is None or not is_right(message, asked):
            came[asked.qname] = "failed"
            return
        options = message.edns.options if message.edns is not None else ()
        codes = [ede[0] for code, data in options if code == OPT_EDE and (ede := ede_of(data))]
        came[asked.qname] = "stale" if any(code in _STALE for code in codes) else "fresh"


_NOBODY = ["192.0.2.255/32"]
_ALL = ["0.0.0.0/0", "::/0"]
