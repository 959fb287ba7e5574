"""What the daemon says of instances and distances, for people: lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.cli.control_parts import table
from resolver.runtime.duration import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    Reply = dict[str, Any]


def far(row: Reply) -> str:
    """How far a server is: in a word, and in kilometres at most."""
    bound = f", {row['bound_km']} km at most" if "bound_km" in row else ""
    word: str = row.get("distance", "")
    return word + bound


def which(row: Reply) -> str:
    """Which instance answers there, and where it may stand."""
    if "instance" not in row:
        return ""
    place = f" ({row['place']['text']})" if "place" in row else ""
    unstable = ", unstable" if row.get("unstable") else ""
    return f"{row['instance']}{place}{unstable}"


def geography(told: Reply) -> Iterator[str]:
    """What all servers together tell; the link, if it looks like anything special."""
    if not told["measured"]:
        yield "servers: none measured yet"
        return
    found = {
        "configured": "as configured",
        "outage": "as outages showed",
        "measured": "where round trips take a step",
        "assumed": "for want of a step in round trips",
    }
    counts = ", ".join(f"{told[word]} {word}" for word in ("local", "regional", "far"))
    yield (
        f"servers: {counts}; the nearest in {told['access_ms']:.1f} ms, far from "
        f"{told['link_ms']:.0f} ms on, {found[told['link_from']]}"
    )
    if told["sentence"]:
        yield told["sentence"]
    if told["outages"]:
        yield f"{told['outages']} partial outages in the last 90 days told who is near"


def pops(reply: Reply) -> Iterator[str]:
    """A table, the nearest first, and under each server its earlier instances."""
    yield from geography(reply["geography"])
    rows, notes = reply["servers"], reply.get("notes", [])
    yield from notes
    if not rows:
        if not notes:
            yield "no instance is known: servers are asked as questions go to them"
        return
    heads = ("ADDRESS", "INSTANCE", "SINCE", "RTT", "LEAST", "DISTANCE", "NAME")
    yield ""
    yield from table([heads, *map(_pop, rows)])
    changed = [row for row in rows if row.get("earlier")]
    if changed:
        yield ""
        yield "before:"
    for row in changed:
        for one in row["earlier"]:
            place = f" ({one['place']}?)" if one["place"] else ""
            yield (
                f"  {row['address']}  {one['instance']}{place} until "
                f"{duration(one['last_s_ago'])} ago, {one['least_rtt_ms']:.1f} ms at best"
            )
    if reply["known"] > len(rows):
        yield f"… and {reply['known'] - len(rows)} more"


def _pop(row: Reply) -> tuple[str, ...]:
    rtt, least = row["rtt_ms"], row.get("least_with_ms", row.get("least_rtt_ms"))
    return (
        row["address"], which(row) or "not known",
        duration(row["instance_since_s"]) if "instance_since_s" in row else "",
        "" if rtt is None else f"{rtt:.1f} ms", "" if least is None else f"{least:.1f} ms",
        far(row), row.get("nameserver") or row.get("name") or "",
    )  # fmt: skip


def probe(reply: Reply) -> Iterator[str]:
    """A line for each server as it is asked, and at the end what all tell together."""
    if "server" in reply:
        row = reply["server"]
        said = ", ".join(
            f"{name} {'nothing' if text is None else text}" for name, text in row["chaos"].items()
        )
        instance = which(row) or "nothing"
        rtt = "" if row["rtt_ms"] is None else f", {row['rtt_ms']:.1f} ms"
        name = f" {row['nameserver']}" if row.get("nameserver") else ""
        yield f"{row['address']}{name} NSID {instance}, {said}{rtt} {far(row)}".rstrip()
    else:
        yield from geography(reply["geography"])
        yield from reply.get("notes", [])
