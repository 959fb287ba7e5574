"""resolver control stats [--watch]: what the counters come to, once or every second."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from resolver.cli.control_parts import json_line, table
from resolver.operate.numbers import ANSWERED, numbers, took
from resolver.operate.sources import sources_of
from resolver.runtime.duration import duration
from resolver.runtime.units import octets, time_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from resolver.cli.control_session import Session

    Reply = dict[str, Any]

_EVERY_S: Final = 1.0
_HEAD_EVERY: Final = 20  # rows
_TRANSPORTS: Final = ("udp", "tcp", "tls", "https", "quic", "http3")
_HEAD: Final = (
    "time    ", "queries/s", "memory %", "servers/s", "failed/s", "stale/s", "sent/s", "waiting",
)  # fmt: skip


def run(session: Session, options: argparse.Namespace) -> int:
    """Until interrupted, with --watch."""
    before: Reply | None = None
    row = 0
    while True:
        for line in session.lines("stats", streams=False):
            now = msgspec.json.decode(line)
            if options.json:
                print(json_line(line))
            elif not options.watch:
                print(*shown(now), sep="\n")
            elif before is not None:
                if row % _HEAD_EVERY == 0:
                    print("  ".join(_HEAD))
                print("  ".join(_row(before, now)))
                row += 1
            before = now
        sys.stdout.flush()
        if not options.watch:
            return 0
        time.sleep(_EVERY_S)


def shown(reply: Reply) -> Iterator[str]:
    """The page for people; `--json` has every number."""
    counters, gauges = reply["counters"], reply["gauges"]
    yield f"up {duration(reply['up_s'])}, {reply['cpu_s']:.1f} s of CPU"
    yield from table([*_answers(counters), *_clients(counters), *_servers(counters, gauges)])
    times = list(_times(counters))
    if times:
        yield ""
        yield from table([("answered", "half within", "95 % within"), *times])
    yield ""
    caches = [name.removesuffix("_cache_bytes") for name in gauges if name.endswith("_cache_bytes")]
    rows = [
        (
            f"{name} cache", f"{gauges[f'{name}_cache_entries']} entries",
            octets(gauges[f"{name}_cache_bytes"]),
        )
        for name in caches
    ]  # fmt: skip
    yield from table(rows)


def _answers(counters: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    sources = sources_of(counters)
    total = sum(sources[key] for key in ANSWERED)
    words = (
        "ready packets", "caches", "lists that block", "local zones", "servers", "nobody (failed)",
    )  # fmt: skip
    yield "answers", str(total), ""
    for key, word in zip(ANSWERED, words, strict=True):
        yield f"  from {word}", str(sources[key]), _share(sources[key], total)
    yield "  expired", str(sources["stale"]), _share(sources["stale"], total)
    yield "refused", str(sources["refused"]), ""


def _clients(counters: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    asked = {each: counters.get(f"{each}_queries_total", 0) for each in _TRANSPORTS}
    total = sum(asked.values())
    for transport, number in asked.items():
        if number:
            yield f"asked over {transport.upper()}", str(number), _share(number, total)


def _servers(
    counters: Mapping[str, float], gauges: Mapping[str, float]
) -> Iterator[tuple[str, str, str]]:
    yield "sent to servers over UDP", str(counters.get("upstream_sent_udp_total", 0)), ""
    yield "sent to servers over TCP", str(counters.get("upstream_sent_tcp_total", 0)), ""
    yield "queries that wait now", str(gauges.get("queries_in_flight", 0)), ""
    yield "servers known", str(gauges.get("upstream_servers", 0)), ""


def _times(counters: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    """How long clients waited, by where the answer came from: of a histogram, its bounds."""
    for source, found in took(counters, {}).items():
        if source == "all":
            continue
        yield f"  from {source}", bound_text(found.median_s), bound_text(found.p95_s)


def bound_text(seconds: float) -> str:
    """A bound that answers kept, in milliseconds."""
    return f"{1000 * seconds:g} ms" if seconds < math.inf else "longer"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _row(before: Reply, now: Reply) -> list[str]:
    """What happened in between, a second."""
    found = numbers(now, before)
    hits = found.hit_share

    def each_second(kind: str) -> str:
        return f"{found.kinds[kind] / found.seconds:.1f}"

    cells = (
        time_of(now["at"], with_seconds=True),
        f"{found.queries_s:.0f}",
        f"{100 * hits:.1f}" if hits is not None else "-",
        *map(each_second, ("network", "failed", "stale")),
        f"{found.sent / found.seconds:.1f}",
        str(now["gauges"].get("queries_in_flight", 0)),
    )
    return [cell.rjust(len(head)) for cell, head in zip(cells, _HEAD, strict=True)]
