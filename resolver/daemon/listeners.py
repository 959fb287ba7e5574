"""Who serves which socket: a service each, those of the start and those that come and go later."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import trio

from resolver.config.endpoints import show
from resolver.daemon.bind import Wish
from resolver.daemon.tls_contexts import ALPN
from resolver.listen.idle_loop import watch_over
from resolver.listen.quic import QuicService
from resolver.listen.quic_served import Served
from resolver.listen.tcp import StreamService
from resolver.listen.udp import UdpService
from resolver.listen.udp_socket import PlainUdpSocket
from resolver.protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from resolver.config.endpoints import Endpoint
    from resolver.daemon.bind import Bound
    from resolver.daemon.tls_contexts import TlsContexts
    from resolver.listen.admission import Admission
    from resolver.listen.handshakes import Handshakes
    from resolver.listen.idle_loop import Watched
    from resolver.listen.listen_network import Handler, StreamListener, UdpSocket
    from resolver.listen.quic_places import QuicPlaces
    from resolver.listen.site import Site
    from resolver.listen.tcp import TcpSlots
    from resolver.runtime.tls_stream import TlsStream
    from resolver.runtime.turns import Turns
    from resolver.telemetry.http_page import Pages


class PagesService:
    """Shows *pages* to programs on one socket."""

    def __init__(self, listener: StreamListener, pages: Pages) -> None:
        self._listener = listener
        self._pages = pages
        self._running = trio.CancelScope()

    async def run(self) -> None:
        """Until cancelled, or `leave`."""
        from resolver.telemetry import http_page  # noqa: PLC0415  # where there are any

        with self._running:
            await http_page.serve(self._listener, self._pages)

    async def leave(self, _patience_s: float) -> None:
        """At once: who asks will ask again."""
        self._running.cancel()


Service: TypeAlias = UdpService | StreamService | QuicService | PagesService


class Listeners:
    """The services of one process, in *nursery*. *pages*: what is told over HTTP, by the key that
    has its address. *also*: what else is to be watched in the loop's sleep, by descriptor."""

    def __init__(
        self,
        handler: Handler,
        admission: Admission,
        nursery: trio.Nursery,
        *,
        slots: TcpSlots,
        turns: Turns,
        pages: Callable[[str], Pages],
        handshakes: Handshakes,
        tls: TlsContexts,
        quic: QuicPlaces,
        site: Site,
        also: Mapping[int, Watched],
    ) -> None:
        self.services: dict[Wish, Service] = {}
        self._ended: dict[Wish, trio.Event] = {}
        self._leaving: list[Service] = []
        self._past: Counter[tuple[Transport | None, str]] = Counter()
        self._handler = handler
        self._admission = admission
        self._nursery = nursery
        self._turns = turns
        self._slots = slots
        self._pages = pages
        self._handshakes = handshakes
        self._tls = tls
        self._quic = quic
        self._site = site
        self._watched: dict[int, Watched] = dict(also)
        self._watch = trio.CancelScope()
        self._hears_streams = False

    def __repr__(self) -> str:
        return f"<Listeners {len(self.services)}>"

    @property
    def udp(self) -> list[UdpService]:
        """Those of datagrams."""
        return [each for each in self.services.values() if isinstance(each, UdpService)]

    def serve(self, wish: Wish, sock: Bound) -> None:
        """Serve *sock* from now on."""
        service: Service
        if wish.is_quic:
            service = self._quic_service(wish, cast("UdpSocket", sock))
        elif wish.is_udp:
            service = self._udp_service(wish, cast("UdpSocket", sock))
        elif wish.transport is None:
            service = PagesService(cast("StreamListener", sock), self._pages(wish.key))
        else:
            self._hear_streams()
            service = StreamService(
                cast("StreamListener", sock),
                self._handler,
                self._admission,
                transport=wish.transport,
                slots=self._slots,
                host=wish.where[0],
                place=show(wish.where),
                **self._spoken(wish.transport, wish.where),
            )
        self.services[wish] = service
        self._ended[wish] = ended = trio.Event()
        self._nursery.start_soon(_run, service, ended)

    def _spoken(self, transport: Transport, where: Endpoint) -> dict[str, Any]:
        """What is between TCP and DNS. HTTP is loaded where it is spoken."""
        if transport not in ALPN:
            return {}
        between: dict[str, Any] = {"secured": partial(self._secured, ALPN[transport])}
        if transport is Transport.HTTPS:
            from resolver.listen.web import WebConnection  # noqa: PLC0415

            also = partial(self._alternative, Wish("server.listen", Transport.HTTP3, where))
            between["speak"] = partial(WebConnection, site=self._site, alternative=also)
        return between

    def _alternative(self, wish: Wish) -> bytes:
        """Where the same is to be had by HTTP/3, while it is (RFC 7838 §3); else nothing."""
        return b'h3=":%d"; ma=86400' % wish.where[1] if wish in self.services else b""

    async def _secured(
        self, alpn: tuple[str, ...], stream: trio.abc.Stream, host: str
    ) -> TlsStream | None:
        return await self._handshakes.secured(stream, host, alpn)

    def _hear_streams(self) -> None:
        """Wait for all connections together, if there are to be any."""
        if self._hears_streams:
            return
        self._hears_streams = True
        readiness = self._slots.readiness
        descriptor = readiness.open()
        if descriptor >= 0:
            self._nursery.start_soon(readiness.run)
            self._watched[descriptor] = readiness
            self._watch_anew()

    def _udp_service(self, wish: Wish, sock: UdpSocket) -> UdpService:
        service = UdpService(
            sock, self._handler, self._admission,
            host=wish.where[0], place=show(wish.where), turns=self._turns,
        )  # fmt: skip
        if isinstance(sock, PlainUdpSocket):
            self._watched[sock.fileno()] = service
            self._watch_anew()
        return service

    def _quic_service(self, wish: Wish, sock: UdpSocket) -> QuicService:
        from resolver.daemon.quic_terms import quic_kit  # noqa: PLC0415 - loads aioquic

        host, transport = wish.where[0], wish.transport or Transport.QUIC
        served = Served(self._handler, self._admission, host, transport, show(wish.where))
        kit = quic_kit(self._tls, served, self._site, self._nursery.start_soon)
        seat = sock.seat if isinstance(sock, PlainUdpSocket) else None
        return QuicService(sock, kit, host=host, places=self._quic, seat=seat)

    def total(self, kind: Transport, field: str) -> int:
        """The sum of one counter of all services of *kind*, those that are gone included."""
        there = (*self.services.values(), *self._leaving)
        now: int = sum(getattr(each, field) for each in there if _kind(each) is kind)
        return now + self._past[kind, field]

    def hand_to(self, handler: Handler) -> None:
        """All queries that come from now on go to *handler*."""
        self._handler = handler
        for service in self.services.values():
            if not isinstance(service, PagesService):
                service.hand_to(handler)

    async def drop(self, wish: Wish, patience_s: float) -> None:
        """Serve *wish* no longer; returns when what was asked there is answered, and its socket may
        be closed: nobody will wait on it."""
        service, ended = self.services.pop(wish), self._ended.pop(wish)
        if isinstance(service, UdpService):
            self._watched = {fd: one for fd, one in self._watched.items() if one is not service}
            self._watch_anew()
        self._leaving.append(service)
        await service.leave(patience_s)
        if isinstance(service, UdpService | QuicService):
            await ended.wait()  # one that has just begun, or just been woken, is about to wait
        self._leaving.remove(service)
        for field in () if isinstance(service, PagesService) else service.COUNTS:
            self._past[_kind(service), field] += getattr(service, field)

    def _watch_anew(self) -> None:
        """Serve hits in the loop's sleep, of all that is here by now."""
        self._watch.cancel()
        self._watch = trio.CancelScope()
        self._nursery.start_soon(self._watch_over, self._watch, self._watched)

    async def _watch_over(self, scope: trio.CancelScope, watched: dict[int, Watched]) -> None:
        with scope:
            await watch_over(watched, self._turns)


async def _run(service: Service, ended: trio.Event) -> None:
    try:
        await service.run()
    finally:
        ended.set()


def _kind(service: Service) -> Transport | None:
    """What is spoken there: the services of one transport are counted together."""
    if isinstance(service, UdpService):
        return Transport.UDP
    return None if isinstance(service, PagesService) else service.transport
