"""How `top` looks: tables of plain text, with nothing in them that a terminal would obey. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from resolver.limits import WEB_CELL_CHARACTERS
from resolver.operate.numbers import KINDS
from resolver.runtime.duration import duration
from resolver.runtime.inert import inert
from resolver.runtime.units import octets, time_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from resolver.cli.top_look import Look
    from resolver.operate.numbers import Took

    Reply = dict[str, Any]

_STYLES: Final = {
    "cache": "cyan", "stale": "yellow", "network": "blue", "local": "white", "blocked": "magenta",
    "failed": "red",
}  # fmt: skip
_WORDS: Final = {
    "cache": "from memory", "stale": "from memory, expired", "network": "from servers",
    "local": "from local zones", "blocked": "blocked", "failed": "failed",
}  # fmt: skip
_LEVELS: Final = " ▁▂▃▄▅▆▇█"
_BAR: Final = 20  # characters
_ABOVE: Final = 17  # lines that are always there
_LEAST: Final = 3  # rows of each table below


def screen(look: Look, height: int) -> RenderableType:
    """All of it, for *height* lines."""
    rows = max(_LEAST, (height - _ABOVE) // 3 - _LEAST)
    parts: list[RenderableType] = [_head(look), _rates(look), _answers(look)]
    if (zones := look.known.get("zones")) is not None:
        parts.append(_zones(zones["failing"][:rows]))
    if (servers := look.known.get("servers")) is not None:
        found = sorted(servers["servers"], key=lambda row: -(row.get("answers") or 0))
        parts.append(_servers(found[:rows]))
    if (warm := look.known.get("warm")) is not None:
        parts.append(_warm(warm, look.stats["counters"]))
    return Group(*parts)


def cell(value: object, style: str = "") -> Text:
    """Text that does nothing, whoever wrote it."""
    return Text(inert(str(value), WEB_CELL_CHARACTERS), style=style, no_wrap=True)


def _head(look: Look) -> Text:
    status, link = look.status, look.status["link"]
    up = ("link up", "bold green") if link["is_up"] else ("LINK DOWN", "bold red")
    outages = (
        f"{link['outages']} outages, {duration(link['outage_s'])}; " if link["outages"] else ""
    )
    memory = octets(status["memory"]["resident_octets"])
    return Text.assemble(
        ("resolver ", "bold"), inert(str(status["version"]), WEB_CELL_CHARACTERS),
        f"  up {duration(status['up_s'])}  ", up,
        f" since {time_of(link['since'])}  {outages}{memory}",
        no_wrap=True, overflow="ellipsis",
    )  # fmt: skip


def _rates(look: Look) -> Text:
    most = max(look.rates, default=0.0)
    steps = len(_LEVELS) - 1
    drawn = "".join(_LEVELS[round(steps * rate / most)] if most else " " for rate in look.rates)
    hits, failed = (
        _percent(look.window.share(*kinds)) for kinds in (("cache", "stale"), ("failed",))
    )
    return Text.assemble(
        ("\n", ""), (f"{hits} from memory", "bold cyan"),
        f"   {look.last.queries_s:,.0f} queries/s   {failed} failed   ", (drawn, "cyan"), "\n",
        no_wrap=True, overflow="crop",
    )  # fmt: skip


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _answers(look: Look) -> Table:
    table = _table("answer", "a second", "share", "", "half within", "95 % within")
    for kind in KINDS:
        share, style = look.window.share(kind), _STYLES[kind]
        bar = "█" * round(_BAR * (share or 0.0))
        table.add_row(
            cell(_WORDS[kind]), cell(f"{look.last.kinds[kind] / look.last.seconds:,.1f}"),
            cell(_percent(share)), cell(bar, style), *_times(look.window.took.get(kind)),
        )  # fmt: skip
    return table


def _times(found: Took | None) -> Sequence[Text]:
    if found is None:
        return cell("–"), cell("–")
    return cell(_bound(found.median_s)), cell(_bound(found.p95_s))


def _bound(seconds: float) -> str:
    return f"{1000 * seconds:g} ms" if seconds < math.inf else "longer"


def _zones(rows: Sequence[Reply]) -> RenderableType:
    if not rows:
        return Text("\nno zone has failed in the last hour", style="green")
    table = _table("failing zone", "failed", "last", "reason", wide=3)
    for row in rows:
        table.add_row(
            cell(row["zone"]), cell(f"{row['failed']} of {row['asked']}"),
            cell(f"{duration(row['failed_s_ago'])} ago"), cell(row["reason"]),
        )  # fmt: skip
    return table


def _servers(rows: Sequence[Reply]) -> Table:
    table = _table("server", "round trip", "instance", "distance", "state", "answers")
    for row in rows:
        rtt = "–" if row["rtt_ms"] is None else f"{row['rtt_ms']:.1f} ms"
        table.add_row(
            cell(row["address"]), cell(rtt), cell(row.get("instance") or "–"),
            cell(row.get("distance") or "–"), cell(row["state"]), cell(row.get("answers") or 0),
        )  # fmt: skip
    return table


def _warm(told: Reply, counters: Reply) -> Text:
    renewed = int(counters.get("resolutions_prefetches_total", 0))
    used = int(counters.get("resolutions_prefetch_hits_total", 0))
    return Text(f"\n{told['known']} names in use; {renewed} renewed ahead of need, {used} used")


def _table(*heads: str, wide: int = 0) -> Table:
    """Column number *wide* takes what the others leave."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True, header_style="bold")
    for number, head in enumerate(heads):
        table.add_column(
            head, overflow="ellipsis", no_wrap=True, ratio=1 if number == wide else None
        )
    return table
