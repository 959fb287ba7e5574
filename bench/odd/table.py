"""The results as a table, and whether the bar holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.odd.ask import Results
    from bench.odd.odd_world import Place

OURS = "ours"
GRACE_S = 0.2  # later than the best peer
QUICK_S = 0.25


def best_of(runs: Sequence[Results]) -> Results:
    """Of each question the quickest run; one in which no answer came counts as none."""
    first = runs[0]
    return {zone: [_best([run[zone][at] for run in runs]) for at in range(len(first[zone]))]
            for zone in first}  # fmt: skip


def _best(times: Sequence[float | None]) -> float | None:
    known = [one for one in times if one is not None]
    return min(known) if len(known) == len(times) else None


def misses(best: dict[str, Results], place: Place) -> list[int]:
    """Numbers of the questions at which ours misses the bar."""
    if OURS not in best:
        return []
    found = []
    for at, ours in enumerate(best[OURS][place.zone]):
        others = [results[place.zone][at] for name, results in best.items() if name != OURS]
        known = [one for one in others if one is not None]
        if known and (ours is None or ours > min(known) + GRACE_S):
            found.append(at)
    return found


def holds(best: dict[str, Results], places: Sequence[Place]) -> bool:
    return not any(misses(best, place) for place in places)


def render(best: dict[str, Results], places: Sequence[Place]) -> str:
    """Markdown: milliseconds of the first and second question; – where no answer came.

    Left out, and named below: where everybody answers within a quarter of a second, and where
    nobody answers at all.
    """
    names = list(best)
    told, quick, mute = [], [], []
    for place in places:
        times = [one for results in best.values() for one in results[place.zone]]
        if all(one is None for one in times):
            mute.append(place)
        elif all(one is not None and one <= QUICK_S for one in times):
            quick.append(place)
        else:
            told.append(place)
    lines = _table(best, names, told)
    lines += ["", f"Everybody answers within {QUICK_S:.2f} s: {_names(quick)}.", ""]
    lines.append(f"Nobody answers: {_names(mute)}.")
    return "\n".join(lines)


def _names(places: Sequence[Place]) -> str:
    return ", ".join(place.zone.rstrip(".") for place in places) or "–"


def _table(best: dict[str, Results], names: list[str], places: Sequence[Place]) -> list[str]:
    lines = [
        "| odd about | zone | " + " | ".join(names) + " | |",
        "|---|---|" + "---|" * len(names) + "---|",
    ]
    for place in places:
        cells = [_cell(best[name][place.zone]) for name in names]
        mark = "misses" if misses(best, place) else ""
        lines.append(
            f"| {place.oddity.group} | {place.zone.rstrip('.')} | {' | '.join(cells)} | {mark} |"
        )
    return lines


def _cell(times: Sequence[float | None]) -> str:
    return " ".join("–" if one is None else f"{one * 1000:.0f}" for one in times)
