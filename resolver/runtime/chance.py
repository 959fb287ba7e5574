"""Chance that nobody can foresee: the kernel's random octets, some thousand fetched at a time.

What a forger must guess of a query, its id, its port and its mix of cases, is drawn for each packet
(RFC 5452 §9). Fetching octets costs a system call, so they are read ahead: they are as good when
they are used as when they came, as long as each is used once, which a fork would not keep to.
"""

from __future__ import annotations

import os
from random import SystemRandom
from weakref import WeakSet

from resolver.limits import CHANCE_OCTETS


class ReadAhead(SystemRandom):
    """`SystemRandom` at half the cost. Each octet is used once, in one process."""

    def __init__(self) -> None:
        super().__init__()
        self._octets = b""
        self._at = 0
        _ALL.add(self)

    def getrandbits(self, k: int, /) -> int:
        """A number of *k* bits."""
        size = (k + 7) >> 3
        return int.from_bytes(self.randbytes(size)) >> (8 * size - k)

    def randbytes(self, n: int) -> bytes:
        """*n* octets."""
        at = self._at
        self._at = end = at + n
        if end > len(self._octets):
            self._octets = os.urandom(max(n, CHANCE_OCTETS))
            self._at, at, end = n, 0, n
        return self._octets[at:end]

    def forget(self) -> None:
        """Use nothing of what was read ahead."""
        self._octets, self._at = b"", 0


_ALL: WeakSet[ReadAhead] = WeakSet()


def _forget_all() -> None:
    for one in _ALL:
        one.forget()


os.register_at_fork(after_in_child=_forget_all)
