"""What NSEC3 records say of names: hashes, owner labels, intervals (RFC 5155 §§3, 5).

Pure arithmetic; the proofs are the validator's, the ranges the denial cache's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from resolver.protocol.names import Name

SHA1: Final = 1
OPT_OUT: Final = 1
_HEX: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUV"
_STANDARD: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_FROM_HEX: Final = bytes.maketrans(_HEX, _STANDARD)


class Params(NamedTuple):
    iterations: int
    salt: bytes


class Interval(NamedTuple):
    low: bytes
    high: bytes
    types: frozenset[int]
    is_opt_out: bool

    def covers(self, digest: bytes) -> bool:
        if self.low < self.high:
            return self.low < digest < self.high
        return digest > self.low or digest < self.high


def digest_of(name: Name, params: Params) -> bytes:
    """H(name), RFC 5155 §5."""
    salt = params.salt
    digest = hashlib.sha1(name + salt).digest()  # noqa: S324 - the only hash NSEC3 has
    for _ in range(params.iterations):
        digest = hashlib.sha1(digest + salt).digest()  # noqa: S324
    return digest


def digest_in(label: bytes) -> bytes | None:
    """The hash that *label*, the first of an NSEC3 owner, tells; None if it is no base32hex."""
    try:
        return base64.b32decode(label.upper().translate(_FROM_HEX))
    except (binascii.Error, ValueError):
        return None
