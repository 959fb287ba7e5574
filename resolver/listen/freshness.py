"""How long a reply may be kept by an HTTP cache: `max-age`, from the octets of the reply.

RFC 8484 §5.1: no longer than the smallest TTL of the answer; of a negative one, than its SOA
record's TTL and MINIMUM. A failure, or a denial that nothing proves, is not to be kept. What a
client is told of expired data has the short TTL that says so already (RFC 8767 §5).
"""

from __future__ import annotations

import struct
from struct import Struct
from typing import Final

_COUNTS: Final = Struct("!HHH").unpack_from
_RECORD: Final = Struct("!HHIH").unpack_from
_MINIMUM: Final = Struct("!I").unpack_from
_KEPT: Final = (0, 3)  # NOERROR, NXDOMAIN
_POINTER: Final = 0xC0
_SOA: Final = 6
_TOO_LONG: Final = 0x8000_0000
_NEVER: Final = _TOO_LONG


def max_age(reply: bytes) -> int:
    """Seconds. *reply* is one of ours: whole, with a header; 0 if it cannot be followed."""
    if reply[3] & 0x0F not in _KEPT:
        return 0
    try:
        return _lowest(reply)
    except (IndexError, struct.error):
        return 0


def _lowest(reply: bytes) -> int:
    questions, answers, authorities = _COUNTS(reply, 4)
    at = 12
    for _ in range(questions):
        at = _behind_name(reply, at) + 4
    lowest = _NEVER
    for left in range(answers + authorities, 0, -1):
        at = _behind_name(reply, at)
        rtype, _, ttl, size = _RECORD(reply, at)
        at += 10 + size
        if left > authorities:
            lowest = min(lowest, ttl)
        elif rtype == _SOA:
            lowest = min(lowest, ttl, _MINIMUM(reply, at - 4)[0])
            break
        elif lowest < _NEVER:  # an answer, and the proof that belongs to it
            break
    return lowest if lowest < _TOO_LONG else 0


def _behind_name(reply: bytes, at: int) -> int:
    while (size := reply[at]) and size < _POINTER:
        at += size + 1
    return at + 2 if size else at + 1
