"""How often the servers of one zone are asked: where a flood is held off from others' servers.

A flood of random names below one zone (`RATE_FAILING` makes it dear to one client, not to ten
thousand) goes through to the zone's servers. Above ZONE_RATE questions a second, and above what one
network can ask for by itself (ZONE_RATE_CLIENTS), one in ZONE_RATE_LET is asked still, so that the
zone is not gone for everybody; the rest fails at once and is remembered of nobody. What is not used
may be saved up for RATE_BURST_SECONDS, as by clients: else one of them who had done so could use up
a zone's second, and all others' questions would fail with his. The root and
zones right below it are asked for all that is below them, and forwarders and stub servers are the
operator's own: those are not counted. Only where `server.rate_limit` is on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from resolver.errors import Ede, ZoneCrowded
from resolver.limits import (
    RATE_BURST_SECONDS,
    ZONE_RATE,
    ZONE_RATE_CLIENTS,
    ZONE_RATE_LET,
    ZONE_RATE_ZONES,
)
from resolver.protocol import names
from resolver.protocol.codes import EdeCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.model import Name
    from resolver.upstream.request import Ask, Reply, Request


class ZoneRate:
    """Counts the questions of the last seconds, by zone. *now*: trio's time."""

    COUNTS: ClassVar = {"limited": "Questions not asked, for their zone was asked too often."}

    def __init__(self, now: Callable[[], float]) -> None:
        self.limited = 0
        self._most = 0  # a second; 0: as many as come
        self._now = now
        self._looked_at = now()
        self._over = 0
        self._worked_off: dict[Name, float] = {}  # when all that was asked is, at that rate

    def __repr__(self) -> str:
        return f"<ZoneRate of {len(self._worked_off)} zones, {self.limited} limited>"

    def go_by(self, rate_limit: float, *, workers: int = 1) -> None:
        """Clients have so many tokens a second, each; 0: nobody counts. Of several *workers* each
        asks its part."""
        most = max(ZONE_RATE, int(ZONE_RATE_CLIENTS * rate_limit)) if rate_limit else 0
        self._most = -(-most // workers)

    def asking(self, ask: Ask) -> Ask:
        """*ask*, within the rate."""

        def limited(request: Request) -> Awaitable[Reply]:
            if self._most and not self.admits(request):
                raise _too_often(request.delegation.zone)
            return ask(request)

        return limited

    def admits(self, request: Request) -> bool:
        """May *request* be asked now? Counts it."""
        delegation = request.delegation
        if delegation.way is not None:
            return True
        zone, now, worked_off = delegation.zone, self._now(), self._worked_off
        if now - self._looked_at >= RATE_BURST_SECONDS:
            self._looked_at = now
            self._worked_off = worked_off = {z: at for z, at in worked_off.items() if at > now}
        at = worked_off.get(zone)
        if at is None:
            if names.count(zone) < 2 or len(worked_off) >= ZONE_RATE_ZONES:  # noqa: PLR2004  # a TLD
                return True
            at = now
        at = max(at, now) + 1 / self._most
        if at <= now + RATE_BURST_SECONDS:
            worked_off[zone] = at
            return True
        self._over += 1
        if self._over % ZONE_RATE_LET == 0:
            return True
        self.limited += 1
        return False


def _too_often(zone: Name) -> ZoneCrowded:
    text = f"servers of {names.to_text(zone)} are asked too often"
    return ZoneCrowded(text, ede=(Ede(EdeCode.OTHER, text),))
