"""Asks the network what `judge_network` judges: all side by side, each with its own patience.

Servers of the root are asked, for everybody knows what is right there, and the forwarders of the
configuration; nothing of anybody's names goes out. Nothing raises: what did not work is an outcome.
"""

from __future__ import annotations

import errno
from dataclasses import replace
from random import SystemRandom
from typing import TYPE_CHECKING, Final, NamedTuple

import trio

from resolver.cli.compare import Contestant
from resolver.cli.doctor.evidence import (
    ANSWERED,
    NO_ROUTE,
    TIMEOUT,
    Forward,
    Internet,
    Kind,
    Probe,
    Window,
)
from resolver.config import forwarders
from resolver.daemon import encryption, state, zones
from resolver.errors import ResolverError, WireError
from resolver.limits import (
    DOCTOR_FORWARDERS,
    DOCTOR_REPLY_SECONDS,
    DOCTOR_SECONDS,
    DOCTOR_SERVERS,
    DOCTOR_TRIES,
    UDP_PAYLOAD,
)
from resolver.model import Question, Server
from resolver.protocol import edns, names, rdata_fields, wire
from resolver.protocol.codes import Flag, RRClass, RRType
from resolver.protocol.framing import Splitter, frame
from resolver.runtime.own_addresses import own_addresses
from resolver.telemetry.presentation import rdata_text
from resolver.upstream.instance import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.cli.compare import Asker, Reply
    from resolver.config.schema import Config
    from resolver.protocol.message import Message
    from resolver.upstream.network import Network

NOBODY: Final = (Server("192.0.2.53"), Server("2001:db8::53"))  # for documents: nobody has them
_ANY: Final = 255
_LARGE: Final = 4096  # octets of payload that have answers come in fragments
_IDENTITY: Final = tuple(
    Question(names.from_text(text), RRType.TXT, RRClass.CH)
    for text in ("hostname.bind.", "id.server.")
)
_SOA, _KEYS, _ALL = (Question(names.ROOT, rtype) for rtype in (RRType.SOA, RRType.DNSKEY, _ANY))
_NO_ROUTE: Final = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
)
_MODULUS: Final = 1 << 32


class Asked(NamedTuple):
    """A forwarder of *zone*."""

    zone: str
    contestant: Contestant


