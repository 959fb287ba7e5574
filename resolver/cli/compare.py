"""Several resolvers asked the same names at the same time, as a stub would: who answers how soon.

Each contestant is asked at the same pace, with few queries unanswered at a time, so that nobody is
flooded. One try per name, no repeats: a lost packet counts as the failure that it is. Uses the
network seam of `upstream`, so a comparison can be run inside the lab too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import trio

from resolver.errors import WireError
from resolver.limits import BENCH_IN_FLIGHT, BENCH_SECONDS
from resolver.protocol import names, wire
from resolver.protocol.codes import Flag, Rcode, rcode_text
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from resolver.model import Question, Server
    from resolver.protocol.edns import Edns
    from resolver.protocol.message import Message
    from resolver.upstream.network import Network, UdpPort
    from resolver.upstream.tls_terms import Terms

FRESH_OCTETS = 17  # of a random label with its length, as `fresh` makes it
GOOD = frozenset({Rcode.NOERROR, Rcode.NXDOMAIN})


class Sample(NamedTuple):
    """One query. *outcome*: an rcode's text, "timeout" or why there is none; time only if it came.

    *kind*: what sort of answer it is, as votes compare them; "" if it is none.
    """

    question: Question
    outcome: str
    elapsed_s: float | None
    is_good: bool
    kind: str = ""


class Reply(NamedTuple):
    """What one packet brought: a message, the seconds it took and its *octets*; or *outcome*.

    *error*: the system's, where it was that which ended it.
    """

    outcome: str
    message: Message | None = None
    elapsed_s: float | None = None
    octets: int = 0
    error: OSError | None = None


@dataclass(slots=True)
class Contestant:
    """A resolver that is compared. *is_reachable* is None until somebody looked.

    *aside*: why it is not asked though it is reachable. *denies_the_root*: its answers count for
    nobody else's. *terms*: on which it is asked, if it is encrypted. *why*: what came of the last
    try to reach it.
    """

    name: str
    server: Server
    is_reachable: bool | None = None
    terms: Terms | None = None
    why: str = ""
    passes: dict[str, list[Sample]] = field(default_factory=dict)
    aside: str = ""
    denies_the_root: bool = False

    @property
    def takes_part(self) -> bool:
        return bool(self.is_reachable) and not self.aside

    @property
    def label(self) -> str:
        """Its name, and over what it is asked, where that is not plain DNS."""
        transport = self.server.transport
        return self.name if transport is Transport.UDP else f"{self.name} ({transport.value})"


class Ports(Protocol):
    """Who opens a port for a query: a `Network`, or `upstream.sessions.Sessions`."""

    def open_udp(self, server: Server, /) -> UdpPort: ...


class Asker:
    """A stub client for many questions at a time. `run` it in a nursery.

    *ports*: the network, unless somebody else opens them. *carriers*: ports that carry sessions.
    """

    def __init__(self, network: Network, rng: Random) -> None:
        self.ports: Ports = network
        self.carriers: dict[UdpPort, Callable[[bytes | OSError], None]] = {}
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
                if port in self.carriers:
                    self.carriers[port](got)
                else:
                    self.heard(port, got)

    def heard(self, port: UdpPort, got: bytes | OSError) -> None:
        """A reply, or what became of it."""
        waiting = self._waiting.get(port)
        if waiting is not None:
            waiting.take(got)

    async def ask(self, server: Server, question: Question) -> Sample:
        """One query, one try."""
        reply = await self.fetch(server, question)
        message = reply.message
        if message is None:
            return Sample(question, reply.outcome, None, is_good=False)
        is_good = message.rcode in GOOD
        kind = _kind(message, question) if is_good else ""
        return Sample(question, reply.outcome, reply.elapsed_s, is_good=is_good, kind=kind)

    async def fetch(
        self,
        server: Server,
        question: Question,
        *,
        sent: Edns | None = None,
        flags: int = Flag.RD,
        patience_s: float = BENCH_SECONDS,
    ) -> Reply:
        """The same, with all that the reply holds. *sent*: the EDNS of the query, if any."""
        query_id = self._rng.getrandbits(16)
        data = wire.build_query(
            id=query_id,
            qname=question.qname,
            qtype=question.qtype,
            qclass=question.qclass,
            flags=flags,
            edns=sent,
        )
        began = trio.current_time()
        try:
            port = self.ports.open_udp(server)
        except OSError as error:
            return Reply("unreachable", error=error)
        waiting = self._waiting[port] = _Wait(query_id, question)
        try:
            port.send(data)
            with trio.move_on_after(patience_s):
                await waiting.done.wait()
        except OSError as error:
            waiting.take(error)
        finally:
            del self._waiting[port]
            port.close()
        if waiting.message is None:
            return Reply(waiting.outcome, error=waiting.error)
        elapsed_s = waiting.came_at - began
        return Reply(waiting.outcome, waiting.message, elapsed_s, waiting.octets)


def _kind(message: Message, question: Question) -> str:
    """What sort of answer: whether records came, not which."""
    if message.rcode == Rcode.NXDOMAIN:
        return "NXDOMAIN"
    has_records = message.tc or any(one.rtype == question.qtype for one in message.answer)
    return "records" if has_records else "no records"


class _Wait:
    """A query on its way."""

    def __init__(self, query_id: int, question: Question) -> None:
        self.done = trio.Event()
        self.outcome = "timeout"
        self.message: Message | None = None
        self.came_at = 0.0
        self.octets = 0
        self.error: OSError | None = None
        self._query_id = query_id
        self._question = question

    def take(self, got: bytes | OSError) -> None:
        """A reply that matches ends the wait; what does not is somebody's mistake, or forged."""
        if isinstance(got, OSError):
            self.outcome, self.error = getattr(got, "reason", "") or "unreachable", got
            self.done.set()
            return
        try:
            message = wire.parse_untrusted(got)
        except WireError:
            return
        if message.id != self._query_id or message.qname != self._question.qname:
            return
        self.came_at, self.octets = trio.current_time(), len(got)
        self.message = message
        self.outcome = rcode_text(message.rcode)
        self.done.set()


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
