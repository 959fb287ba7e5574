"""What is on its way over UDP: one copy per port, found by port, joined by question, bounded.

A copy outlives those who asked for it: its port stays open until the reply comes or is given up, so
that even the loser of a race teaches how far its server is. RFC 5452 §5: the same question is never
on its way to the same server twice; a second asker joins the first one's copy. Who waits is not
looked at here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from resolver.limits import OVERLOAD_SHARE
from resolver.upstream.transmission import Purpose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.model import Server
    from resolver.upstream.network import Network, UdpPort
    from resolver.upstream.timers import Timers
    from resolver.upstream.transmission import Slot, Transmission


class Ports(Protocol):
    """Who opens a port to a server, as `upstream.network.Network` does."""

    def open_udp(self, server: Server) -> UdpPort: ...


class Outstanding:
    """All transmissions whose port is open.

    *is_busy*: overload, no room for anything speculative. *is_full*: no room, unless orphans make
    some. *slots*: the questions on their way, overdue ones too (`find` tells which may be joined).
    *ports*: the network, or `sessions`, where some servers are asked encrypted.
    """

    def __init__(self, *, network: Network, timers: Timers, limit: int) -> None:
        self.ports: Ports = network
        self._timers = timers
        self._limit = limit
        self._busy_above = int(limit * OVERLOAD_SHARE)
        self._by_port: dict[UdpPort, Transmission] = {}
        self.of: Callable[[UdpPort], Transmission | None] = self._by_port.get
        self.slots: dict[Slot, Transmission] = {}
        self._orphans: dict[Transmission, None] = {}
        self.is_busy = False
        self.is_full = limit <= 0

    def __repr__(self) -> str:
        return f"<Outstanding {len(self._by_port)} of {self._limit}>"

    def __len__(self) -> int:
        return len(self._by_port)

    def __iter__(self) -> Iterator[Transmission]:
        return iter(self._by_port.values())

    @property
    def has_room(self) -> bool:
        """May one more packet be on its way? Those that nobody waits for any more make room."""
        return not self.is_full or bool(self._orphans)

    def make_room(self) -> bool:
        """Close the oldest port that only waits for a late reply, if there is one."""
        for packet in self._orphans:
            self.retire(packet)
            return True
        return False

    def launch(self, packet: Transmission) -> bool:
        """Open a port and send. False if there is no room, which witnesses need not have.

        Raises OSError; nothing is on its way then.
        """
        if self.is_full and packet.purpose is not Purpose.WITNESS and not self.make_room():
            return False
        port = self.ports.open_udp(packet.server)
        try:
            port.send(packet.sent.data)
        except OSError:
            port.close()
            raise
        packet.port = port
        self._by_port[port] = packet
        self.is_full = len(self._by_port) >= self._limit
        self.is_busy = len(self._by_port) > self._busy_above
        self.slots[packet.slot] = packet
        if not packet.waiters:
            self._orphans[packet] = None
        return True

    def find(self, slot: Slot, now: float) -> Transmission | None:
        """The same question on its way to the same server, and not overdue: it may be joined."""
        packet = self.slots.get(slot)
        return None if packet is None or packet.is_overdue(now) else packet

    def join(self, packet: Transmission, waiter: object) -> None:
        """One more waits for it."""
        packet.waiters.append(waiter)
        self._orphans.pop(packet, None)

    def leave(self, packet: Transmission, waiter: object) -> None:
        """*waiter* waits no longer; the copy may be an orphan now. Idempotent."""
        if waiter in packet.waiters:
            packet.waiters.remove(waiter)
            if not packet.waiters:
                self._orphans[packet] = None

    def lapse(self, packet: Transmission) -> None:
        """Expired: nobody may join it any more."""
        other = self.slots.pop(packet.slot, packet)
        if other is not packet:
            self.slots[packet.slot] = other

    def retire(self, packet: Transmission) -> list[Any]:
        """Close the port and forget the copy; returns those who waited for it."""
        if packet.port is not None:
            self._by_port.pop(packet.port, None)
            self.is_full = len(self._by_port) >= self._limit
            self.is_busy = len(self._by_port) > self._busy_above
            packet.port.close()
        if packet.timer is not None:
            self._timers.cancel(packet.timer)
        slots = self.slots
        if slots.get(packet.slot) is packet:
            del slots[packet.slot]
        waiting, packet.waiters = packet.waiters, []
        if not waiting:
            self._orphans.pop(packet, None)
        return waiting
