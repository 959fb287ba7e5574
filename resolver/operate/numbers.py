"""What `stats` comes to: rates, shares, how long answers took. For the page and terminals. Pure.

Of two replies of `stats` the later minus the earlier, so that a restart shows nothing below zero.
"""

from __future__ import annotations

import math
import re
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from resolver.operate.sources import sources_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Reply = Mapping[str, Any]
    Buckets = list[tuple[float, float]]

_BUCKET: Final = re.compile(r'query_seconds_bucket\{from="([a-z]+)",le="([^"]+)"\}')
# Whoever asked and was answered, each once.
ANSWERED: Final = ("packets", "caches", "blocked", "local", "servers", "failed")
KINDS: Final = ("cache", "stale", "network", "local", "blocked", "failed")
_LEAST_S: Final = 0.001


class Took(NamedTuple):
    """Of so many answers from one source half took *median_s* at most, and 95 % *p95_s*."""

    answers: int
    median_s: float
    p95_s: float


class Numbers(NamedTuple):
    """What happened between two replies of `stats`; shares are of the answers, None without one."""

    seconds: float
    queries: int
    kinds: dict[str, int]
    sent: int
    took: dict[str, Took]

    @property
    def queries_s(self) -> float:
        return self.queries / self.seconds

    def share(self, *kinds: str) -> float | None:
        """Of the answers, those of *kinds*."""
        if not self.queries:
            return None
        return sum(self.kinds[kind] for kind in kinds) / self.queries

    @property
    def hit_share(self) -> float | None:
        """What took no server, stale or fresh."""
        return self.share("cache", "stale")


def numbers(now: Reply, before: Reply | None = None) -> Numbers:
    """From *before* to *now*, or since the start."""
    earlier: Mapping[str, float] = before["counters"] if before is not None else {}
    later: Mapping[str, float] = now["counters"]
    since = before["at"] if before is not None else now["at"] - now["up_s"]
    found, old = sources_of(later), sources_of(earlier)
    grown = {key: max(0, found[key] - old[key]) for key in found}
    sent = "upstream_sent_udp_total", "upstream_sent_tcp_total"
    return Numbers(
        max(now["at"] - since, _LEAST_S),
        sum(grown[key] for key in ANSWERED),
        _kinds(grown),
        int(sum(max(0, later.get(name, 0) - earlier.get(name, 0)) for name in sent)),
        took(later, earlier),
    )


def _kinds(grown: Mapping[str, int]) -> dict[str, int]:
    """Each answer in one kind; what is stale came from a cache."""
    kept = grown["packets"] + grown["caches"]
    stale = min(grown["stale"], kept)
    return {
        "cache": kept - stale, "stale": stale, "network": grown["servers"],
        "local": grown["local"], "blocked": grown["blocked"], "failed": grown["failed"],
    }  # fmt: skip


def took(later: Mapping[str, float], earlier: Mapping[str, float]) -> dict[str, Took]:
    """How long answers took, by where they came from, and of "all"; nothing where nobody measures
    it."""
    buckets: dict[str, Buckets] = {}
    for name, count in later.items():
        match = _BUCKET.fullmatch(name)
        if match is not None:
            grown = max(0.0, count - earlier.get(name, 0))
            buckets.setdefault(match[1], []).append((float(match[2]), grown))
    found = {}
    buckets["all"] = _together(buckets.values())
    for source, known in buckets.items():
        known.sort()
        if known and (total := known[-1][1]):
            found[source] = Took(int(total), within(known, 0.5), within(known, 0.95))
    return found


def _together(each: Iterable[Buckets]) -> Buckets:
    """Buckets of all sources as one."""
    joined: dict[float, float] = {}
    for bound, count in chain.from_iterable(each):
        joined[bound] = joined.get(bound, 0) + count
    return [*joined.items()]


def within(buckets: Buckets, part: float) -> float:
    """The least bound, in seconds, within which that part was answered; infinite beyond all."""
    count = part * buckets[-1][1]
    return next(bound for bound, reached in buckets if reached >= count)


def plain(found: Numbers) -> dict[str, Any]:
    """Numbers as JSON has them: times in milliseconds, None for one that is beyond all bounds."""

    def in_ms(seconds: float) -> float | None:
        return round(1000 * seconds, 3) if seconds < math.inf else None

    return {
        "seconds": round(found.seconds, 3),
        "queries": found.queries,
        "queries_s": round(found.queries_s, 2),
        "hit_share": found.hit_share,
        "failed_share": found.share("failed"),
        "answers": found.kinds,
        "sent_to_servers": found.sent,
        "took": {
            source: {
                "answers": one.answers,
                "median_ms_at_most": in_ms(one.median_s),
                "p95_ms_at_most": in_ms(one.p95_s),
            }
            for source, one in found.took.items()
        },
    }