class Prober:
    """Asks, and collects what comes back. *nobody*: addresses where no server is."""

    def __init__(
        self,
        asker: Asker,
        network: Network,
        config: Config,
        *,
        nobody: tuple[Server, ...] = NOBODY,
    ) -> None:
        self.probes: list[Probe] = []
        self.forwards: list[Forward] = []
        self._asker = asker
        self._network = network
        self._config = config
        self._nobody = nobody
        self.forwards_asked = forwards_of(config)

    async def run(self) -> Internet:
        """All of it, DOCTOR_SECONDS at most."""
        with trio.move_on_after(DOCTOR_SECONDS) as whole:
            async with trio.open_nursery() as nursery:
                for name, server in roots_of(self._config):
                    nursery.start_soon(self._root, name, server)
                for server in self._nobody:
                    nursery.start_soon(self._udp, "nobody", server, Kind.NOBODY, _SOA)
                for asked in self.forwards_asked:
                    nursery.start_soon(self._forward, asked)
        return Internet(
            tuple(self.probes),
            tuple(self.forwards),
            ipv6=tuple(own_addresses(is_ipv6=True)),
            is_cut_short=whole.cancelled_caught,
        )

    async def _root(self, name: str, server: Server) -> None:
        """All questions to one server of the root: large ones once it is known that it is there."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tcp, name, server, Kind.TCP, _SOA)
            identities: set[str] = set()
            async with trio.open_nursery() as both:
                for question in _IDENTITY:
                    both.start_soon(self._identity, server, question, identities)
                soa = await self._asked(name, server, Kind.SOA, _SOA)
            # What it says of itself in class CH may come long after its SOA.
            self.probes.append(replace(soa, identities=soa.identities | identities))
            if soa.has_answer:
                nursery.start_soon(self._udp, name, server, Kind.KEYS, _KEYS)
                nursery.start_soon(self._large, name, server)

    async def _large(self, name: str, server: Server) -> None:
        """The largest answer that it has: over TCP, and then in fragments. To ANY many give little
        (RFC 8482)."""
        sizes = {each: (await self._tcp(name, server, Kind.LARGE_TCP, each)).size_octets
                 for each in (_KEYS, _ALL)}  # fmt: skip
        largest = max(sizes, key=lambda each: sizes[each])
        await self._udp(name, server, Kind.LARGE, largest, _LARGE)

    async def _udp(
        self, name: str, server: Server, kind: Kind, question: Question, payload: int = UDP_PAYLOAD
    ) -> None:
        self.probes.append(await self._asked(name, server, kind, question, payload=payload))

    async def _asked(
        self,
        name: str,
        server: Server,
        kind: Kind,
        question: Question,
        *,
        payload: int = UDP_PAYLOAD,
    ) -> Probe:
        """Over UDP."""
        sent = edns.Edns(udp_payload=payload, do=True, options=(edns.nsid_option(),))
        reply = await fetched(self._asker, server, question, sent, flags=0)
        probe = _probe(name, server, kind, reply)
        if probe.has_answer and reply.message is not None:
            return _with(probe, reply.message)
        return probe

    async def _identity(self, server: Server, question: Question, found: set[str]) -> None:
        patience_s = DOCTOR_REPLY_SECONDS
        reply = await self._asker.fetch(server, question, flags=0, patience_s=patience_s)
        for record in reply.message.answer if reply.message is not None else ():
            if record.rtype == RRType.TXT:
                found.add(rdata_text(RRType.TXT, record.rdata, rclass=RRClass.CH))

    async def _tcp(self, name: str, server: Server, kind: Kind, question: Question) -> Probe:
        outcome, size = TIMEOUT, 0
        with trio.move_on_after(DOCTOR_REPLY_SECONDS * DOCTOR_TRIES):
            try:
                size = await _size_over_tcp(self._network, server, question)
                outcome = ANSWERED
            except (OSError, trio.BrokenResourceError) as error:
                outcome = _trouble(error)
            except WireError as error:
                outcome = f"something else: {error}"
        probe = Probe(name, server, kind, outcome, size_octets=size)
        self.probes.append(probe)
        return probe

    async def _forward(self, asked: Asked) -> None:
        server = asked.contestant.server
        sent = edns.Edns(do=True)
        reply = await fetched(self._asker, server, _SOA, sent, flags=Flag.RD | Flag.CD)
        message = reply.message
        self.forwards.append(
            Forward(
                asked.zone,
                asked.contestant.name,
                is_encrypted=asked.contestant.terms is not None,
                outcome=ANSWERED if message is not None else _outcome(reply),
                is_signed=message is not None and _is_signed(message),
                rcode=message.rcode if message is not None else 0,
            )
        )


async def fetched(
    asker: Asker, server: Server, question: Question, sent: edns.Edns, *, flags: int
) -> Reply:
    """A reply, of DOCTOR_TRIES tries; an error of the system or of TLS ends it at once."""
    for _ in range(DOCTOR_TRIES):
        reply = await asker.fetch(
            server, question, sent=sent, flags=flags, patience_s=DOCTOR_REPLY_SECONDS
        )
        if reply.outcome != TIMEOUT:
            break
    return reply


def roots_of(config: Config) -> Iterator[tuple[str, Server]]:
    """Names and addresses of the servers that are asked."""
    taken = {False: 0, True: 0}
    uses = {False: config.outgoing.ipv4, True: config.outgoing.ipv6}
    for name, host in state.read_hints(config):
        server = Server(host, nameserver=name)
        if uses[server.is_ipv6] and taken[server.is_ipv6] < DOCTOR_SERVERS:
            taken[server.is_ipv6] += 1
            yield names.to_text(name), server


def forwards_of(config: Config) -> list[Asked]:
    """All that the configuration forwards to, DOCTOR_FORWARDERS at most."""
    try:
        terms = encryption.terms_of(config)
    except ResolverError:
        terms = {}  # the configuration is refused for it
    found = []
    for entry in config.forward:
        for one in forwarders.forwarders_of(entry):
            server = zones.server_of(one, names.ROOT)
            if one.is_encrypted and server.key not in terms:
                continue
            contestant = Contestant(str(one), server, terms=terms.get(server.key))
            found.append(Asked(entry.zone, contestant))
    return found[:DOCTOR_FORWARDERS]


# --- what came back --------------------------------------------------------------------------


def _probe(name: str, server: Server, kind: Kind, reply: Reply) -> Probe:
    if reply.message is None:
        return Probe(name, server, kind, _outcome(reply))
    elapsed_s = reply.elapsed_s or 0.0
    return Probe(name, server, kind, ANSWERED, elapsed_s, reply.octets, reply.message.rcode)


def _with(probe: Probe, message: Message) -> Probe:
    """*probe* with what can be told from the reply."""
    return replace(
        probe,
        is_authoritative=message.aa,
        is_recursive=message.ra,
        is_truncated=message.tc,
        is_signed=_is_signed(message),
        windows=tuple(_windows(message)),
        identities=frozenset(_nsid(message)),
    )


def _outcome(reply: Reply) -> str:
    return _trouble(reply.error) if reply.error is not None else reply.outcome


def _trouble(error: BaseException) -> str:
    """In a few words; a route that is missing has its own."""
    if isinstance(error, OSError):
        if error.errno in _NO_ROUTE:
            return NO_ROUTE
        return getattr(error, "reason", "") or (error.strerror or str(error)).lower()
    return "the connection was cut"


def _is_signed(message: Message) -> bool:
    return any(one.rtype == RRType.RRSIG for one in message.answer)


def _windows(message: Message) -> Iterator[Window]:
    for record in message.answer:
        if record.rtype == RRType.RRSIG and record.owner == names.ROOT:
            found = rdata_fields.rrsig(record.rdata)
            yield Window(*_spelt_out(found.inception, found.expiration))


def _spelt_out(inception: int, expiration: int) -> tuple[float, float]:
    """Unix seconds of what signatures give modulo 2**32; the root is signed for weeks at most."""
    return float(inception), float(inception + (expiration - inception) % _MODULUS)


def _nsid(message: Message) -> Iterator[str]:
    data = message.edns.option(edns.OPT_NSID) if message.edns is not None else None
    if data:
        yield text_of(data)


async def _size_over_tcp(network: Network, server: Server, question: Question) -> int:
    """Octets of the answer. Raises OSError, WireError, trio.BrokenResourceError."""
    query_id = SystemRandom().getrandbits(16)
    data = wire.build_query(
        id=query_id, qname=question.qname, qtype=question.qtype, edns=edns.Edns(do=True)
    )
    stream = await network.connect_tcp(server)
    try:
        await stream.send_all(frame(data))
        splitter = Splitter()
        while True:
            octets = await stream.receive_some()
            if not octets:
                raise WireError("the connection ended before a reply")
            for message in splitter.feed(octets):
                wire.parse_untrusted(message)
                return len(message)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await trio.aclose_forcefully(stream)
