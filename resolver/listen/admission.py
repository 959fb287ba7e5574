"""May this query be taken on now? Places for queries in flight, by client network.

A network is a /24 of IPv4 or a /56 of IPv6: what one subscriber can send from. Places count misses
only. A network may hold as many as are still free: alone it gets half of them, and it cannot starve
the rest, without a number that somebody would have to choose; where rates are limited
(`rate_limit`) it has WAITING_QUERIES, this machine apart. Over a limit a query is refused at once,
at the cost of a few microseconds; nothing already started is dropped, since its packets are spent.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, ClassVar, Final

from resolver.limits import CLIENT_QUERIES, RATE_NETWORKS, WAITING_QUERIES
from resolver.listen.proofs import NoProofs
from resolver.listen.pulses import Pulses

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.listen.proofs import Proofs
    from resolver.listen.rate_limit import RateLimit

_THIS_MACHINE: Final = frozenset({b"\x7f\0\0", bytes(7)})  # 127.0.0/24, and that of ::1


def raw_address(host: str) -> bytes:
    """The 4 or 16 octets of *host*, which may have a scope."""
    if ":" in host:
        return inet_pton(AF_INET6, host.partition("%")[0])
    return inet_pton(AF_INET, host)


class Buckets:
    """Tokens by network, refilled by time; a full table forgets whom it has not met for longest."""

    def __init__(self, per_second: float, now: Callable[[], float]) -> None:
        self._full = per_second
        self._now = now
        self._levels: dict[bytes, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, network: bytes) -> bool:
        """One token; False if there is none."""
        now, full, levels = self._now(), self._full, self._levels
        known = levels.pop(network, None)
        if known is None:
            tokens = full
            if len(levels) >= RATE_NETWORKS:
                del levels[next(iter(levels))]
        else:
            tokens = min(full, known[0] + (now - known[1]) * full)
        is_there = tokens >= 1
        levels[network] = (tokens - 1 if is_there else tokens, now)
        return is_there


class Admission:
    """Counts the queries in flight, of which there may be *total*. Of what a network may have each
    of several *workers* has its part."""

    COUNTS: ClassVar = {"refused": "Queries refused because too many were in flight."}

    def __init__(
        self,
        *,
        total: int = CLIENT_QUERIES,
        rate: RateLimit | None = None,
        proofs: Proofs | None = None,
        workers: int = 1,
    ) -> None:
        self.total = total
        self._waiting = WAITING_QUERIES // workers
        self.rate = rate
        self.proofs = proofs or NoProofs()
        self.pulses = Pulses()
        self.in_flight = 0
        self.refused = 0
        self._by_network: dict[bytes, int] = {}

    def __repr__(self) -> str:
        return f"<Admission {self.in_flight} of {self.total} in flight, {self.refused} refused>"

    def enter(self, network: bytes) -> bool:
        """Take a place for a query from *network*. Each True needs one `leave`."""
        held = self._by_network.get(network, 0)
        if held >= self.total - self.in_flight or (
            held >= self._waiting and self.rate is not None and network not in _THIS_MACHINE
        ):
            self.refused += 1
            return False
        self._by_network[network] = held + 1
        self.in_flight += 1
        return True

    def leave(self, network: bytes) -> None:
        """Give the place back."""
        self.in_flight -= 1
        held = self._by_network[network] - 1
        if held:
            self._by_network[network] = held
        else:
            del self._by_network[network]
