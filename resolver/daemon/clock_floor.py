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

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from resolver.daemon.state import StateDirectory

_log = logging.getLogger(__name__)

RELEASED: Final = 1_795_305_600.0  # 2026-11-22: moved on with every release
FILE_NAME: Final = "last-run"
_LATEST: Final = 4_102_444_800.0  # 2100: what lies beyond is a broken file, not a date
_CONFIRMED: Final = b"+"  # before the number; without it a clock was written down, as once was done


def wall_floor(state: StateDirectory) -> float:
    """Unix seconds that now cannot be before, by this release and what *state* keeps."""
    return max(RELEASED, _last_run(state))


def remember(state: StateDirectory, confirmed: float) -> None:
    """Keep *confirmed*, which signatures showed to be past, for the next start. Never raises.

    Not if a later one is kept: workers share the file, and not each has validated something.
    """
    if confirmed > _last_run(state):
        state.write(FILE_NAME, b"%s%d\n" % (_CONFIRMED, confirmed))


def _last_run(state: StateDirectory) -> float:
    """What the file says; 0 where it is missing, damaged, absurd, or of an earlier version."""
    try:
        octets = state.read(FILE_NAME) or b""
        wall = float(octets) if octets.startswith(_CONFIRMED) else 0.0
    except OSError as error:
        _log.warning("%s in working_directory cannot be read: %s", FILE_NAME, error.strerror)
        return 0.0
    except ValueError:
        return 0.0
    return wall if wall < _LATEST else 0.0
