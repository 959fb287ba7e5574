"""A story as text: a line for each phase, or one row of the table in docs/benchmarks.md.

A cell is `resolved/asked median/worst`, in milliseconds, `fails` and the same for what did not
resolve. `≠` before and the count worked out in brackets: not what the table says; `slow`: what is
served at home took more than SLOW_MS in a cut.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.gibbard.situations import Situation
    from bench.gibbard.story import Heard, Phase

GROUPS = ("home known", "home new", "abroad known", "abroad new")
HEAD = (
    "| | place; what fails | home, cut | known abroad, cut | new abroad, cut | home, restarted "
    "| known abroad, restarted | all, link back |\n|---|---|---|---|---|---|---|---|"
)


def faults(phases: Iterable[Phase]) -> list[str]:
    """Each question that went otherwise than the table says, or was slow."""
    return [
        f"{phase.title}: {one.asked.qname} {'' if one.is_possible else 'not '}possible, "
        f"rcode {one.rcode}, {one.took_ms:.0f} ms"
        for phase in phases
        for one in phase.heard
        if one.is_odd or one.is_slow
    ]


def cell(heard: Sequence[Heard]) -> str:
    if not heard:
        return "-"
    right = [one.took_ms for one in heard if one.is_right]
    failed = [one.took_ms for one in heard if not one.is_right]
    text = f"{len(right)}/{len(heard)}"
    if any(one.is_odd for one in heard):
        text = f"≠ {text} ({sum(one.is_possible for one in heard)})"
    text += _times("", right) + _times(" fails", failed)
    return f"{text} slow" if any(one.is_slow for one in heard) else text


def lines(phases: Iterable[Phase]) -> list[str]:
    """A line for each phase, a column for each group."""
    return [
        f"  {phase.title:8}"
        + "".join(f" {cell(_in_group(phase.heard, group)):33}" for group in GROUPS).rstrip()
        for phase in phases
    ]


def head() -> str:
    return "  phase    " + "".join(f"{group:34}" for group in GROUPS).rstrip()


def row(situation: Situation, phases: Sequence[Phase]) -> str:
    """The table's: all looks during the cut as one, then the restarted program, then the return."""
    cut = [one for phase in phases[1:-2] for one in phase.heard]
    restarted, back = phases[-2].heard, phases[-1].heard
    cells = (
        situation.key,
        f"{situation.title}; {situation.cut or 'nothing'}",
        cell(_in_group(cut, "home")),
        cell(_in_group(cut, "abroad known")),
        cell(_in_group(cut, "abroad new")),
        cell(_in_group(restarted, "home")),
        cell(_in_group(restarted, "abroad known")),
        cell(back),
    )
    return f"| {' | '.join(cells)} |"


def _in_group(heard: Iterable[Heard], group: str) -> list[Heard]:
    return [one for one in heard if one.group.startswith(group)]


def _times(word: str, took_ms: list[float]) -> str:
    if not took_ms:
        return ""
    return f"{word} {statistics.median(took_ms):.0f}/{max(took_ms):.0f}"
