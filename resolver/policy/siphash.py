"""SipHash-2-4, which RFC 9018 §4.4 wants where servers share the secret of their cookies.

Thirty microseconds in Python, so that it is used only where an operator gave a secret.
"""

from __future__ import annotations

import struct

_WORD = struct.Struct("<Q")
_MASK = 0xFFFF_FFFF_FFFF_FFFF
_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_ROUNDS_PER_WORD = 2
_ROUNDS_AT_END = 4


def siphash24(key: bytes, data: bytes) -> bytes:
    """The eight octets of *data* under a *key* of 16 (Aumasson and Bernstein, 2012)."""
    low, high = struct.unpack("<QQ", key)
    state = [low ^ _START[0], high ^ _START[1], low ^ _START[2], high ^ _START[3]]
    padded = data + bytes(7 - len(data) % 8) + bytes((len(data) & 0xFF,))
    for (word,) in _WORD.iter_unpack(padded):
        state[3] ^= word
        _mix(state, _ROUNDS_PER_WORD)
        state[0] ^= word
    state[2] ^= 0xFF
    _mix(state, _ROUNDS_AT_END)
    return _WORD.pack(state[0] ^ state[1] ^ state[2] ^ state[3])


def _mix(state: list[int], rounds: int) -> None:
    v0, v1, v2, v3 = state
    for _ in range(rounds):
        v0 = (v0 + v1) & _MASK
        v1 = _turn(v1, 13) ^ v0
        v0 = _turn(v0, 32)
        v2 = (v2 + v3) & _MASK
        v3 = _turn(v3, 16) ^ v2
        v0 = (v0 + v3) & _MASK
        v3 = _turn(v3, 21) ^ v0
        v2 = (v2 + v1) & _MASK
        v1 = _turn(v1, 17) ^ v2
        v2 = _turn(v2, 32)
    state[:] = v0, v1, v2, v3


def _turn(word: int, bits: int) -> int:
    return (word << bits | word >> 64 - bits) & _MASK
