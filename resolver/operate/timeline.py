"""A day of numbers, a row for each minute, in memory of a fixed size.

Whoever wrote it may have died in the midst, or worse: what is read back is untrusted, and a row
that is of no minute of the last day counts for nothing. Each row tells its own minute.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from resolver.limits import WEB_HISTORY_MINUTES
from resolver.operate.numbers import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROW: Final = struct.Struct(f"<{len(KINDS) + 3}I")
OCTETS: Final = WEB_HISTORY_MINUTES * _ROW.size
_MOST: Final = (1 << 32) - 1
_MINUTE: Final = 60


class Minute(NamedTuple):
    """How many answers of each kind, and for how many seconds the link was down. *number*: Unix
    minutes; *watched_s*: seconds of it that anybody counted."""

    number: int
    kinds: dict[str, int]
    outage_s: int
    watched_s: int


class Timeline:
    """Rows in *memory*, of OCTETS octets, which others may have written."""

    def __init__(self, memory: bytearray | memoryview) -> None:
        self._memory = memory

    def __repr__(self) -> str:
        return f"<Timeline of {OCTETS} octets>"

    def note(self, wall: float, kinds: Mapping[str, int], outage_s: int, watched_s: int) -> None:
        """Add what happened just now, at Unix time *wall*."""
        number = int(wall // _MINUTE)
        known = self._read(number)
        before = known or Minute(number, dict.fromkeys(KINDS, 0), 0, 0)
        values = [before.kinds[kind] + kinds[kind] for kind in KINDS]
        outage_s, watched_s = outage_s + before.outage_s, watched_s + before.watched_s
        fields = (number, *values, outage_s, watched_s)
        row = _ROW.pack(*(min(max(field, 0), _MOST) for field in fields))
        at = number % WEB_HISTORY_MINUTES * _ROW.size
        self._memory[at : at + _ROW.size] = row

    def minutes(self, wall: float) -> list[Minute | None]:
        """The last day up to Unix time *wall*, the oldest first; None where nobody counted."""
        last = int(wall // _MINUTE)
        return [self._read(number) for number in range(last - WEB_HISTORY_MINUTES + 1, last + 1)]

    def _read(self, number: int) -> Minute | None:
        at = number % WEB_HISTORY_MINUTES * _ROW.size
        own, *values, outage_s, watched_s = _ROW.unpack_from(self._memory, at)
        if own != number:
            return None
        kinds = dict(zip(KINDS, values, strict=True))
        return Minute(number, kinds, min(outage_s, _MINUTE), min(watched_s, _MINUTE))
