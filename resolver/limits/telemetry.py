"""Limits: metrics over HTTP."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("metrics over HTTP")

SHARED_COUNTERS_SECONDS = limit(
    1.0, "seconds between two postings of a worker's numbers", why="Prometheus asks every 15 s"
)
SCRAPES = limit(4, "scrapers of metrics at a time", why="Prometheus needs one")
SCRAPE_SECONDS = limit(5.0, "seconds for one scrape", why="Prometheus gives up after 10 s")
SCRAPE_OCTETS = limit(8192, "octets of an HTTP request head", why="common servers' 8 KiB")
SLOT_OCTETS = limit(65_536, "octets of one worker's counters", why="some hundred numbers")
SLOT_LOOKS = limit(
    3, "looks at a worker's counters that are being written", why="a write takes microseconds"
)
