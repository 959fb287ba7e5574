"""May this query be taken on now? Rate limits and in-flight limits, by client network.

A network is a /24 of IPv4 or a /56 of IPv6: what one subscriber can send from. Rates are token
buckets, off by default; they count hits too. Places count misses only. A network may hold as many
places as are still free: alone it gets half of them, and it cannot starve the rest, without a
number that somebody would have to choose. Over a limit a query is refused at once, at the cost of
a few microseconds; nothing already started is dropped, since its packets are spent.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, Final

from resolver.cache.packet_form import name_end
from resolver.limits import CLIENT_QUERIES, RATE_NETWORKS
from resolver.protocol.codes import Flag, Rcode

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER: Final = 12
_V4_NETWORK: Final = 3
_V6_NETWORK: Final = 7
_V4: Final = 4
_SLIP: Final = 2
_OVERLOADED: Final = 0.9


def raw_address(host: str) -> bytes:
    """The 4 or 16 octets of *host*, which may have a scope."""
    if ":" in host:
        return inet_pton(AF_INET6, host.partition("%")[0])
    return inet_pton(AF_INET, host)


def network_of(source: bytes) -> bytes:
    """The /24 or /56 of a raw address."""
    return source[:_V4_NETWORK] if len(source) == _V4 else source[:_V6_NETWORK]


def short_reply(data: bytes, *, rcode: int, flags: int = 0) -> bytes | None:
    """Header and question only: never larger than the query. None if *data* is not a query."""
    if len(data) < _HEADER or data[2] & 0x80:
        return None
    end = name_end(data)
    is_plain = data[4:6] == b"\0\1" and 0 <= end <= len(data) - 5
    question = data[_HEADER : end + 5] if is_plain else b""
    word = Flag.QR | Flag.RA | flags | rcode | (int.from_bytes(data[2:4], "big") & 0x7910)
    counts = b"\0\1\0\0\0\0\0\0" if is_plain else bytes(8)
    return data[:2] + word.to_bytes(2, "big") + counts + question


class RateLimit:
    """At most *per_second* replies a second to one network, with one second's burst."""

    def __init__(self, per_second: int, now: Callable[[], float]) -> None:
        self.per_second = per_second
        self.limited = 0
        self._now = now
        self._buckets: dict[bytes, tuple[float, float]] = {}

    def allows(self, source: bytes) -> bool:
        """Take one token of the network of raw address *source*."""
        network = network_of(source)
        now = self._now()
        full = float(self.per_second)
        tokens, since = self._buckets.get(network, (full, now))
        tokens = min(full, tokens + (now - since) * full)
        is_allowed = tokens >= 1
        if len(self._buckets) >= int(RATE_NETWORKS):
            self._buckets.clear()
        self._buckets[network] = (tokens - 1 if is_allowed else tokens, now)
        self.limited += not is_allowed
        return is_allowed

    def slip(self, data: bytes) -> bytes | None:
        """What a limited UDP query gets: every other time a truncated reply, else nothing.

        A client whose address is forged by others can still ask over TCP.
        """
        if self.limited % _SLIP:
            return None
        return short_reply(data, rcode=Rcode.NOERROR, flags=Flag.TC)


class Admission:
    """Counts the queries in flight."""

    def __init__(
        self,
        *,
        total: int = int(CLIENT_QUERIES),
        rate: RateLimit | None = None,
    ) -> None:
        self.total = total
        self.rate = rate
        self.in_flight = 0
        self.refused = 0
        self._by_network: dict[bytes, int] = {}

    def __repr__(self) -> str:
        return f"<Admission {self.in_flight} of {self.total} in flight, {self.refused} refused>"

    @property
    def is_overloaded(self) -> bool:
        """True when nearly all places are taken: work that nobody waits for should not start."""
        return self.in_flight >= self.total * _OVERLOADED

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
