"""Seconds in words, for people."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
# Below so many seconds they are told to so many: to a hundredth or so, never a day for 47 hours.
_GRAINS: Final = ((600, 1), (36_000, 60), (864_000, 3600))
_COARSEST: Final = 86_400


def duration(seconds: float) -> str:
    """The nearest that two units can say: "90 s" is "1 min 30 s", two hours less a moment "2 h"."""
    grain = next((grain_s for below_s, grain_s in _GRAINS if seconds < below_s), _COARSEST)
    left = round(seconds / grain) * grain
    parts = []
    for unit_s, unit in _UNITS:
        count, left = divmod(left, unit_s)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"
