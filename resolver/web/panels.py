"""The panels that name nobody: the link, what was answered from where, the day, what is kept. Pure.

Each makes its markup of a `View`; the page has it whole at first, and live by panels that changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from resolver.operate.numbers import KINDS
from resolver.runtime.duration import duration
from resolver.runtime.units import octets, time_of
from resolver.web.charts import bar, columns, outages, timeline
from resolver.web.html import Html, joined, table, tag, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.operate.numbers import Numbers, Took
    from resolver.operate.timeline import Minute

    Reply = dict[str, Any]

WORDS: Final = {
    "cache": "from memory", "stale": "from memory, expired", "network": "from servers",
    "local": "from local zones", "blocked": "blocked", "failed": "failed",
}  # fmt: skip
_HOURS: Final = 24


@dataclass(frozen=True)
class View:
    """What is known now. *window*: of the last five minutes; *last*: since the look before.
    *known*: replies that take the token, for who has it (*is_trusted*)."""

    stats: Reply
    status: Reply
    window: Numbers
    last: Numbers
    minutes: Sequence[Minute | None] = ()
    known: dict[str, Reply] = field(default_factory=dict)
    is_trusted: bool = False
    trouble: str = ""


def percent(share: float | None) -> str:
    """As "94.2 %", or a dash where there is nothing to have a share of."""
    if share is None:
        return "–"
    return f"{100 * share:.0f} %" if share in (0.0, 1.0) else f"{100 * share:.1f} %"


def rate(number: float) -> str:
    """So many a second, with no more digits than mean something."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"  # noqa: PLR2004


def took_text(seconds: float) -> str:
    """A bound that answers kept."""
    if seconds == math.inf:
        return "over 10 s"
    return f"≤ {1000 * seconds:g} ms" if seconds < 1 else f"≤ {seconds:g} s"


# --- at a glance ---------------------------------------------------------------------------------


def glance(view: View) -> Html:
    """Four numbers; the share of hits first, for that is what people ask of a cache."""
    window, last = view.window, view.last
    hits = window.hit_share
    found = window.took.get("all")
    return joined((
        _tile("From memory", percent(hits), bar(hits or 0.0, "cache"), "of the last 5 minutes"),
        _tile("Queries", f"{rate(last.queries_s)}/s", "", f"{window.queries:,} in 5 minutes"),
        _tile("Answered in", took_text(found.median_s) if found else "–", "",
              f"half of all; 95 % {took_text(found.p95_s)}" if found else "nothing yet"),
        _tile("Failed", percent(window.share("failed")), "",
              f"{window.kinds['failed']:,} in 5 minutes"),
    ))  # fmt: skip


def _tile(name: str, value: str, below: Html | str, about: str) -> Html:
    return tag(
        "div",
        tag("dt", name),
        tag("dd", tag("b", value), below, tag("small", about)),
        class_="tile",
    )


# --- the link ----------------------------------------------------------------------------------


def link(view: View) -> Html:
    """How the way out is, and how it was all day."""
    told = view.status["link"]
    down = [minute for minute in view.minutes if minute is not None and minute.outage_s]
    lasted = duration(sum(minute.outage_s for minute in down))
    day = f"cut off for {lasted} in the last 24 hours" if down else "no outage in the last 24 hours"
    watched = sum(minute is not None for minute in view.minutes)
    since = f" (watched for {duration(60 * watched)})" if watched < len(view.minutes) else ""
    cut = told["ways_cut_off"] - (not told["is_up"])
    others = f" {cut} forward or stub zones cannot be reached." if cut > 0 else ""
    state = "up" if told["is_up"] else "down"
    look = view.status.get("geography", {}).get("sentence", "")
    return joined((
        tag("p", tag("strong", f"The link is {state}", class_=f"state {state}"),
            f" since {time_of(told['since'])}; {day}{since}.{others}", f" {look}" if look else ""),
        outages(columns(view.minutes), day),
        _HOURS_BELOW,
    ))  # fmt: skip


_HOURS_BELOW: Final = tag(
    "div",
    *(tag("span", hour) for hour in ("24 h ago", "18", "12", "6", "now")),
    class_="hours", aria_hidden="true",
)  # fmt: skip


# --- answers, and the day ------------------------------------------------------------------------


def answers(view: View) -> Html:
    """By where they came from: how many, which share, how long they took."""
    window = view.window
    rows = [
        (
            _named(kind), f"{window.kinds[kind]:,}", _shared(window.share(kind), kind),
            *_times(window.took.get(kind)),
        )
        for kind in KINDS
        if window.kinds[kind] or kind in ("cache", "network")
    ]  # fmt: skip
    sent = f"{rate(view.last.sent / view.last.seconds)} packets a second go to servers"
    waiting = int(view.stats["gauges"].get("queries_in_flight", 0))
    heads = ("Answer", "Number", "Share", "Half within", "95 % within")
    return joined((
        table(heads, rows, label="Answers of the last five minutes, by where they came from"),
        tag("p", f"{sent}; {waiting} queries wait just now.", class_="note"),
    ))  # fmt: skip


