"""Does each listener still answer? Asked from this machine, where nothing comes by itself.

A process that is alive may have a listener that is dead: its task gone, its socket in a state that
nobody foresaw. A service manager's watchdog does not see that: its ping tells of the loop alone.
So a listener to which nothing has come for SELF_PROBE_SECONDS is asked a question in its own
protocol; one that fails SELF_PROBE_FAILURES times in a row, while another one passes, is opened
anew, alone. If all fail it is the machine or the loop, and opening anew would make it worse; nor is
one opened anew whose receive queue is full: it is not dead, it is flooded. Of several workers the
kernel decides whose socket a question comes to. So each asks a few times, and what counts is what
became of its own: it has heard one, or one lies there unread.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

import trio

from resolver.config.endpoints import reachable
from resolver.daemon import privileges
from resolver.daemon.bind import close_all
from resolver.daemon.tls_contexts import ALPN
from resolver.limits import (
    SELF_PROBE_FAILURES,
    SELF_PROBE_PATIENCE_SECONDS,
    SELF_PROBE_SECONDS,
    SELF_PROBES_EACH,
)
from resolver.protocol.chaos_names import DAEMON
from resolver.protocol.codes import RRClass, RRType
from resolver.protocol.transport import Transport
from resolver.protocol.wire import build_query

if TYPE_CHECKING:
    from resolver.daemon.bind import Bound, ListeningSockets, Wish
    from resolver.daemon.listeners import Listeners

_log = logging.getLogger(__name__)
_OVER_QUIC: Final = (Transport.QUIC, Transport.HTTP3)
_QUIC_LEAST_OCTETS: Final = 1200  # RFC 9000 §14.1
_NO_VERSION: Final = 0x1A2A3A4A  # RFC 9000 §6.3: one that nobody speaks, and everybody answers


class Verdict(Enum):
    """What a probe came to."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_HERE = "not here"  # an address that this machine does not have now


class Probed(Protocol):
    """The process, as far as it is looked at here (`run.Daemon`)."""

    sockets: ListeningSockets
    listeners: Listeners
    nursery: trio.Nursery

    async def listen_later(self) -> None: ...


class SelfProbe:
    """Looks after the listeners of one process."""

    COUNTS: ClassVar = {
        "probes": "Listeners asked by ourselves whether they still answer.",
        "failures": "Of those, such as did not.",
        "reopened": "Listeners opened anew since they did not answer.",
    }

    def __init__(self, daemon: Probed, *, workers: int = 1) -> None:
        self._daemon = daemon
        self._workers = workers
        self._heard: dict[Wish, int] = {}
        self._failures: dict[Wish, int] = {}
        self.probes = 0
        self.failures = 0
        self.reopened = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await trio.sleep(SELF_PROBE_SECONDS)
            await self.look()

    async def look(self) -> None:
        """One round: who has heard nothing is asked, who has been silent too often opened anew."""
        verdicts: dict[Wish, Verdict] = {}
        async with trio.open_nursery() as nursery:
            for wish in list(self._daemon.sockets.open):
                if wish.transport is None:
                    continue
                if self._has_heard(wish):
                    verdicts[wish] = Verdict.PASSED
                else:
                    nursery.start_soon(self._probe, wish, verdicts)
        for wish in [wish for wish in self._failures if wish not in verdicts]:
            del self._failures[wish]
        is_any_well = Verdict.PASSED in verdicts.values()
        for wish, verdict in verdicts.items():
            if verdict is not Verdict.FAILED or self._has_heard(wish):
                self._failures.pop(wish, None)
            elif is_any_well:
                await self._note_failure(wish)

    def _has_heard(self, wish: Wish) -> bool:
        """True if something has come to it since the last look."""
        count = self._count(wish)
        before, self._heard[wish] = self._heard.get(wish, 0), count
        return count != before

    def _count(self, wish: Wish) -> int:
        return heard_at(self._daemon.listeners.services.get(wish))

    async def _probe(self, wish: Wish, verdicts: dict[Wish, Verdict]) -> None:
        asks = probe if self._workers == 1 else self._probe_own
        verdicts[wish] = verdict = await asks(wish)
        if verdict is not Verdict.NOT_HERE:
            self.probes += 1
        if verdict is Verdict.FAILED:
            self.failures += 1

    async def _probe_own(self, wish: Wish) -> Verdict:
        """As `probe`, where other workers have the port too. None of many may come to ours: then
        nothing is against it."""
        heard = self._count(wish)
        for _ in range(SELF_PROBES_EACH * self._workers):
            verdict = await probe(wish)
            if verdict is Verdict.NOT_HERE:
                return verdict
            if self._count(wish) != heard:
                break
            bound = self._daemon.sockets.open.get(wish)
            if verdict is Verdict.FAILED and bound is not None and bound.has_unread:
                return verdict
        return Verdict.PASSED

    async def _note_failure(self, wish: Wish) -> None:
        count = self._failures[wish] = self._failures.get(wish, 0) + 1
        bound = self._daemon.sockets.open.get(wish)
        if count < SELF_PROBE_FAILURES or bound is None or bound.is_full:
            return
        del self._failures[wish]
        self.reopened += 1
        _log.warning("%s: does not answer, while others do; opening it anew", wish)
        await self._reopen(wish, bound)

    async def _reopen(self, wish: Wish, bound: Bound) -> None:
        """Its own socket again where nobody would let us bind another one."""
        sockets, listeners = self._daemon.sockets, self._daemon.listeners
        if wish in listeners.services:
            await listeners.drop(wish, 0.0)
        if not privileges.may_bind(wish.where[1]):
            listeners.serve(wish, bound)
            return
        del sockets.open[wish]
        await close_all([bound])
        sockets.missing.append(wish)
        sockets.try_missing(listeners)
        if sockets.missing:
            self._daemon.nursery.start_soon(self._daemon.listen_later)


