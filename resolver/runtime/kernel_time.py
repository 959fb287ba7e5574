"""Does anybody vouch for the wall clock? What an NTP client told the kernel, by adjtimex(2).

A kernel boots unsynchronised (STA_UNSYNC), is told otherwise by whoever disciplines the clock, and
falls back when nobody does for some hours or the clock is stepped. It vouches for the time that it
keeps itself: where a program is shown another one (libfaketime), it vouches for nothing.

Where a sandbox does not let us ask (systemd's ProtectClock=, a container's filter), a file tells:
systemd-timesyncd touches one each time that it has set the clock (systemd-timesyncd.service(8)).
One that is old, or of a time to come, tells nothing.
"""

from __future__ import annotations

import ctypes
import errno
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from resolver.limits import CLOCK_AGREES_SECONDS, CLOCK_FLAG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

_FLAG: Final = Path("/run/systemd/timesync/synchronized")
_UNSYNCHRONISED = 0x0040  # STA_UNSYNC of <sys/timex.h>


class _Timex(ctypes.Structure):
    """struct timex as far as the time, and room for what follows; all zero only reads."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("rest", ctypes.c_char * 512),
    )


@cache
def _adjtimex() -> Callable[[object], int] | None:
    """The C library's function; None where there is none (it is Linux's own)."""
    try:
        found = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError, TypeError):
        return None
    found.argtypes = (ctypes.POINTER(_Timex),)
    found.restype = ctypes.c_int
    return lambda timex: int(found(timex))


def is_vouched_for(wall: float) -> bool:
    """True if the kernel says that *wall*, Unix seconds read just now, is synchronised.

    False where it cannot be asked (another system, a filter of system calls): no evidence is none.
    """
    ask = _adjtimex()
    if ask is None:
        return False
    timex = _Timex()
    if ask(ctypes.byref(timex)) < 0:
        return ctypes.get_errno() == errno.EPERM and _is_flagged(wall)
    if timex.status & _UNSYNCHRONISED:
        return False
    is_wide = ctypes.sizeof(ctypes.c_long) > ctypes.sizeof(ctypes.c_int)
    return not is_wide or abs(timex.seconds - wall) <= CLOCK_AGREES_SECONDS


def _is_flagged(wall: float) -> bool:
    """True if systemd-timesyncd has set the clock not long before *wall*."""
    try:
        touched = _FLAG.stat().st_mtime
    except OSError:
        return False
    return -CLOCK_AGREES_SECONDS <= wall - touched <= CLOCK_FLAG_SECONDS
