"""Health over HTTP: /health answers 200 or 503, with what `resolver health --json` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from resolver.limits import HEALTH_HEAD_OCTETS, HEALTH_PROBER_SECONDS, HEALTH_PROBERS
from resolver.telemetry.http_page import Pages, Told

if TYPE_CHECKING:
    from resolver.daemon.health import Health

# What is asked, and what of the verdict answers it.
_PATHS: Final = {b"/health": "is_healthy", b"/health/last-resort": "is_last_resort"}
_STATUS: Final = {True: "200 OK", False: "503 Service Unavailable"}


def health_pages(health: Health) -> Pages:
    """What is told of *health*, which looks from now on."""
    health.begin()

    def look(path: bytes) -> Told | None:
        asked = _PATHS.get(path)
        if asked is None:
            return None
        verdict = health.verdict()
        body = msgspec.json.encode(verdict).decode() + "\n"
        return Told(_STATUS[verdict[asked]], "application/json", body)

    elsewhere = "health is at /health, and at /health/last-resort\n"
    return Pages(look, elsewhere, HEALTH_PROBERS, HEALTH_PROBER_SECONDS, HEALTH_HEAD_OCTETS)
