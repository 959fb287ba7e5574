"""The page for Prometheus: all numbers of the process, at /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.limits import SCRAPE_OCTETS, SCRAPE_SECONDS, SCRAPES
from resolver.telemetry.http_page import Pages, Told
from resolver.telemetry.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from resolver.telemetry.shared_counters import Page


def pages_of(page: Page) -> Pages:
    """What is told of *page* over HTTP."""

    def look(path: bytes) -> Told | None:
        return Told("200 OK", CONTENT_TYPE, page.text()) if path == b"/metrics" else None

    return Pages(look, "the numbers are at /metrics\n", SCRAPES, SCRAPE_SECONDS, SCRAPE_OCTETS)
