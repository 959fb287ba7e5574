"""What is on its way over UDP: one copy per port, found by port, joined by question, bounded.

A copy outlives those who asked for it: its port stays open until the reply comes or is given up, so
that even the loser of a race teaches how far its server is. RFC 5452 §5: the same question is never
on its way to the same server twice; a second asker joins the first one's copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.delegation import Key
    from resolver.model import Name, Question, Server
    from resolver.upstream.cut_query import CutQuery
    from resolver.upstream.network import Network, UdpPort
    from resolver.upstream.query import Sent
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.timers import Timer, Timers
    from resolver.upstream.ways import Way

    Slot = tuple[Key, Question]  # what may be on its way only once


class Transmission:
    """One UDP query on its way, lost, or late. *pursuits* are those who wait for it."""

    __slots__ = (
        "expires_at",
        "is_witness",
        "late_at",
        "overdue_at",
        "owner_domain",
        "port",
        "pursuits",
        "sent",
        "sent_at",
        "server",
        "slot",
        "state",
        "timer",
        "way",
    )

    def __init__(
        self,
        pursuits: list[CutQuery],
        question: Question,
        way: Way,
        owner_domain: Name,
        server: Server,
        state: ServerState,
        sent: Sent,
        now: float,
    ) -> None:
        self.pursuits = pursuits
        self.way = way
        self.is_witness = False
        self.server = server
        self.state = state
        self.sent = sent
        self.sent_at = now
        self.late_at = now + state.hedge_s
        self.overdue_at = max(self.late_at, now + state.overdue_s)
        self.expires_at = now + state.expiry_s
        self.owner_domain = owner_domain
        self.slot: Slot = (state.key, question)
        self.port: UdpPort | None = None
        self.timer: Timer | None = None

    def __repr__(self) -> str:
        return f"<Transmission to {self.server.host} waited for by {len(self.pursuits)}>"

    def is_overdue(self, now: float) -> bool:
        """By what was known of the server when it was sent, or by what is known now."""
        state = self.state
        return now >= self.overdue_at or (
            state.n > 0 and now - self.sent_at >= max(state.hedge_s, state.overdue_s)
        )


class Outstanding:
    """All copies whose port is open."""

    def __init__(self, *, network: Network, timers: Timers, limit: int) -> None:
        self._network = network
        self._timers = timers
        self._limit = limit
        self._busy_above = int(limit * limits.OVERLOAD_SHARE)
        self._copies: dict[UdpPort, Transmission] = {}
        self.of: Callable[[UdpPort], Transmission | None] = self._copies.get
        self._slots: dict[Slot, Transmission] = {}
        self._orphans: dict[Transmission, None] = {}

    def __repr__(self) -> str:
        return f"<Outstanding {len(self._copies)} of {self._limit}>"

    def __len__(self) -> int:
        return len(self._copies)

    def __iter__(self) -> Iterator[Transmission]:
        return iter(self._copies.values())

    @property
    def is_busy(self) -> bool:
        """Overload: no room for anything speculative."""
        return len(self._copies) > self._busy_above

    def has_room(self) -> bool:
        """May one more packet be on its way? Those that nobody waits for any more make room."""
        return len(self._copies) < self._limit or self.make_room()

    def make_room(self) -> bool:
        """Close the oldest port that only waits for a late reply, if there is one."""
        for copy in self._orphans:
            self.retire(copy)
            return True
        return False

    def launch(self, copy: Transmission) -> None:
        """Open a port and send. Raises OSError; nothing is on its way then."""
        port = self._network.open_udp(copy.server)
        try:
            port.send(copy.sent.data)
        except OSError:
            port.close()
            raise
        copy.port = port
        self._copies[port] = copy
        self._slots[copy.slot] = copy
        if not copy.pursuits:
            self._orphans[copy] = None

    def join(self, cut_query: CutQuery, slot: Slot, now: float) -> bool:
        """Let *cut_query* wait for a copy of its question, on its way to a server already."""
        copy = self._slots.get(slot)
        if copy is None or copy.is_overdue(now) or cut_query in copy.pursuits:
            return False
        copy.pursuits.append(cut_query)
        cut_query.copies.append(copy)
        self._orphans.pop(copy, None)
        return True

    def leave(self, copy: Transmission, cut_query: CutQuery) -> None:
        """*cut_query* waits no longer; the copy may be an orphan now."""
        copy.pursuits.remove(cut_query)
        if not copy.pursuits:
            self._orphans[copy] = None

    def lapse(self, copy: Transmission) -> None:
        """Expired: nobody may join it any more."""
        other = self._slots.pop(copy.slot, copy)
        if other is not copy:
            self._slots[copy.slot] = other

    def retire(self, copy: Transmission) -> list[CutQuery]:
        """Close the port and forget the copy; returns those who waited for it."""
        if copy.port is not None:
            self._copies.pop(copy.port, None)
            copy.port.close()
        if copy.timer is not None:
            self._timers.cancel(copy.timer)
        self.lapse(copy)
        waiting, copy.pursuits = copy.pursuits, []
        if not waiting:
            self._orphans.pop(copy, None)
        for cut_query in waiting:
            cut_query.copies.remove(copy)
        return waiting
