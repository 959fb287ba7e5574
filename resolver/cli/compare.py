"""Several resolvers asked the same names at the same time, as a stub would: who answers how soon.

Each contestant is asked at the same turns, with few queries unanswered at a time, so that nobody is
flooded. One try per name, no repeats: a lost packet counts as the failure that it is. Uses the
network seam of `upstream`, so a comparison can be run inside the lab too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver.errors import WireError
from resolver.limits import BENCH_IN_FLIGHT, BENCH_SECONDS
from resolver.protocol import names, wire
from resolver.protocol.codes import Flag, Rcode, rcode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from resolver.model import Question, Server
    from resolver.upstream.network import Network, UdpPort

GOOD = frozenset({Rcode.NOERROR, Rcode.NXDOMAIN})


class Sample(NamedTuple):
    """One query. *outcome* is an rcode's text, "timeout" or "unreachable"; time only if it came."""

    question: Question
    outcome: str
    elapsed_s: float | None
    is_good: bool


@dataclass(slots=True)
class Contestant:
    """A resolver that is compared. *is_reachable* is None until somebody looked."""

    name: str
    server: Server
    is_reachable: bool | None = None
    passes: dict[str, list[Sample]] = field(default_factory=dict)


class Asker:
    """A stub client for many questions at a time. `run` it in a nursery."""

    def __init__(self, network: Network, rng: Random) -> None:
        self._network = network
        self._rng = rng
        self._waiting: dict[UdpPort, _Wait] = {}

    def __repr__(self) -> str:
        return f"<Asker waiting for {len(self._waiting)}>"

    async def run(self) -> None:
        """Hand what arrives to who waits for it."""
        while True:
            await self._network.wait()
            for port, got in self._network.receive():
                waiting = self._waiting.get(port)
                if waiting is not None:
                    waiting.take(got)

    async def ask(self, server: Server, question: Question) -> Sample:
        """One query, one try."""
        query_id = self._rng.getrandbits(16)
        data = wire.build_query(
            id=query_id, qname=question.qname, qtype=question.qtype, flags=Flag.RD
        )
        began = trio.current_time()
        try:
            port = self._network.open_udp(server)
        except OSError:
            return Sample(question, "unreachable", None, is_good=False)
        waiting = self._waiting[port] = _Wait(query_id, question)
        try:
            port.send(data)
            with trio.move_on_after(BENCH_SECONDS):
                await waiting.done.wait()
        except OSError:
            waiting.outcome = "unreachable"
        finally:
            del self._waiting[port]
            port.close()
        if waiting.rcode is None:
            return Sample(question, waiting.outcome, None, is_good=False)
        elapsed_s = waiting.came_at - began
        return Sample(question, waiting.outcome, elapsed_s, is_good=waiting.rcode in GOOD)


class _Wait:
    """A query on its way."""

    def __init__(self, query_id: int, question: Question) -> None:
        self.done = trio.Event()
        self.outcome = "timeout"
        self.rcode: int | None = None
        self.came_at = 0.0
        self._query_id = query_id
        self._question = question

    def take(self, got: bytes | OSError) -> None:
        """A reply that matches ends the wait; what does not is somebody's mistake, or forged."""
        if isinstance(got, OSError):
            self.outcome = "unreachable"
            self.done.set()
            return
        try:
            message = wire.parse_untrusted(got)
        except WireError:
            return
        if message.id != self._query_id or message.qname != self._question.qname:
            return
        self.came_at = trio.current_time()
        self.rcode = message.rcode
        self.outcome = rcode_text(message.rcode)
        self.done.set()


async def reach(
    asker: Asker, contestant: Contestant, question: Question, *, tries: int = 2
) -> None:
    """Find out whether anybody answers there at all."""
    for _ in range(tries):
        sample = await asker.ask(contestant.server, question)
        if sample.elapsed_s is not None:
            contestant.is_reachable = True
            return
    contestant.is_reachable = False


async def one_pass(
    asker: Asker,
    contestant: Contestant,
    label: str,
    questions: Sequence[Question],
    *,
    rate: float,
    progress: Callable[[], None],
) -> None:
    """All *questions* at *rate* per second; the samples go into the contestant, in order."""
    samples: list[Sample | None] = [None] * len(questions)
    turnstile = trio.CapacityLimiter(BENCH_IN_FLIGHT)

    async def put(index: int, question: Question) -> None:
        async with turnstile:
            samples[index] = await asker.ask(contestant.server, question)
        progress()

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for index, question in enumerate(questions):
            await trio.sleep_until(began + index / rate)
            nursery.start_soon(put, index, question)
    contestant.passes[label] = [sample for sample in samples if sample is not None]


def fresh(zone: bytes, count: int, rng: Random) -> list[bytes]:
    """Names that no cache can hold: random labels below *zone*. Raises ValueError if too long."""
    return [names.prepend(f"{rng.getrandbits(64):016x}".encode(), zone) for _ in range(count)]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that *share* of *values* do not exceed; *values* is sorted and not empty."""
    return values[min(len(values) - 1, int(share * len(values)))]
