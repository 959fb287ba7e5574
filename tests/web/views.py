"""A view as a daemon would have it, with whatever names a test wants in it."""

from __future__ import annotations

from typing import Any

from resolver.operate.numbers import KINDS, numbers
from resolver.operate.timeline import OCTETS, Timeline
from resolver.web.panels import View

NOW = 1_800_000_000.0
STATS: dict[str, Any] = {
    "at": NOW, "up_s": 4000.0, "cpu_s": 1.0,
    "counters": {"packet_cache_hits_total": 90, "clients_resolved_total": 8,
                 "clients_failed_total": 2},
    "gauges": {"queries_in_flight": 1, "link_up": 1, "packet_cache_entries": 5},
}  # fmt: skip


def status(said: str = "example") -> dict[str, Any]:
    return {
        "version": "1", "up_s": 4000.0, "is_drained": False, "listening": ["127.0.0.1:53", said],
        "missing": [said],
        "link": {"is_up": True, "since": NOW - 4000, "outages": 1, "outage_s": 30.0,
                 "ways_cut_off": 1},
        "memory": {"resident_octets": 1 << 26, "cache_octets": 1 << 20, "rrsets": 7},
        "lists": {"lists": 1, "names": 3, "oldest_s": 60, "paused_until": 0,
                  "troubles": [f"{said}: {said}"]},
        "certificates": [{"names": [said], "valid_until": NOW + 90_000, "pin": said}],
        "store": {"octets_written_day": 5}, "policy_zones": [
            {"zone": said, "age_s": None, "serial": None, "triggers": 0, "is_expired": False,
             "trouble": said}],
        "root_copy": {"serial": 2026, "age_s": 5.0, "is_in_use": True},
        "geography": {"sentence": said},
    }  # fmt: skip


def known(said: str = "example", *, rows: int = 1) -> dict[str, Any]:
    server = {
        "address": said, "rtt_ms": 12.5, "state": said, "answers": 3, "instance": said,
        "instance_since_s": 90, "unstable": True, "distance": said, "bound_km": 1250,
        "place": {"text": said}, "nameserver": said,
    }  # fmt: skip
    return {
        "zones": {
            "failing": [{"zone": said, "asked": 2, "failed": 1, "failed_s_ago": 3.0,
                         "reason": said}] * rows,
            "slow": [{"zone": said, "asked": 2, "mean_ms": 30.0, "longest_ms": 50.0}] * rows,
        },
        "servers": {"known": 1, "servers": [server] * rows, "geography": {
            "measured": 1, "local": 1, "regional": 0, "far": 0, "link_ms": 60.0, "access_ms": 2.0,
            "sentence": said}},
        "warm": {"known": 1, "names": [{"name": said, "type": said, "score": 1.0, "by_hand": True,
                                        "used_s_ago": 3, "left_s": 5}] * rows},
    }  # fmt: skip


def view(said: str = "example", *, rows: int = 1, is_trusted: bool = True) -> View:
    timeline = Timeline(bytearray(OCTETS))
    for minute in range(1440):
        kinds = {kind: (minute * 7 + at * 13) % 1000 for at, kind in enumerate(KINDS)}
        timeline.note(NOW - 60 * minute, kinds, minute % 97 == 3, 60)
    found = numbers(STATS)
    told = known(said, rows=rows) if is_trusted else {}
    return View(STATS, status(said), found, found, timeline.minutes(NOW), told, is_trusted, "")
