"""May this query be taken on now? Rate limits and in-flight limits, by client network.

A network is a /24 of IPv4 or a /56 of IPv6: what one subscriber can send from. Rates are token
buckets, off by default; they count hits too. Who has shown that it receives where it sends from, by
TCP or by a server cookie (RFC 7873), has a larger bucket apart, which no forged query can empty.
Places count misses only. A network may hold as many as are still free: alone it gets half of
them, and it cannot starve the rest, without a number that somebody would have to choose. Over a
limit a query is refused at once, at the cost of a few microseconds; nothing already started is
dropped, since its packets are spent.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, ClassVar, Final

from resolver.limits import CLIENT_QUERIES, RATE_NETWORKS, RATE_PROVEN_FACTOR, RATE_SLIP
from resolver.protocol.codes import Flag, Rcode
from resolver.protocol.ip_addresses import network_of
from resolver.protocol.wire import qname_end

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER: Final = 12


def raw_address(host: str) -> bytes:
    """The 4 or 16 octets of *host*, which may have a scope."""
    if ":" in host:
        return inet_pton(AF_INET6, host.partition("%")[0])
    return inet_pton(AF_INET, host)


def short_reply(data: bytes, *, rcode: int, flags: int = 0) -> bytes | None:
    """Header and question only: never larger than the query. None if *data* is not a query."""
    if len(data) < _HEADER or data[2] & 0x80:
        return None
    end = qname_end(data)
    is_plain = data[4:6] == b"\0\1" and 0 <= end <= len(data) - 5
    question = data[_HEADER : end + 5] if is_plain else b""
    word = Flag.QR | Flag.RA | flags | rcode | (int.from_bytes(data[2:4], "big") & 0x7910)
    counts = b"\0\1\0\0\0\0\0\0" if is_plain else bytes(8)
    return data[:2] + word.to_bytes(2, "big") + counts + question


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


class RateLimit:
    """At most *per_second* replies a second to one network, with one second's burst.

    Proven clients have RATE_PROVEN_FACTOR times as many, of their own. *is_proven* is asked of a
    datagram over the rate, with its raw source, whether it holds a server cookie that counts.
    """

    COUNTS: ClassVar = {"limited": "Queries over the rate of their network, on any transport."}

    def __init__(
        self,
        per_second: int,
        now: Callable[[], float],
        *,
        is_proven: Callable[[bytes, bytes], bool] = lambda _data, _source: False,
    ) -> None:
        self.per_second = per_second
        self.limited = 0
        self._is_proven = is_proven
        self._anybody = Buckets(float(per_second), now)
        self._proven = Buckets(per_second * RATE_PROVEN_FACTOR, now)

    def allows(self, data: bytes, source: bytes) -> bool:
        """Take one token for the datagram *data* from the network of raw address *source*."""
        network = network_of(source)
        if self._anybody.take(network):
            return True
        is_allowed = self._is_proven(data, source) and self._proven.take(network)
        self.limited += not is_allowed
        return is_allowed

    def allows_stream(self, source: bytes) -> bool:
        """The same for a query over TCP, whose handshake proves the address."""
        is_allowed = self._proven.take(network_of(source))
        self.limited += not is_allowed
        return is_allowed

    def slip(self, data: bytes) -> bytes | None:
        """What a limited UDP query gets: every other time a truncated reply, else nothing.

        A client whose address is forged by others can still ask over TCP.
        """
        if self.limited % RATE_SLIP:
            return None
        return short_reply(data, rcode=Rcode.NOERROR, flags=Flag.TC)


class Admission:
    """Counts the queries in flight."""

    COUNTS: ClassVar = {"refused": "Queries refused because too many were in flight."}

    def __init__(
        self,
        *,
        total: int = CLIENT_QUERIES,
        rate: RateLimit | None = None,
    ) -> None:
        self.total = total
        self.rate = rate
        self.in_flight = 0
        self.refused = 0
        self._by_network: dict[bytes, int] = {}

    def __repr__(self) -> str:
        return f"<Admission {self.in_flight} of {self.total} in flight, {self.refused} refused>"

    def enter(self, network: bytes) -> bool:
        """Take a place for a query from *network*. Each True needs one `leave`."""
        held = self._by_network.get(network, 0)
        if held >= self.total - self.in_flight:
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
