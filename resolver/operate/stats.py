"""stats: every counter of the daemon, as Prometheus is shown them, and what they come to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from resolver.operate.verb import Nothing, Right, Verb

if TYPE_CHECKING:
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running

_PREFIX: Final = "resolver_"
_GROWING: Final = ("_total", "_bucket", "_sum", "_count")
# What tells one thing to all: counters and gauges.
_LARGEST: Final = (
    "outages_total",
    "outage_seconds_total",
    "_seconds",
    "_serial",
    "_live",
    "build_info",
    "ways_cut_off",
    "processor_part",
    "processor_part_busiest",
    "lists_names",
    "forwarders_discovered",
)
_SMALLEST: Final = ("link_up", "certificate_valid_seconds")


async def stats(daemon: Running, _: Nothing) -> Reply:
    """`counters` only grow, `gauges` do not; by their names without `resolver_`, with labels."""
    counters: dict[str, float] = {}
    gauges: dict[str, float] = {}
    for name, value in by_name(daemon).items():
        kind = counters if name.partition("{")[0].endswith(_GROWING) else gauges
        kind[name] = value if value % 1 else int(value)
    return {
        "at": round(daemon.parts.clock.wall(), 3),
        "up_s": round(daemon.parts.clock.wall() - daemon.started_at, 3),
        "cpu_s": round(time.process_time(), 3),
        "counters": counters,
        "gauges": gauges,
    }


def by_name(daemon: Running) -> dict[str, float]:
    """What is counted, by its name without `resolver_`."""
    return {name.removeprefix(_PREFIX): value for name, value in daemon.registry.values().items()}


def _of_all(replies: list[Reply]) -> Reply:
    """Numbers of all workers added up, but for those of which each has the same."""
    joined = dict(replies[0])
    joined["cpu_s"] = round(sum(reply["cpu_s"] for reply in replies), 3)
    for kind in ("counters", "gauges"):
        names = dict.fromkeys(name for reply in replies for name in reply[kind])
        joined[kind] = {name: _joined(name, replies, kind) for name in names}
    return joined


def _joined(name: str, replies: list[Reply], kind: str) -> Any:
    values = [reply[kind][name] for reply in replies if name in reply[kind]]
    family = name.partition("{")[0]
    if family.endswith(_SMALLEST):
        return min(values)
    if family.endswith(_LARGEST):
        return max(values)
    return sum(values)


STATS: Final = Verb(
    "stats", Right.LOOK, "every counter, as Prometheus is shown them", Nothing, stats, merge=_of_all
)
