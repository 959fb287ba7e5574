"""The least that the wall clock can be: a machine that boots in 1970 must find its time server.

A board without a battery starts with a clock decades back. Every signature is then "not yet valid",
so no name resolves, the time server's least of all, and the clock stays wrong. Two facts bound the
time from below: this release was made at `RELEASED`, and the last run ended at the time that a
file in working_directory tells. The later of the two is the floor: `SystemClock.wall` never says
less, and a clock below it has not been set yet. Until it is, `dnssec.steps.AtLeast` keeps what is
"not yet valid" from being held against a signature. Only a floor: a clock that is ahead is
believed, and `cache.clock = "realtime"` (tests that move the clock on purpose) has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from resolver.config.schema import Config

RELEASED: Final = 1_795_305_600.0  # 2026-11-22: moved on with every release
FILE_NAME: Final = "last-run"
_LATEST: Final = 4_102_444_800.0  # 2100: what lies beyond is a broken file, not a date


def wall_floor(config: Config) -> float:
    """Unix seconds that now cannot be before, for a daemon with *config*."""
    if config.cache.clock == "realtime":
        return 0.0
    if not config.working_directory:
        return RELEASED
    return max(RELEASED, _last_run(Path(config.working_directory, FILE_NAME)))


def remember(config: Config, wall: float) -> None:
    """Keep *wall* for the next start, if there is a place to keep it. Never raises."""
    if not config.working_directory or config.cache.clock == "realtime":
        return
    path = Path(config.working_directory, FILE_NAME)
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(f"{int(wall)}\n", "ascii")
        fresh.replace(path)  # whole or not at all: power may fail here of all places
    except OSError:
        return  # a floor that is a little lower harms nobody


def _last_run(path: Path) -> float:
    """What the file says; 0 where it is missing, damaged, or absurd."""
    try:
        wall = float(path.read_text("ascii"))
    except (OSError, ValueError):
        return 0.0
    return wall if wall < _LATEST else 0.0
