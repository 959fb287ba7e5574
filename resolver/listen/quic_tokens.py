"""Retry tokens: a client shows that it receives where it sends from (RFC 9000 §8.1.2).

A token is a sealed note of ours: to whom it was sent, when, and what the connection began with. So
nothing is kept for who may never answer. The key is this process's, and lasts as long: a client of
another worker, or of an earlier run, begins anew.
"""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from resolver.limits import QUIC_TOKEN_SECONDS

_NONCE: Final = 12
_TIME: Final = 8
_NANO: Final = 1_000_000_000
_OURS: Final = b"R"  # before what is sealed: a token of another server's is no token


class Proof(NamedTuple):
    """What a token of ours says: the connection id that the client began with, and the one that it
    was told to go on with."""

    original: bytes
    retried: bytes


class RetryTokens:
    """Makes them, and reads them again. *now* is in seconds, on one clock."""

    def __init__(self) -> None:
        self._seal = AESGCM(os.urandom(16))

    def make(self, address: bytes, proof: Proof, now: float) -> bytes:
        """For the client at *address* (any octets that name it, port included)."""
        note = b"".join(
            (
                int(now * _NANO).to_bytes(_TIME, "big"),
                bytes([len(proof.original)]), proof.original, proof.retried,
            )
        )  # fmt: skip
        nonce = os.urandom(_NONCE)
        return _OURS + nonce + self._seal.encrypt(nonce, note, address)

    def read_untrusted(self, token: bytes, address: bytes, now: float) -> Proof | None:
        """None where it is not ours, or another client's, or too old. Never raises."""
        try:
            note = self._seal.decrypt(token[1 : 1 + _NONCE], token[1 + _NONCE :], address)
        except (InvalidTag, ValueError):
            return None
        age_s = now - int.from_bytes(note[:_TIME], "big") / _NANO
        if not 0 <= age_s <= QUIC_TOKEN_SECONDS:
            return None
        end = _TIME + 1 + note[_TIME]
        return Proof(note[_TIME + 1 : end], note[end:])

    @staticmethod
    def is_ours(token: bytes) -> bool:
        """True if it looks like one: then it is worth saying that it is good no more."""
        return token[:1] == _OURS
