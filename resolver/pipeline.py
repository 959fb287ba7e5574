"""The path of one client query: admit → recall → policy → resolve → reply.

The packet cache has had its look before (in the listener's loop); what comes here is parsed, held
against the rules of RFC 8906 and the access list, answered from local zones at once, and otherwise
given a task and a budget of its own in the resolver's nursery, which looks into memory first: a
client that goes away harms nobody who joined. Without RD, memory alone is asked. The only place
where any exception is caught: a bug costs one SERVFAIL.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from resolver.budget import QueryBudget, Share
from resolver.dnssec import sentinel
from resolver.errors import ResolutionFailed, WireError
from resolver.limits import HASHES, NS_LOOKUPS, SIGNATURE_CHECKS, UPSTREAM_QUERIES
from resolver.model import Answer, Ede, Question, Status
from resolver.packets.form import dress
from resolver.policy import query_rules
from resolver.policy.tsig import with_last
from resolver.protocol.codes import EdeCode, Flag, Rcode, RRType
from resolver.protocol.ip_addresses import address_octets
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted
from resolver.reply import Shape, malformed, refuse, render, render_alone
from resolver.runtime.shortage import Shortage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.packets.cache import PacketCache
    from resolver.packets.front import Front
    from resolver.protocol.edns import Option
    from resolver.protocol.message import Message
    from resolver.protocol.transport import Client
    from resolver.recurse.resolver import Resolver

    Respond = Callable[[bytes | None], None]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PathCounters:
    """Since the start; read by telemetry."""

    queries: int = 0
    malformed: int = 0
    refused: int = 0
    local: int = 0
    recalled: int = 0
    resolved: int = 0
    failed: int = 0
    crashed: int = 0


@dataclass(frozen=True, slots=True)
class PathSettings:
    """What configuration says about the path. *options* are ours in every reply that has EDNS."""

    max_udp: int = 1232
    query_seconds: float = 10.0
    nsid: bytes = b""


class Pipeline:
    """Takes queries from listeners, gives replies to them."""

    def __init__(
        self,
        resolver: Resolver,
        packets: PacketCache,
        *,
        spawn: Callable[..., None],
        admits: Callable[[bytes], bool],
        local: Callable[[Question], Answer | None],
        settings: PathSettings,
        root_tags: Callable[[], frozenset[int]] = frozenset,
        shortage: Shortage | None = None,
        counters: PathCounters | None = None,
    ) -> None:
        self._resolver = resolver
        self._packets = packets
        self._spawn = spawn
        self._admits = admits
        self._local = local  # local zones, class CHAOS
        self._root_tags = root_tags
        self._settings = settings
        self.shortage = shortage or Shortage()
        self.counters = counters or PathCounters()

    def front(self, transport: Transport) -> Front:
        """The listener's way into the packet cache: only admitted clients see anything."""
        return self._packets.front(
            transport, admit=lambda source: 0 if self._admits(source) else None
        )

    def start(self, data: bytes, client: Client, respond: Respond) -> None:
        """The whole path; *respond* is called once, now or from a task."""
        self.counters.queries += 1
        try:
            self._start(data, client, respond)
        except MemoryError:
            self.shortage.note()
            respond(None)

    def _start(self, data: bytes, client: Client, respond: Respond) -> None:
        try:
            query = parse_untrusted(data)
        except WireError:
            self.counters.malformed += 1
            respond(malformed(data))
            return
        if query.flags & Flag.QR:
            respond(None)
            return
        self._answer(_Call(self._packets, self._settings, data, query, client, respond))

    def _answer(self, call: _Call) -> None:
        """Everything that needs no waiting; else a task."""
        query = call.query
        if not self._admits(call.source):
            self.counters.refused += 1
            call.refuse(Rcode.REFUSED, EdeCode.PROHIBITED)
            return
        verdict = query_rules.check(query)
        if verdict is not None:
            call.refuse(verdict.rcode, verdict.ede, last=verdict.last)
            return
        question = query.question
        local = self._local(question)
        if local is not None:
            self.counters.local += 1
            call.reply(local)
            return
        if query.qclass != 1:
            call.refuse(Rcode.REFUSED, EdeCode.NOT_SUPPORTED)
            return
        if query.flags & Flag.RD:
            self._spawn(self._resolve, call, question)  # looks into memory too, and only once
            return
        known = self._resolver.recall(question, checking=not query.cd)
        if known is not None:
            self.counters.recalled += 1
            call.reply(self._told(known, checking=not query.cd))
        else:
            call.reply(self._resolver.refer(question, checking=not query.cd))

    async def _resolve(self, call: _Call, question: Question) -> None:
        """Resolve within the deadline, and answer whatever happens."""
        try:
            checking = not call.query.flags & Flag.CD
            call.reply(await self._within_time(question, checking=checking))
        except MemoryError:
            self.shortage.note()
            call.drop()
        except Exception:  # noqa: BLE001  # the one boundary: a bug costs one SERVFAIL
            self.counters.crashed += 1
            _log.exception("a query failed by a fault of ours")
            call.reply(_failed(question, (Ede(EdeCode.OTHER, "internal error"),)))

    def at_once(self, question: Question, *, checking: bool = True) -> Answer | None:
        """What nobody needs to be asked for: local zones, memory. None if that is not enough."""
        local = self._local(question)
        if local is not None:
            return local
        known = self._resolver.recall(question, checking=checking)
        return None if known is None else self._told(known, checking=checking)

    async def answer(self, question: Question, *, checking: bool = True) -> Answer:
        """The answer to a question that came without a client; a failure is an answer too."""
        return self._local(question) or await self._within_time(question, checking=checking)

    def _told(self, answer: Answer, *, checking: bool) -> Answer:
        """*answer*, unless it is a root key sentinel's question and the keys say otherwise."""
        question = answer.question
        if not question.qname.startswith(_SENTINEL, 1):
            return answer
        if sentinel.must_fail(question, answer.status, self._root_tags(), checking=checking):
            return _failed(question, (Ede(EdeCode.DNSSEC_BOGUS, "root key sentinel (RFC 8509)"),))
        return answer

    async def _within_time(self, question: Question, *, checking: bool) -> Answer:
        """The answer, SERVFAIL at the latest when the client's time is up.

        Every wait below ends by the budget's deadline, so no cancel scope is opened here.
        """
        budget = budget_until(trio.current_time() + self._settings.query_seconds)
        try:
            answer = await self._resolver.resolve(question, budget, checking=checking)
        except ResolutionFailed as error:
            self.counters.failed += 1
            return _failed(question, error.ede or (Ede(EdeCode.OTHER, str(error)),))
        if budget.whole.sent:
            self.counters.resolved += 1
        else:
            self.counters.recalled += 1
        if question.qname.startswith(_SENTINEL, 1):
            return self._told(answer, checking=checking)
        return answer


