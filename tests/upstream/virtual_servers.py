"""A tiny set of servers for tests of `upstream`: each answers as its script says."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeAlias

import trio

from resolver.budget import QueryBudget, Share
from resolver.lab.faults import Path
from resolver.lab.virtual_network import VirtualNetwork
from resolver.model import Delegation, Question, Server, Verdict
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.names import from_text
from resolver.protocol.wire import Record, build, parse_untrusted
from resolver.upstream.dispatcher import Dispatcher
from resolver.upstream.infra import Infra
from resolver.upstream.request import Classified, Reply, Request
from resolver.upstream.settings import Outgoing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from resolver.lab.virtual_parts import Delayed
    from resolver.protocol.wire import Message
    from resolver.upstream.server_events import Tried

ZONE = from_text("example.com")
QUESTION = Question(from_text("www.example.com"), RRType.A)
ANSWER = bytes([192, 0, 2, 80])


def answer(
    query: Message, *, rcode: int = Rcode.NOERROR, flags: int = 0, **changes: object
) -> bytes:
    """An authoritative answer with one A record; *changes* replace arguments of `build`."""
    arguments: dict[str, object] = {
        "id": query.id,
        "flags": Flag.QR | Flag.AA | flags | rcode & 0xF,
        "question": (query.qname_raw, query.qtype, query.qclass),
        "answer": [Record(query.qname, RRType.A, 1, 300, ANSWER)] if not rcode else [],
        "authority": [],
        "additional": [],
        "edns": None if query.edns is None else Edns(extended_rcode=rcode >> 4),
        "max_size": 1232,
    }
    arguments.update(changes)
    return build(**arguments)  # type: ignore[arg-type]


Told: TypeAlias = "bytes | Sequence[bytes | Delayed] | None"


class Script:
    """A server: *reply* makes its octets from the query; counts what it is asked."""

    def __init__(self, reply: Callable[[Message, str], Told] | None = None) -> None:
        self.reply = reply or (lambda query, _: answer(query))
        self.seen: list[tuple[float, str, Message]] = []

    def answer(self, data: bytes, transport: str, source: str) -> Told:
        del source
        query = parse_untrusted(data)
        self.seen.append((trio.current_time(), transport, query))
        return self.reply(query, transport)

    @property
    def count(self) -> int:
        return len(self.seen)


def by_rcode(message: Message, server: Server) -> Classified:
    """Stands in for the walker's: by rcode alone."""
    del server
    verdicts = {
        Rcode.NOERROR: Verdict.ANSWER if message.answer else Verdict.LAME,
        Rcode.NXDOMAIN: Verdict.NXDOMAIN,
        Rcode.REFUSED: Verdict.REFUSED,
        Rcode.FORMERR: Verdict.FORMERR,
        Rcode.NOTIMP: Verdict.NOTIMP,
    }
    return Classified(verdicts.get(message.rcode, Verdict.SERVFAIL))


async def no_more() -> bool:
    return False


class World:
    """Virtual servers, a dispatcher, and a short way to ask."""

    def __init__(
        self,
        *,
        seed: int = 1,
        sources: tuple[str, ...] = ("203.0.113.53", "2001:db8:53::53"),
        in_flight_limit: int = 1000,
        validates: bool = True,
        named: tuple[Delegation, ...] = (),
        **settings: object,
    ) -> None:
        self.network = VirtualNetwork(rng=random.Random(seed), sources=sources)
        self.faults = self.network.faults
        self.servers: dict[str, Script] = {}
        self.rng = random.Random(seed + 1)
        self.infra = Infra(rng=self.rng)
        self.dispatcher = Dispatcher(
            network=self.network,
            infra=self.infra,
            rng=self.rng,
            config=Outgoing(**settings),  # type: ignore[arg-type]
            in_flight_limit=in_flight_limit,
            validates=validates,
            named=named,
        )
        self.most_in_flight = 0
        self.network.observers.append(self._watch)
        self.tries: list[Tried] = []
        self.dispatcher.on_event(self.tries.append)
        self.whole = QueryBudget(
            queries=100, ns_lookups=20, signature_checks=0, hashes=0, deadline=1e9
        )

    def _watch(self, _: object) -> None:
        self.most_in_flight = max(self.most_in_flight, self.dispatcher.in_flight)

    def serve(
        self, host: str, script: Script | None = None, *, rtt_s: float = 0.02, **path: object
    ) -> Script:
        script = script or Script()
        self.servers[host] = script
        self.network.attach(host, script)
        self.faults.set(host, Path(delay_s=rtt_s / 2, **path))  # type: ignore[arg-type]
        return script

    def delegation(
        self, *hosts: str, zone: bytes = ZONE, glueless: tuple[bytes, ...] = (), **options: object
    ) -> Delegation:
        """One nameserver per address, in this order, and those of which no address is known."""
        names = tuple(from_text(f"ns{i}.example.net") for i in range(len(hosts)))
        addresses = {
            name: (Server(host, 53, name),) for name, host in zip(names, hosts, strict=True)
        }
        return Delegation(zone, (*names, *glueless), addresses, **options)  # type: ignore[arg-type]

    def request(self, *hosts: str, zone: bytes = ZONE, **changes: object) -> Request:
        request = Request(
            question=QUESTION,
            delegation=self.delegation(*hosts, zone=zone),
            classify=by_rcode,
            more_addresses=no_more,
            budget=Share(self.whole),
        )
        return request._replace(**changes)  # type: ignore[arg-type]

    async def ask(self, *hosts: str, **changes: Any) -> Reply:
        """The servers at *hosts* are asked `QUESTION`; *changes* replace parts of the request."""
        return await self.dispatcher.ask(self.request(*hosts, **changes))

    async def run(self, story: Callable[[], Awaitable[None]]) -> None:
        """The dispatcher runs while the story is told."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.dispatcher.run)
            self.whole.deadline = trio.current_time() + 1000
            await story()
            nursery.cancel_scope.cancel()
