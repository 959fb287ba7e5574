"""No file is opened any more, no connection made, nobody outside is sent a signal: Landlock.

For a process that has all it needs. Linux 5.13 and newer know it (landlock(7)), the newer the more
of it; elsewhere nothing happens. Never raises.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from typing import Final

_CREATE, _RESTRICT = 444, 446  # the same number on every architecture
_VERSION: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION
# How many rights to files there are, from which version on; to TCP, and across processes.
_FILES: Final = ((5, 16), (3, 15), (2, 14), (1, 13))
_NETWORK_FROM, _NETWORK = 4, 0b11  # to bind and to connect TCP
_SCOPES_FROM, _SCOPES = 6, 0b11  # abstract Unix sockets, signals


def shut() -> bool:
    """True if it was done, for this process and for good; needs no_new_privs."""
    if sys.platform != "linux":
        return False
    try:
        call = ctypes.CDLL(None).syscall
    except (OSError, AttributeError):
        return False
    version = call(_CREATE, None, 0, _VERSION)
    if version < 1:
        return False
    rights = ruleset(version)
    rules = call(_CREATE, rights, len(rights), 0)
    if rules < 0:
        return False
    try:
        return bool(call(_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def ruleset(version: int) -> bytes:
    """All that *version* can forbid (struct landlock_ruleset_attr); nothing is let through."""
    files = next(count for since, count in _FILES if version >= since)
    fields = [(1 << files) - 1]
    if version >= _NETWORK_FROM:
        fields.append(_NETWORK)
    if version >= _SCOPES_FROM:
        fields.append(_SCOPES)
    return struct.pack(f"={len(fields)}Q", *fields)
