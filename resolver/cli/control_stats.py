"""resolver control stats [--watch]: what the counters come to, once or every second."""

from __future__ import annotations

import math
import re
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from resolver.cli.control_parts import octets, table, time_of
from resolver.operate.stats import sources_of
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from resolver.cli.control_session import Session

    Reply = dict[str, Any]

_EVERY_S: Final = 1.0
_BUCKET: Final = re.compile(r'query_seconds_bucket\{from="([a-z]+)",le="([^"]+)"\}')
_HEAD_EVERY: Final = 20  # rows
_TRANSPORTS: Final = ("udp", "tcp", "tls", "https", "quic", "http3")
_FROM: Final = ("packets", "caches", "local", "servers", "failed")
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
                print(line.decode())
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
    total = sum(sources[key] for key in _FROM)
    words = ("ready packets", "caches", "local zones", "servers", "nobody (failed)")
    yield "answers", str(total), ""
    for key, word in zip(_FROM, words, strict=True):
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
    found: dict[str, list[tuple[float, float]]] = {}
    for name, count in counters.items():
        match = _BUCKET.fullmatch(name)
        if match is not None:
            found.setdefault(match[1], []).append((float(match[2]), count))
    for source, buckets in found.items():
        buckets.sort()
        total = buckets[-1][1]
        if total:
            half, most = (_bound(buckets, part * total) for part in (0.5, 0.95))
            yield f"  from {source}", half, most


def _bound(buckets: list[tuple[float, float]], count: float) -> str:
    """The least bound, in milliseconds, within which so many were answered."""
    bound = next(bound for bound, within in buckets if within >= count)
    return f"{1000 * bound:g} ms" if bound < math.inf else "longer"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _row(before: Reply, now: Reply) -> list[str]:
    """What happened in between, a second."""
    elapsed_s = max(now["at"] - before["at"], 0.001)
    earlier, later = sources_of(before["counters"]), sources_of(now["counters"])
    grown = {key: max(0, later[key] - earlier[key]) for key in later}
    total = sum(grown[key] for key in _FROM)
    kept = grown["packets"] + grown["caches"]
    sent = "upstream_sent_udp_total"
    packets = now["counters"].get(sent, 0) - before["counters"].get(sent, 0)
    cells = (
        time_of(now["at"], with_seconds=True),
        f"{total / elapsed_s:.0f}",
        f"{100 * kept / total:.1f}" if total else "-",
        *(f"{grown[key] / elapsed_s:.1f}" for key in ("servers", "failed", "stale")),
        f"{packets / elapsed_s:.1f}",
        str(now["gauges"].get("queries_in_flight", 0)),
    )
    return [cell.rjust(len(head)) for cell, head in zip(cells, _HEAD, strict=True)]
