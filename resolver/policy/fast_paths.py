"""3 may they: the way into the packet cache of each listener, for the clients whom policy admits.

A packet is what policy made of an answer. So each client gets those of its view's tag, new views
forget all packets at once, and what the packets were made of stays in the caches behind.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from resolver.packets.fast_path import FastPath
from resolver.protocol.transport import host_of
from resolver.telemetry.events import Recalled

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.packets.cache import PacketCache
    from resolver.packets.fast_path import Recall
    from resolver.packets.options import ClientOptions
    from resolver.policy.views import Views
    from resolver.protocol.transport import Transport
    from resolver.telemetry.events import Bus

_new = tuple.__new__  # half the constructor's cost


class Keep(enum.Enum):
    """Which ready replies are still right under other views."""

    NONE = "none"
    EVERYBODYS = "those of who is in no view of his own"
    ALL = "all"


class FastPaths:
    """Hits are counted; while *bus* has somebody who wants to hear of them, they are told too."""

    def __init__(
        self, packets: PacketCache, options: ClientOptions, views: Views, bus: Bus
    ) -> None:
        self._packets = packets
        self._options = options
        self.views = views
        """Whom which policy is for."""
        self._bus = bus
        self._open: dict[tuple[Transport, str], FastPath] = {}
        bus.on_change(self._hear)

    def __repr__(self) -> str:
        return f"<FastPaths {len(self._open)}>"

    @property
    def fronts(self) -> list[FastPath]:
        """All that were opened."""
        return list(self._open.values())

    def go_by(self, views: Views, keep: Keep = Keep.NONE) -> None:
        """Other views, from the next batch of queries on. What they make of the answers that are to
        be *kept* is the same; whom they admit may differ."""
        self.views = views
        self._hear()
        if keep is Keep.NONE:
            self._packets.flush()
        else:
            everybodys = views.default.view.tag
            self._packets.look_anew(tag=everybodys if keep is Keep.EVERYBODYS else None)

    def open(self, transport: Transport, listener: str = "") -> FastPath:
        """The fast path of what listens at *listener*, "192.0.2.1:53"; the same for all who ask."""
        known = self._open.get((transport, listener))
        if known is not None:
            return known

        def tag(source: bytes) -> int | None:
            return self.views.tag(source, listener, transport)

        fast_path = FastPath(self._packets, transport, self._options, admit=tag)
        self._open[transport, listener] = fast_path
        self._hear()
        return fast_path

    def _hear(self) -> None:
        is_heard = Recalled in self._bus.heard
        for (transport, listener), fast_path in self._open.items():
            fast_path.tell(self._telling(transport, listener) if is_heard else None)

    def _telling(self, transport: Transport, listener: str) -> Callable[[Recall], Recall]:
        """What tells of a hit: written out, for each call of a function costs as much as a hit."""
        hears, host, views = self._bus.heard[Recalled], host_of(listener), self.views
        hear, *others = hears
        name = views.only.view.name if views.only is not None else ""

        def to_one(plain: Recall) -> Recall:
            def recall(data: bytes, source: bytes) -> bytes | None:
                reply = plain(data, source)
                if reply is not None:
                    hear(_new(Recalled, (data, reply, source, transport, host, name)))
                return reply

            return recall

        def to_many(plain: Recall) -> Recall:
            def recall(data: bytes, source: bytes) -> bytes | None:
                reply = plain(data, source)
                if reply is not None:
                    view = views.of(source, listener, transport).view.name
                    event = _new(Recalled, (data, reply, source, transport, host, view))
                    for listener_of_hits in hears:
                        listener_of_hits(event)
                return reply

            return recall

        return to_many if others or not name else to_one
