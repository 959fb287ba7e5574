"""Queries that need no thought: octets to octets, through the packet cache.

Two levels. Each policy tag has a small dict from the very octets of a query to those of its reply,
emptied once a second, for what came twice in that second; the client's address belongs to the key
where it sent a cookie. Behind it the name is lower-cased and the rest of the query's form looked
up, which gives the key into the shards of `packets.cache`. TTLs are lowered, the LRU order kept,
once a second per reply; a hit between pays for neither.
Measured: 0.15 µs a hit on the first level (0.25 with a cookie), 0.8 on the second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import FRONT_SOURCES, HOT_ENTRIES
from resolver.packets.form import (
    CLIENT_COOKIE,
    HEADER,
    KEEPALIVE,
    OPT_HEAD,
    QUESTION_TAIL,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.packets.cache import Anatomy, PacketCache, View
    from resolver.protocol.transport import Transport


class Front:
    """One transport's way in: `begin` once per batch, then `recall` per query."""

    __slots__ = (
        "_admit",
        "_by_source",
        "_cache",
        "_clock",
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
        self._second = -1
        self.begin()

    def begin(self) -> None:
        """Read the clock. Replies kept for this second only are dropped when it has passed."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self.cool()
            if self._cache.cookies is not None:
                self._cache.cookies.tick(self._cache.clock.wall())

    def cool(self) -> None:
        """Drop the replies kept for this second."""
        for view in self._views:
            view.cool()

    def forget(self) -> None:
        """Drop all that is remembered, access of clients included."""
        self._views.clear()
        self._by_source.clear()

    def recall(self, data: bytes, source: bytes) -> bytes | None:
        """The reply to *data* from the client at raw address *source*, or None. Never raises."""
        view = self._by_source.get(source)
        if view is None:
            view = self._view_of(source)
        asked = data[2:]
        rest = view.hot.get(asked)
        if rest is not None:
            return data[:2] + rest
        if view.personal:
            rest = view.personal.get((asked, source))
            if rest is not None:
                return data[:2] + rest
        if not asked.islower():  # spelled otherwise, or with a cookie: no key looks like that
            return self._find(view, data, source)
        key = asked + view.mark
        packet = self._shards[hash(key) & self._shard_mask].get(key)
        if packet is None:
            return self._find(view, data, source)
        second = self._second
        if packet.due <= second:
            packet.renew(second)
            return None
        rest = packet.octets_at(second)
        if packet.hit != second:
            packet.hit = second
        elif len(view.hot) < HOT_ENTRIES:
            view.hot[asked] = rest
        return data[:2] + rest

    def _find(self, view: View, data: bytes, source: bytes) -> bytes | None:
        """The reply to a query that is not its own key: spelled, or dressed, in another way."""
        end = data.find(0, HEADER)
        shape = data[2:HEADER] + data[end + 1 : end + 20]
        form = view.forms.get(shape) or self._cache.learn(view, shape)
        if form is None or len(data) != end + form.octets:
            return None
        key = form.before + data[HEADER:end].lower() + form.after
        packet = self._shards[hash(key) & self._shard_mask].get(key)
        if packet is None:
            return None
        second = self._second
        if packet.due <= second:
            packet.renew(second)
            return None
        rest = packet.octets_at(second)
        rest = rest[: HEADER - 2] + data[HEADER:end] + rest[end - 2 :]
        if form.option:
            rest = self._dress(packet.anatomy, rest, data, end, form.option, source)
            if not rest:
                return None
        if packet.hit != second:
            packet.hit = second
        elif form.option:
            if len(view.personal) < HOT_ENTRIES:
                view.personal[data[2:], source] = rest  # a cookie is for one address
        elif len(view.hot) < HOT_ENTRIES:
            view.hot[data[2:]] = rest
        return data[:2] + rest

    def _dress(
        self, anatomy: Anatomy, rest: bytes, data: bytes, end: int, option: int, source: bytes
    ) -> bytes:
        """The reply *rest* with the client's own option; b"" if that is too long."""
        cache = self._cache
        if option == KEEPALIVE:
            added = cache.keepalive_option
        elif cache.cookies is not None:
            at = end + 1 + QUESTION_TAIL + OPT_HEAD + 4
            added = cache.cookies.option(data[at : at + CLIENT_COOKIE], source)
        else:
            added = b""
        if anatomy.room < len(added):
            return b""
        own = anatomy.opt_octets
        cut = len(rest) - own
        return rest[: cut - 2] + (own + len(added)).to_bytes(2, "big") + rest[cut:] + added

    def _view_of(self, source: bytes) -> View:
        """The view of a client not met yet, or forgotten since."""
        view = self._cache.view(self._admit(source), self._transport)
        if view not in self._views:
            self._views.append(view)
        if len(self._by_source) >= FRONT_SOURCES:
            self._by_source.clear()
        self._by_source[source] = view
        return view