def _named(kind: str) -> Html:
    return joined((tag("i", class_=f"dot k-{kind}", aria_hidden="true"), text(WORDS[kind])))


def _shared(share: float | None, kind: str) -> Html:
    return joined((bar(share or 0.0, kind), tag("span", percent(share))))


def _times(found: Took | None) -> tuple[str, str]:
    if found is None:
        return "–", "–"
    return took_text(found.median_s), took_text(found.p95_s)


def day(view: View) -> Html:
    """The last 24 hours, as a picture and as a table."""
    found = columns(view.minutes)
    total = sum(column.total for column in found)
    peak = max((column.total for column in found), default=0)
    if not total:
        return tag("p", "The day begins to show after a minute or two.", class_="none")
    label = f"Answers of the last 24 hours, a column a quarter of an hour: {total:,} in all"
    legend = tag(
        "p",
        *(tag("span", _named(kind)) for kind in KINDS if any(one.kinds[kind] for one in found)),
        class_="legend",
    )
    return joined((
        tag("p", f"{total:,} answers; {peak:,} in the busiest quarter of an hour.", class_="note"),
        timeline(found, label), _HOURS_BELOW, legend, _as_table(view.minutes),
    ))  # fmt: skip


def _as_table(minutes: Sequence[Minute | None]) -> Html:
    hours = columns(minutes, _HOURS)
    heads = ("Hours ago", *(WORDS[kind] for kind in KINDS))
    rows = [
        (f"{len(hours) - at - 1}", *(f"{one.kinds[kind]:,}" for kind in KINDS))
        for at, one in reversed(list(enumerate(hours)))
        if one.total
    ]
    shown = table(heads, rows, label="Answers by the hour")
    return tag("details", tag("summary", "By the hour"), shown, id="hours")


# --- what is kept --------------------------------------------------------------------------------


def kept(view: View) -> Html:
    """Memory, disk, the root zone's copy, certificates, lists: a line each."""
    lines = [
        ("Memory", _memory(view.status["memory"], view.stats["gauges"])),
        ("Store on disk", _store(view.status["store"])),
        *(("Shared cache", _valkey(one)) for one in (view.status.get("valkey"),) if one),
        ("Copy of the root zone", _root_copy(view.status["root_copy"])),
        *(("Certificate", _certificate(one, view.stats["at"]))
          for one in view.status["certificates"]),
        ("Block lists", _lists(view.status.get("lists"))),
        *((f"Policy zone {zone['zone']}", _policy_zone(zone))
          for zone in view.status.get("policy_zones", ())),
        ("Listening on", ", ".join(view.status["listening"]) or "nothing"),
    ]  # fmt: skip
    if view.status["missing"]:
        lines.append(("Not bound yet", ", ".join(view.status["missing"])))
    return tag(
        "dl", *(joined((tag("dt", name), tag("dd", said))) for name, said in lines), class_="kept"
    )


def _memory(memory: Reply, gauges: Reply) -> str:
    sizes = f"{octets(memory['resident_octets'])}, caches {octets(memory['cache_octets'])}"
    ready = int(gauges.get("packet_cache_entries", 0))
    return f"{sizes}: {memory['rrsets']:,} sets of records, {ready:,} ready answers"


def _store(store: Reply | None) -> str:
    if store is None:
        return "nothing is kept over a restart"
    return f"{octets(store['octets_written_day'])} written in a day"


def _valkey(shared: Reply) -> str:
    if shared["state"] != "closed":
        return f"{shared['where']}: not now ({shared['trouble'] or shared['state']})"
    return f"{shared['where']}: {shared['hits']:,} of {shared['gets']:,} look-ups found something"


def _root_copy(copy: Reply | None) -> str:
    if copy is None:
        return "none; the root's servers are asked"
    state = "in use" if copy["is_in_use"] else "out of date"
    return f"{copy['serial']}, {state}, confirmed {duration(copy['age_s'])} ago"


def _certificate(one: Reply, wall: float) -> str:
    left, until = duration(max(one["valid_until"] - wall, 0.0)), time_of(one["valid_until"])
    return f"for {', '.join(one['names']) or 'nobody'}; {left} left, until {until}"


def _lists(lists: Reply | None) -> str:
    if not lists:
        return "none"
    paused = f"; paused until {time_of(lists['paused_until'])}" if lists["paused_until"] else ""
    troubles, oldest = "; ".join(["", *lists["troubles"]]), lists["oldest_s"]
    age = "none ever good" if oldest is None else f"the oldest of {duration(oldest)} ago"
    return f"{lists['lists']} with {lists['names']:,} names, {age}{paused}{troubles}"


def _policy_zone(zone: Reply) -> str:
    if zone["age_s"] is None:
        return f"nothing is in force {zone['trouble'] or ''}".strip()
    expired = ", expired" if zone["is_expired"] else ""
    return f"{zone['triggers']:,} triggers, confirmed {duration(zone['age_s'])} ago{expired}"
