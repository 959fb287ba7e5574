"""Opening a session over QUIC: handshake, and is it who was meant? One round trip, and the query's.

The handshake proves that the server has the key of the certificate that it shows; whether that is
whose we wanted is judged before anything is asked. RFC 9001, RFC 9250 §4.1.
"""

from __future__ import annotations

import dataclasses
import errno
from functools import partial
from typing import TYPE_CHECKING

import trio
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import HandshakeCompleted

from resolver.upstream.quic_handshake import BAD_CERTIFICATE, configuration, ended, judge
from resolver.upstream.quic_link import QuicLink
from resolver.upstream.quic_session import QuicSession
from resolver.upstream.session import SessionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioquic.quic.events import QuicEvent
    from aioquic.tls import SessionTicket

    from resolver.model import Server
    from resolver.upstream.network import Network, UdpPort
    from resolver.upstream.session import Host
    from resolver.upstream.session_counters import SessionCounters
    from resolver.upstream.tls_terms import Terms


class QuicConnect:
    """`Connect` for servers on *terms*. *carriers*: who takes what comes to a port."""

    def __init__(
        self,
        terms: Terms,
        *,
        network: Network,
        carriers: dict[UdpPort, Callable[[bytes | OSError], None]],
        counters: SessionCounters,
        believes_clock: Callable[[], bool],
    ) -> None:
        self._terms = terms
        self._network = network
        self._carriers = carriers
        self._counters = counters
        self._believes_clock = believes_clock

    async def __call__(self, server: Server, host: Host, ticket: object | None) -> QuicSession:
        tickets: list[object] = []
        quic = QuicConnection(
            configuration=configuration(server, ticket),
            session_ticket_handler=partial(_keep, tickets),
        )
        port = self._network.open_udp(server)
        link = QuicLink(quic, port, (server.host, server.port))
        self._carriers[port] = link.take_untrusted
        let_go = partial(self._let_go, port)
        try:
            await self._shake_hands(link)
            judge(server, quic.tls, self._terms, is_clock_believed=self._believes_clock())
        except BaseException as error:
            is_refused = isinstance(error, SessionFailed) and error.is_unproven
            self._counters.unproven += is_refused
            link.close(BAD_CERTIFICATE if is_refused else 0)
            let_go()
            raise
        self._counters.resumed += quic.tls.session_resumed
        return QuicSession(link, host, tickets=tickets, let_go=let_go)

    def _let_go(self, port: UdpPort) -> None:
        self._carriers.pop(port, None)

    async def _shake_hands(self, link: QuicLink) -> None:
        """Raises OSError, SessionFailed among them."""
        done = trio.Event()
        link.hear = partial(_on_event, done)
        link.quic.connect(link.address, trio.current_time())
        link.pump()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.run)
            await done.wait()
            nursery.cancel_scope.cancel()
        if link.error is not None:
            raise SessionFailed(errno.errorcode.get(link.error.errno or 0, "no connection"))
        if link.end is not None:
            raise SessionFailed(f"QUIC: {ended(link.end.error_code)}")


def _keep(tickets: list[object], ticket: SessionTicket) -> None:
    tickets[:] = [dataclasses.replace(ticket, max_early_data_size=None)]


def _on_event(done: trio.Event, event: QuicEvent | None) -> None:
    if event is None or isinstance(event, HandshakeCompleted):
        done.set()
