"""From where clients had their answers, of the counters by name. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def sources_of(counters: Mapping[str, float]) -> dict[str, int]:
    """From where clients had their answers: how many of each."""

    def total(*names: str) -> int:
        return int(sum(counters.get(f"{name}_total", 0) for name in names))

    ready = total("packet_cache_blocked")
    return {
        "packets": total("packet_cache_hits") - ready,
        "blocked": total("clients_blocked") + ready,
        "caches": total("clients_recalled"),
        "local": total("clients_local"),
        "servers": total("clients_resolved"),
        "failed": total("clients_failed"),
        "refused": total("clients_refused"),
        "limited": total("clients_limited", "late_replies_dropped"),
        "malformed": total("clients_malformed"),
        "stale": total("stale_answers_failure", "stale_answers_slow", "stale_answers_outage"),
    }