async def contained(function: Callable[..., Awaitable[None]], *args: object) -> None:
    """Run background work of a query; a fault of ours ends it, and nothing else."""
    try:
        await function(*args)
    except MemoryError:
        return  # whoever asks next finds no more memory than this did, and gives some back
    except Exception:  # noqa: BLE001  # the same boundary, where no client waits
        _log.exception("background work failed by a fault of ours")


def budget_until(deadline: float) -> Share:
    """The full allowance of one client query."""
    return Share(
        QueryBudget(
            queries=UPSTREAM_QUERIES,
            ns_lookups=NS_LOOKUPS,
            signature_checks=SIGNATURE_CHECKS,
            hashes=HASHES,
            deadline=deadline,
        )
    )


def _failed(question: Question, ede: tuple[Ede, ...]) -> Answer:
    return Answer(question, Rcode.SERVFAIL, status=Status.INDETERMINATE, ede=ede)


class _Call:
    """One query with all that its reply depends on."""

    __slots__ = (
        "_data", "_generation", "_packets", "_respond", "_settings", "client", "query", "source",
    )  # fmt: skip

    def __init__(
        self,
        packets: PacketCache,
        settings: PathSettings,
        data: bytes,
        query: Message,
        client: Client,
        respond: Respond,
    ) -> None:
        self._packets = packets
        self._settings = settings
        self._data = data
        self._respond = respond
        self._generation = packets.generation
        self.query = query
        self.client = client
        self.source = address_octets(client.host)

    def _shape(self) -> Shape:
        settings = self._settings
        transport = self.client.transport
        is_stream = transport is not Transport.UDP
        edns = self.query.edns
        if edns is None or not edns.options:
            return Shape(settings.max_udp, is_stream)
        options: tuple[Option, ...] = ()
        if settings.nsid and edns.option(_NSID) is not None:
            options = ((_NSID, settings.nsid),)
        return Shape(
            settings.max_udp, is_stream, self._packets.reserve(edns.options, transport), options
        )

    def _dressed(self, reply: bytes) -> bytes:
        edns = self.query.edns
        if edns is None or not edns.options:
            return reply
        options = self._packets.option_for(edns.options, self.source, self.client.transport)
        return dress(reply, options)

    def drop(self) -> None:
        """No reply: the client asks again when there may be memory for one."""
        self._respond(None)

    def refuse(self, rcode: int, ede: int | None, *, last: bytes = b"") -> None:
        """*last*: a record that the reply ends with."""
        said = () if ede is None else (Ede(ede),)
        reply = self._dressed(refuse(self.query, rcode, self._shape(), ede=said))
        self._respond(with_last(reply, last) if last else reply)

    def reply(self, answer: Answer) -> None:
        """Render, keep as a packet, send."""
        shape = self._shape()
        layout = None
        alone = render_alone(self.query, answer, shape)
        if alone is None:
            reply = render(self.query, answer, shape)
        else:
            reply, layout = alone
        is_of_now = self._packets.generation == self._generation  # no reload came between
        if is_of_now and self._may_keep(answer) and not shape.options:
            self._packets.store(
                self._data,
                reply,
                transport=self.client.transport,
                lifetime_s=answer.lifetime_s,
                qname=self.query.qname_raw,
                layout=layout,
            )
        self._respond(self._dressed(reply))

    def _may_keep(self, answer: Answer) -> bool:
        """Packets are whole, lasting answers of class IN to plain queries."""
        query = self.query
        return bool(
            answer.rcode in _KEPT
            and query.flags & Flag.RD
            and query.qclass == 1
            and query.qtype != RRType.ANY
            and not answer.is_stale
            and (answer.answer or answer.authority)
        )


_KEPT = (Rcode.NOERROR, Rcode.NXDOMAIN)
_NSID = 3
_SENTINEL = b"root-key-sentinel-"
