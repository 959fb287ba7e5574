"""Places for clients over QUIC: who may begin a connection, and what all of them hold together.

A handshake costs us 1.5 ms and a forger nothing: so few begin at once, few a second, and fewer
where the address is not proven yet; who finds no place there is told to prove it (Retry), which
costs microseconds and keeps nothing here. Proven addresses have a rate of their own, which forged
ones cannot use up. All connections of a process hold their share of memory, QUIC_MEMORY_OCTETS at
most, whatever they are made to keep: beyond it the one that holds most is let go, of those that
hold alike the one whose last question is longest ago.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

import trio

from resolver.limits import (
    QUIC_CLIENT_CONNECTS_PER_SECOND,
    QUIC_CONNECTIONS_PER_CLIENT,
    QUIC_CONNECTS_PER_SECOND,
    QUIC_HALF_OPEN,
    QUIC_MEMORY_OCTETS,
    QUIC_UNPROVEN_PER_CLIENT,
    TCP_CLIENT_QUERIES,
    THIS_MACHINE_CLIENTS,
)
from resolver.listen.admission import Buckets
from resolver.listen.share import FairShare
from resolver.protocol.ip_addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_ALIKE: Final = 16  # bits: connections that hold as many 64 KiB hold alike
_ALL: Final = b""  # the one bucket of all clients together


class Entry(enum.Enum):
    """What becomes of who wants to begin."""

    COME = enum.auto()
    PROVE = enum.auto()  # that its address is its own
    GO = enum.auto()


class Holder(Protocol):
    """A connection, as far as it takes a place."""

    host: str
    octets: int  # the places' to change
    active_at: float
    is_open: bool

    @property
    def is_idle(self) -> bool:
        """True if the client waits for nothing."""

    def let_go(self, *, is_excessive: bool) -> None:
        """End it; what it holds is given back at once."""


class QuicRates:
    """Connections a second: of one address, and in all. Tests have larger ones."""

    def __init__(
        self,
        of_one: float = QUIC_CLIENT_CONNECTS_PER_SECOND,
        in_all: float = QUIC_CONNECTS_PER_SECOND,
    ) -> None:
        now = trio.current_time
        self._unproven = Buckets(of_one, now), Buckets(of_one * THIS_MACHINE_CLIENTS, now)
        self._proven = Buckets(of_one, now), Buckets(of_one * THIS_MACHINE_CLIENTS, now)
        self._half = Buckets(in_all / 2, now)
        self._all = Buckets(in_all, now)

    def allows(self, address: bytes, *, is_local: bool, is_proven: bool) -> bool:
        """Take what a connection from raw *address* costs."""
        if is_proven:
            return self._proven[is_local].take(address) and self._all.take(_ALL)
        return (
            self._unproven[is_local].take(address)
            and self._half.take(_ALL)
            and self._all.take(_ALL)
        )


class QuicPlaces:
    """Those of all listeners of a process."""

    COUNTS: ClassVar = {
        "accepted": "QUIC connections of clients that began.",
        "handshakes": "Of those, the ones that came about.",
        "retried": "Clients that were told to prove their address first (Retry).",
        "limited": "Clients over the rate of new connections, not answered.",
        "refused": "Clients that found no place for a QUIC connection.",
        "dismissed": "Idle QUIC connections that made room for another.",
        "shed": "QUIC connections closed because all together held too much memory.",
        "failed": "QUIC handshakes that came to nothing.",
        "timed_out": "Of those, the ones that took too long.",
        "misused": "QUIC connections closed because what came is not spoken there.",
        "overused": "QUIC connections closed because the client gave up too many queries, or did "
        "not read what it had asked for.",
        "faults": "QUIC connections ended by a fault of the library's or ours.",
    }

    def __init__(
        self,
        rates: QuicRates | None = None,
        *,
        per_client: int = QUIC_CONNECTIONS_PER_CLIENT,
        most_octets: int = QUIC_MEMORY_OCTETS,
    ) -> None:
        self.octets = 0
        self.most_octets = most_octets
        self.accepted = 0
        self.handshakes = 0
        self.retried = 0
        self.limited = 0
        self.refused = 0
        self.dismissed = 0
        self.shed = 0
        self.timed_out = 0
        self.failed = 0
        self.misused = 0
        self.overused = 0
        self.faults = 0
        self.half_open = 0
        self.rates = rates or QuicRates()
        self._per_client = per_client
        self._holders: dict[Holder, None] = {}
        self._by_host: dict[str, FairShare] = {}
        self._unproven: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<QuicPlaces {len(self)} taken, {self.octets} octets>"

    def __len__(self) -> int:
        return len(self._holders)

    def entry(
        self,
        host: str,
        address: bytes,
        among: Collection[Holder],
        *,
        most: int,
        is_proven: bool,
    ) -> Entry:
        """May *host* begin a connection, beside the *most* of one listener *among* whom it is?

        Makes room if need be. COME has to be followed by `take`.
        """
        is_local = is_loopback(host)
        if not is_proven and (
            self.half_open >= QUIC_HALF_OPEN
            or self._unproven.get(host, 0) >= QUIC_UNPROVEN_PER_CLIENT
            or self.octets >= self.most_octets // 2
        ):
            return Entry.PROVE
        if not self.rates.allows(address, is_local=is_local, is_proven=is_proven):
            if not is_proven:
                return Entry.PROVE
            self.limited += 1
            return Entry.GO
        share = self._by_host.get(host)
        is_crowd = share is not None and share.connections >= (
            most // 2 if is_local else self._per_client
        )
        theirs = [each for each in self._holders if each.host == host] if is_crowd else among
        if (is_crowd or len(among) >= most) and not self._dismiss_idle(theirs):
            self.refused += 1
            return Entry.GO
        return Entry.COME

    def _dismiss_idle(self, holders: Iterable[Holder]) -> bool:
        """Let go who has been idle longest, first of all who has not come to the first question."""
        idle = [each for each in holders if each.is_idle]
        if not idle:
            return False
        self.dismissed += 1
        min(idle, key=lambda each: (each.is_open, each.active_at)).let_go(is_excessive=False)
        return True

    def take(self, holder: Holder, *, is_proven: bool) -> FairShare:
        """A place for *holder*; what connections of its host may have in flight together."""
        self.accepted += 1
        self.half_open += 1
        self._holders[holder] = None
        host = holder.host
        if not is_proven:
            self._unproven[host] = self._unproven.get(host, 0) + 1
        share = self._by_host.get(host)
        if share is None:
            clients = THIS_MACHINE_CLIENTS if is_loopback(host) else 1
            share = self._by_host[host] = FairShare(TCP_CLIENT_QUERIES * clients)
        share.connections += 1
        return share

    def come_about(self, holder: Holder, *, was_proven: bool) -> None:
        """Its handshake is done; or, where it ends before, it will not be."""
        self.half_open -= 1
        if not was_proven:
            left = self._unproven[holder.host] - 1
            if left:
                self._unproven[holder.host] = left
            else:
                del self._unproven[holder.host]

    def give_back(self, holder: Holder) -> None:
        """*holder* is gone."""
        self.count(holder, 0)
        del self._holders[holder]
        share = self._by_host[holder.host]
        share.connections -= 1
        if not share.connections:
            del self._by_host[holder.host]

    def count(self, holder: Holder, octets: int) -> None:
        """*holder* holds so many *octets* now."""
        self.octets += octets - holder.octets
        holder.octets = octets

    def enforce(self) -> None:
        """Let go of who holds most, until all are within *most_octets*."""
        while self.octets > self.most_octets and self._holders:
            self.shed += 1
            most = max(self._holders, key=lambda each: (each.octets >> _ALIKE, -each.active_at))
            most.let_go(is_excessive=True)
