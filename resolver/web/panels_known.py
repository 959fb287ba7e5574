"""The panels that name names, for who has the token: zones, servers, what is kept warm. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.limits import WEB_ROWS
from resolver.runtime.duration import duration
from resolver.web.charts import bar, distances
from resolver.web.html import Html, joined, table, tag, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.web.panels import View

    Reply = dict[str, Any]


def zones(view: View) -> Html:
    """Those that fail, with the reason; those that are slow."""
    told = view.known.get("zones")
    if told is None:
        return _absent("The daemon does not tell of zones.")
    failing = [
        (
            row["zone"],
            f"{row['failed']:,} of {row['asked']:,}",
            f"{duration(row['failed_s_ago'])} ago",
            row["reason"] or "no reason is known",
        )
        for row in told["failing"][:WEB_ROWS]
    ]
    slow = [
        (row["zone"], ms(row["mean_ms"]), ms(row["longest_ms"]), f"{row['asked']:,}")
        for row in told["slow"][:WEB_ROWS]
    ]
    return joined((
        tag("h3", "Failing"),
        table(("Zone", "Failed", "Last", "Reason"), failing, label="Zones that fail")
        if failing else tag("p", "None in the last hour.", class_="none good"),
        tag("h3", "Slow"),
        table(("Zone", "Mean", "Longest", "Asked"), slow, label="Zones that answer late"),
    ))  # fmt: skip


def servers(view: View) -> Html:
    """The most used, with the instance that answers and how far that can be."""
    told = view.known.get("servers")
    if told is None:
        return _absent("The daemon does not tell of servers.")
    found = sorted(told["servers"], key=lambda row: -(row.get("answers") or 0))
    far = max((row["rtt_ms"] or 0.0 for row in found[:WEB_ROWS]), default=0.0)
    rows = [_server(row, far) for row in found[:WEB_ROWS]]
    heads = ("Server", "Round trip", "Instance", "Distance", "State", "Answers")
    return joined((
        _geography(told.get("geography")),
        _sketch(found[:WEB_ROWS], told.get("geography") or {}),
        table(heads, rows, label="The servers that answer most"),
        tag("p", f"{told['known']:,} are known.", class_="note"),
    ))  # fmt: skip


def _server(row: Reply, far_ms: float) -> Sequence[Html | str]:
    rtt = row["rtt_ms"]
    drawn = joined((bar((rtt or 0.0) / far_ms if far_ms else 0.0, "network"), text(ms(rtt))))
    since = row.get("instance_since_s")
    place = row.get("place") or {}
    instance = row.get("instance") or "–"
    if place.get("text"):
        instance += f" ({place['text']})"
    if since is not None:
        instance += f", for {duration(since)}"
    if row.get("unstable"):
        instance += ", changing"
    answers = f"{row.get('answers') or 0:,}"
    return row["address"], drawn, instance, _distance(row), row["state"], answers


def _sketch(rows: Sequence[Reply], geography: Reply) -> Html:
    """The same servers, by how far out they are; what it shows stands in the table, too."""
    found = [
        (row.get("instance") or row["address"], row["rtt_ms"], row.get("distance") or "none")
        for row in rows
        if row["rtt_ms"]
    ]
    if not found:
        return Html()
    nearest, farthest = (ms(pick(rtt for _, rtt, _ in found)) for pick in (min, max))
    label = f"Round trips of {len(found)} servers, from {nearest} to {farthest}"
    return distances(found, geography.get("link_ms"), label)


def _distance(row: Reply) -> str:
    if not row.get("distance"):
        return "–"
    bound = f", at most {row['bound_km']:,} km" if row.get("bound_km") else ""
    return f"{row['distance']}{bound}"


def _geography(found: Reply | None) -> Html:
    if not found or not found.get("measured"):
        return Html()
    said = (
        f"{found['local']} local, {found['regional']} regional, {found['far']} far: beyond "
        f"{ms(found['link_ms'])}. The nearest answers in {ms(found['access_ms'])}."
    )
    return tag("p", said, f" {found.get('sentence') or ''}")


def warm(view: View) -> Html:
    """What is renewed ahead of need, and what that was good for."""
    told, counters = view.known.get("warm"), view.stats["counters"]
    renewed = int(counters.get("resolutions_prefetches_total", 0))
    used = int(counters.get("resolutions_prefetch_hits_total", 0))
    worth = f"{renewed:,} renewed ahead of need, of which {used:,} were asked for: no wait."
    if told is None:
        return tag("p", worth)
    rows = [
        (
            f"{row['name']} {row['type']}",
            f"{row['score']:.1f}" + (" (by hand)" if row["by_hand"] else ""),
            f"{duration(row['used_s_ago'])} ago",
            duration(max(row["left_s"], 0)),
        )
        for row in told["names"][:WEB_ROWS]
    ]
    heads = ("Name", "Score", "Used", "Left")
    return joined((
        tag("p", f"{told['known']:,} names are in use; {worth}"),
        table(heads, rows, label="Names kept warm"),
    ))  # fmt: skip


def ms(value: float | None) -> str:
    """Milliseconds, with a digit behind the point where there are few."""
    if value is None:
        return "–"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"  # noqa: PLR2004


def _absent(said: str) -> Html:
    return tag("p", said, class_="none")
