"""Sizes and times in words, for people."""

from __future__ import annotations

import datetime as dt
from typing import Final

_KIB: Final = 1024


def octets(number: float) -> str:
    """A size in the largest unit that there is one of: "12.3 MiB"."""
    unit = "octets"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if number < _KIB:
            break
        number, unit = number / _KIB, larger
    return f"{number:.0f} {unit}" if unit == "octets" else f"{number:.1f} {unit}"


def time_of(wall: float, *, with_seconds: bool = False) -> str:
    """A Unix time on this machine's clock: "2026-11-30 09:12"; or only "09:12:30"."""
    form = "%H:%M:%S" if with_seconds else "%Y-%m-%d %H:%M"
    return dt.datetime.fromtimestamp(wall, dt.UTC).astimezone().strftime(form)