def heard_at(service: object) -> int:
    """How much has come to it so far."""
    count: int = getattr(service, "datagrams", getattr(service, "queries", 0))
    return count


async def probe(wish: Wish, patience_s: float = SELF_PROBE_PATIENCE_SECONDS) -> Verdict:
    """Ask the listener of *wish* something in its own protocol. Raises nothing."""
    host, port = reachable(wish.where[0]), wish.where[1]
    if not _is_here(host):
        return Verdict.NOT_HERE
    ask = _ask_udp if wish.is_udp else _ask_stream
    with (
        trio.move_on_after(patience_s),
        suppress(OSError, trio.BrokenResourceError),
    ):
        if await ask(wish.transport, host, port):
            return Verdict.PASSED
    return Verdict.FAILED


async def _ask_udp(transport: Transport | None, host: str, port: int) -> bool:
    query = _version_probe() if transport in _OVER_QUIC else _query()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with trio.socket.socket(family, socket.SOCK_DGRAM) as sock:
        await sock.connect((host, port))
        await sock.send(query)
        return bool(await sock.recv(_QUIC_LEAST_OCTETS))


async def _ask_stream(transport: Transport | None, host: str, port: int) -> bool:
    stream: trio.abc.Stream = await trio.open_tcp_stream(host, port)
    try:
        if transport in ALPN:
            secured = trio.SSLStream(stream, _trusting(transport), https_compatible=True)
            await secured.do_handshake()
            return True
        query = _query()
        await stream.send_all(len(query).to_bytes(2, "big") + query)
        return bool(await stream.receive_some(1))
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await trio.aclose_forcefully(stream)


def _trusting(transport: Transport | None) -> ssl.SSLContext:
    """For a handshake with ourselves, whose certificate proves nothing to us."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if transport is not None:
        context.set_alpn_protocols(list(ALPN[transport]))
    return context


def _query() -> bytes:
    number = int.from_bytes(os.urandom(2), "big")
    return build_query(id=number, qname=DAEMON, qtype=RRType.TXT, qclass=RRClass.CH)


def _version_probe() -> bytes:
    """A first packet of a version that is answered with those that are spoken (RFC 9000 §6.1)."""
    head = b"\xc0" + _NO_VERSION.to_bytes(4, "big")
    ids = b"\x08" + os.urandom(8) + b"\x08" + os.urandom(8)
    return (head + ids).ljust(_QUIC_LEAST_OCTETS, b"\0")


def _is_here(host: str) -> bool:
    """True if *host* is an address of this machine now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            name, _, scope = host.partition("%")
            index = (0, socket.if_nametoindex(scope)) if scope else ()
            sock.bind((name, 0, *index))
    except OSError:
        return False
    return True
