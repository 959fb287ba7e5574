"""What admission asks of server cookies: has a client shown that it is where it sends from?"""

from __future__ import annotations

from typing import Protocol


class Proofs(Protocol):
    """Server cookies, as far as admission is about them (`policy.cookies.Proofs`)."""

    def holds(self, data: bytes, source: bytes) -> bool:
        """Does the query *data* hold a server cookie of ours that counts?"""

    def renewed(self, data: bytes, source: bytes) -> bytes:
        """A fresh COOKIE option for it, code and length included; b"" if it has no cookie."""


class NoProofs:
    """Cookies are off."""

    def holds(self, data: bytes, source: bytes) -> bool:
        del data, source
        return False

    def renewed(self, data: bytes, source: bytes) -> bytes:
        del data, source
        return b""
