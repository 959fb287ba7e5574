"""Queries that need no thought: octets to octets, through the packet cache (DESIGN rule 3).

Two levels. Each policy tag has a small dict from the very octets of a query to those of its reply,
emptied once a second, for what came twice in that second; the client's address belongs to the key
where it sent a cookie. Behind it the name is lower-cased and the rest of the query's form looked
up, which gives the key into the shards of `cache.packet`. TTLs are lowered, and the LRU order kept,
once a second per reply; a hit between pays for neither.
Measured: 0.15 µs a hit on the first level (0.25 with a cookie), 0.8 on the second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from resolver.cache.packet_form import (
    CLIENT_COOKIE,
    HEADER,
    KEEPALIVE,
    OPT_HEAD,
    QUESTION_TAIL,
)
from resolver.limits import FRONT_SOURCES, HOT_ENTRIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.cache.packet import Packet, PacketCache, View
    from resolver.protocol.transport import Transport

_HOT: Final = int(HOT_ENTRIES)
_NEVER: Final = float("inf")


class Front:
    """One transport's way in: `begin` once per batch, then `recall` per query."""

    __slots__ = (
        "_admit",
        "_by_source",
        "_cache",
        "_clock",
        "_now",
        "_second",
        "_shard_mask",
        "_shards",
        "_transport",
        "_views",
        "hits",
    )

    def __init__(
        self, cache: PacketCache, transport: Transport, admit: Callable[[bytes], int | None]
    ) -> None:
        self.hits = 0
        self._cache = cache
        self._clock = cache.clock.now
        self._transport = transport
        self._admit = admit
        self._views: list[View] = []
        self._by_source: dict[bytes, View] = {}
        self._shards, self._shard_mask = cache.shards.table
        self._now = 0.0
        self._second = -1
        self.begin()

    def begin(self) -> None:
        """Read the clock. Replies kept for this second only are dropped when it has passed."""
        now = self._now = self._clock()
        second = int(now)
        if second != self._second:
            self._second = second
            self.cool()
            if self._cache.cookies is not None:
                self._cache.cookies.tick(self._cache.clock.wall())

    def cool(self) -> None:
        """Drop the replies kept for this second."""
        for view in self._views:
            if view.hot:
                view.hot.clear()

    def forget(self) -> None:
        """Drop all that is remembered, access of clients included."""
        self._views.clear()
        self._by_source.clear()

    def recall(self, data: bytes, source: bytes) -> bytes | None:
        """The reply to *data* from the client at raw address *source*, or None. Never raises."""
        view = self._by_source.get(source)
        if view is None:
            view = self._view_of(source)
        rest = view.hot.get(data[2:])
        if rest is not None:
            return data[:2] + rest
        return self._find(view, data, source)

    def _find(self, view: View, data: bytes, source: bytes) -> bytes | None:
        rest = view.hot.get((data[2:], source))
        if rest is not None:
            return data[:2] + rest
        end = data.find(0, HEADER)
        shape = data[2:HEADER] + data[end + 1 : end + 20]
        form = view.forms.get(shape) or self._cache.learn(view, shape)
        if form is None or len(data) != end + form.octets:
            return None
        key = data[HEADER:end].lower() + form.suffix
        shard = self._shards[hash(key) & self._shard_mask]
        packet: Packet | None = shard.get(key)
        if packet is None or packet.expires_at <= self._now:
            return None
        second = self._second
        is_again = packet.second == second
        if not is_again:
            if not self._grow_older(packet, second):
                return None
            shard.move_to_end(key)
        asked: bytes | tuple[bytes, bytes] = data[2:]
        tail = packet.tail
        if form.option:
            asked = data[2:], source  # a cookie is for one address
            tail = self._dress(packet, data, end, form.option, source)
            if not tail:
                return None
        rest = packet.head + data[HEADER : end + 5] + tail
        if is_again and packet.expires_at >= second + 1 and len(view.hot) < _HOT:
            packet.is_hot = True
            view.hot[asked] = rest
        return data[:2] + rest

    def _grow_older(self, packet: Packet, second: int) -> bool:
        """Lower the TTLs to *second*. False once, when the packet asks to be renewed."""
        if packet.refresh_at <= self._now:
            packet.refresh_at = _NEVER
            return False
        tail = packet.tail
        aged = int.from_bytes(tail, "big") - max(0, second - packet.second) * packet.ttl_mask
        packet.tail = aged.to_bytes(len(tail), "big")
        packet.second = second
        packet.is_hot = False
        return True

    def _dress(self, packet: Packet, data: bytes, end: int, option: int, source: bytes) -> bytes:
        """What follows the question, with the client's own option; b"" if that is too long."""
        cache = self._cache
        if option == KEEPALIVE:
            added = cache.keepalive_option
        elif cache.cookies is not None:
            at = end + 1 + QUESTION_TAIL + OPT_HEAD + 4
            added = cache.cookies.option(data[at : at + CLIENT_COOKIE], source)
        else:
            added = b""
        if packet.room < len(added):
            return b""
        own = packet.opt_octets
        tail = packet.tail
        cut = len(tail) - own
        return tail[: cut - 2] + (own + len(added)).to_bytes(2, "big") + tail[cut:] + added

    def _view_of(self, source: bytes) -> View:
        """The view of a client not met yet, or forgotten since."""
        view = self._cache.view(self._admit(source), self._transport)
        if view not in self._views:
            self._views.append(view)
        if len(self._by_source) >= int(FRONT_SOURCES):
            self._by_source.clear()
        self._by_source[source] = view
        return view
