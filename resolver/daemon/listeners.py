"""Who serves which socket: a service each, those of the start and those that are bound later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.listen.idle_loop import watch_over
from resolver.listen.sockets import PlainUdpSocket
from resolver.listen.tcp import TcpService
from resolver.listen.udp import UdpService

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.listen.admission import Admission
    from resolver.listen.listen_network import Handler, TcpListener, UdpSocket
    from resolver.listen.tcp import TcpSlots
    from resolver.runtime.turns import Turns


class Listeners:
    """The services of one process, in *nursery*. *show* serves a socket for metrics."""

    def __init__(
        self,
        handler: Handler,
        admission: Admission,
        nursery: trio.Nursery,
        *,
        slots: TcpSlots,
        turns: Turns,
        show: Callable[[TcpListener], None],
    ) -> None:
        self.udp: list[UdpService] = []
        self.tcp: list[TcpService] = []
        self._handler = handler
        self._admission = admission
        self._nursery = nursery
        self._pace = turns
        self._slots = slots
        self._watched: dict[int, UdpService] = {}
        self._watch = trio.CancelScope()
        self.add_metrics = show

    def add_udp(self, host: str, sock: UdpSocket) -> None:
        service = UdpService(sock, self._handler, self._admission, host=host, turns=self._pace)
        self.udp.append(service)
        self._nursery.start_soon(service.run)
        if isinstance(sock, PlainUdpSocket):
            self._watched[sock.fileno()] = service
            self._watch_anew()

    def add_tcp(self, host: str, listener: TcpListener) -> None:
        service = TcpService(listener, self._handler, self._admission, slots=self._slots, host=host)
        self.tcp.append(service)
        self._nursery.start_soon(service.run)

    def _watch_anew(self) -> None:
        """Serve hits in the loop's sleep, of all that is here by now."""
        self._watch.cancel()
        self._watch = trio.CancelScope()
        self._nursery.start_soon(self._watch_over, self._watch)

    async def _watch_over(self, scope: trio.CancelScope) -> None:
        with scope:
            await watch_over(self._watched, self._pace)
