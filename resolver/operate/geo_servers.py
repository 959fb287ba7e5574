"""What is known of the distance of each server address, as drills and surveys take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.drill.zones import Known
from resolver.operate import geography
from resolver.protocol.transport import Transport
from resolver.upstream.server_state import prefix_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from resolver.geo.distance import Measured
    from resolver.operate.verb import Reply
    from resolver.operate.view import Parts

_PORT = 53


class Distant:
    """`drill.zones.Servers` of what *parts* know at this moment."""

    def __init__(self, parts: Parts, others: Sequence[Measured] = ()) -> None:
        """*others*: what other workers have measured."""
        self._states = parts.infra.states
        self._now = trio.current_time()
        self._rtts = {
            one.host: one.rtt_ms for one in geography.joined(geography.measured(parts), others)
        }
        self._geography = geography.Geography(parts, others)

    def __repr__(self) -> str:
        return f"<Distant {len(self._rtts)} measured>"

    @property
    def measured(self) -> AbstractSet[str]:
        """Addresses that ever answered."""
        return self._rtts.keys()

    @property
    def link_ms(self) -> float:
        """Where far begins."""
        return round(self._geography.distances.link_ms, 1)

    @property
    def about(self) -> Reply:
        """The link, for who reads the report."""
        return {"geography": self._geography.summary()}

    def get(self, host: str) -> Known | None:
        """None: it was never measured."""
        rtt_ms = self._rtts.get(host)
        if rtt_ms is None:
            return None
        distances = self._geography.distances
        state = self._states.get((host, _PORT, Transport.UDP, ""))
        told = self._geography.about(state, self._now)
        place = told.get("place") or {}
        return Known(
            rtt_ms,
            not distances.is_far(rtt_ms, host),
            prefix_of(host),
            distances.word(rtt_ms, host),
            told.get("instance", ""),
            place.get("country", "") if place.get("fits") else "",
        )
