"""Small pictures of numbers: SVG in the page itself, coloured by its style sheet. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from resolver.operate.numbers import KINDS
from resolver.web.html import Html, joined, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.operate.timeline import Minute

COLUMNS: Final = 96  # of a day: a quarter of an hour each
_HEIGHT: Final = 40
_WIDE: Final = 100


def bar(share: float, kind: str) -> Html:
    """A bar for *share* of a whole; what it says stands beside it in words."""
    width = round(_WIDE * min(max(share, 0.0), 1.0), 1)
    drawn = tag("rect", width=width, height=4, class_=f"k-{kind}")
    return tag(
        "svg", drawn, viewBox=f"0 0 {_WIDE} 4", preserveAspectRatio="none", class_="bar",
        aria_hidden="true",
    )  # fmt: skip


class Column:
    """What a quarter of an hour came to: *kinds* by kind, seconds of outage, seconds counted."""

    def __init__(self, minutes: Sequence[Minute | None]) -> None:
        there = [minute for minute in minutes if minute is not None]
        self.kinds = {kind: sum(one.kinds[kind] for one in there) for kind in KINDS}
        self.outage_s = sum(one.outage_s for one in there)
        self.watched_s = sum(one.watched_s for one in there)

    @property
    def total(self) -> int:
        return sum(self.kinds.values())


def columns(minutes: Sequence[Minute | None], count: int = COLUMNS) -> list[Column]:
    """The day in *count* parts."""
    each = max(1, len(minutes) // count)
    return [Column(minutes[at : at + each]) for at in range(0, len(minutes), each)][-count:]


def timeline(found: Sequence[Column], label: str) -> Html:
    """Stacked by kind, the oldest on the left; the highest column fills the height."""
    peak = max((column.total for column in found), default=0)
    if not peak:
        return Html()
    below = [0.0] * len(found)
    drawn = []
    for kind in KINDS:
        above = [
            base + _HEIGHT * column.kinds[kind] / peak
            for base, column in zip(below, found, strict=True)
        ]
        if above != below:
            drawn.append(tag("path", d=_steps(below, above), class_=f"k-{kind}"))
        below = above
    return tag(
        "svg", *drawn, viewBox=f"0 0 {len(found)} {_HEIGHT}", preserveAspectRatio="none",
        class_="day", role="img", aria_label=label,
    )  # fmt: skip


def _steps(below: Sequence[float], above: Sequence[float]) -> Html:
    """The outline of one kind's columns: along their tops, and back along their feet."""
    tops = [f"V{_HEIGHT - top:.4g}H{at + 1}" for at, top in enumerate(above)]
    feet = [f"V{_HEIGHT - foot:.4g}H{at}" for at, foot in reversed(list(enumerate(below)))]
    return Html(f"M0 {_HEIGHT}{''.join(tops)}{''.join(feet)}Z")


def outages(found: Sequence[Column], label: str) -> Html:
    """The day of the link: whole, cut off, or nobody looked."""
    drawn, at = [], 0
    while at < len(found):
        state, end = _state(found[at]), at
        while end < len(found) and _state(found[end]) == state:
            end += 1
        drawn.append(tag("rect", x=at, width=end - at, height=1, class_=f"l-{state}"))
        at = end
    return tag(
        "svg", joined(drawn), viewBox=f"0 0 {max(len(found), 1)} 1", preserveAspectRatio="none",
        class_="link", role="img", aria_label=label,
    )  # fmt: skip


_MAP_HIGH: Final = 4
_NEAREST_MS, _FARTHEST_MS = 1.0, 1000.0
_TICKS: Final = ("1 ms", "10 ms", "100 ms", "1 s")


def distances(found: Sequence[tuple[str, float, str]], link_ms: float | None, label: str) -> Html:
    """A sketch of how far out servers are: name, round trip in milliseconds, word for the distance.
    This machine is on the left; what is beyond *link_ms* is far."""
    parts: list[Html] = []
    if link_ms:
        at = _out(link_ms)
        wide = round(_WIDE - at, 1)
        parts.append(tag("rect", x=at, width=wide, height=_MAP_HIGH, class_="beyond"))
    for number, (name, rtt_ms, word) in enumerate(found):
        told = tag("title", f"{name}, {rtt_ms:.3g} ms")
        place = f"M{_out(rtt_ms):g} {number % _MAP_HIGH + 0.5}h0"  # a dot, by its round ends
        parts.append(tag("path", told, d=place, class_=f"d-{word}"))
    drawn = tag(
        "svg", *parts, viewBox=f"0 0 {_WIDE} {_MAP_HIGH}", preserveAspectRatio="none",
        class_="map", role="img", aria_label=label,
    )  # fmt: skip
    ticks = tag("div", *(tag("span", tick) for tick in _TICKS), class_="hours", aria_hidden="true")
    return joined((drawn, ticks))


def _out(rtt_ms: float) -> float:
    """How far to the right, evenly in the logarithm; what is farther stands at the end."""
    whole = math.log(_FARTHEST_MS / _NEAREST_MS)
    part = math.log(max(rtt_ms, _NEAREST_MS) / _NEAREST_MS) / whole
    return round(1 + (_WIDE - 2) * min(part, 1.0), 1)


def _state(column: Column) -> str:
    if column.outage_s:
        return "down"
    return "up" if column.watched_s else "none"
