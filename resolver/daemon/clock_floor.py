"""The least that the wall clock can be: a machine that boots in 1970 must find its time server.

A board without a battery starts with a clock decades back, or with the time of its last shutdown.
Signatures are then "not yet valid", so no name resolves, the time server's least of all, and the
clock stays wrong. Two facts bound the time from below: this release was made at `RELEASED`, and
the trust anchors' zones had signed by the time that a file in working_directory tells, as earlier
runs have verified. The wall clock itself is never written down: it may have been ahead, and a floor
ahead of the time makes every signature "expired", for as long. `cache.clock = "realtime"` (tests
that move the clock on purpose) has no floor.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from resolver.config.schema import Config

RELEASED: Final = 1_795_305_600.0  # 2026-11-22: moved on with every release
FILE_NAME: Final = "last-run"
_LATEST: Final = 4_102_444_800.0  # 2100: what lies beyond is a broken file, not a date
_CONFIRMED: Final = b"+"  # before the number; without it a clock was written down, as once was done


def wall_floor(config: Config) -> float:
    """Unix seconds that now cannot be before, for a daemon with *config*."""
    if config.cache.clock == "realtime":
        return 0.0
    if not config.working_directory:
        return RELEASED
    return max(RELEASED, _last_run(Path(config.working_directory, FILE_NAME)))


def remember(config: Config, confirmed: float) -> None:
    """Keep *confirmed*, which signatures showed to be past, for the next start. Never raises.

    Not if there is no place to keep it, or a later one is kept: workers share the file.
    """
    if not config.working_directory or config.cache.clock == "realtime":
        return
    path = Path(config.working_directory, FILE_NAME)
    if confirmed <= _last_run(path):
        return
    fresh = path.with_suffix(".new")
    try:
        fresh.write_bytes(b"%s%d\n" % (_CONFIRMED, confirmed))
        fresh.replace(path)  # whole or not at all: power may fail here of all places
    except OSError:  # a floor that is a little lower harms nobody
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def _last_run(path: Path) -> float:
    """What the file says; 0 where it is missing, damaged, absurd, or of an earlier version."""
    try:
        octets = path.read_bytes()  # no codec: that may be a file which nobody may read any more
        wall = float(octets) if octets.startswith(_CONFIRMED) else 0.0
    except (OSError, ValueError):
        return 0.0
    return wall if wall < _LATEST else 0.0
