"""Classic BPF as the kernel runs it (net/core/filter.c), for programs that look at datagrams."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resolver.listen.steering import Instruction

_WORD = 0xFFFF_FFFF
_MOST = 4096  # BPF_MAXINSNS
_LOADS = {0x20: 4, 0x28: 2, 0x30: 1}


class OutsideError(Exception):
    """A load of what is not there: the kernel would end the program, and return 0."""


def run(program: Sequence[Instruction], data: bytes) -> int:
    """What *program* returns for *data*. Raises OutsideError, and KeyError for what it does not
    know."""
    assert 0 < len(program) <= _MOST
    a = x = at = 0
    while True:
        code, k, on, off = program[at]
        assert 0 <= on <= 0xFF >= off >= 0 <= k <= _WORD
        at += 1
        if code in _LOADS:
            if k + _LOADS[code] > len(data):
                raise OutsideError(k)
            a = int.from_bytes(data[k : k + _LOADS[code]], "big")
        elif code == 0x06:
            return k
        elif code == 0x05:
            at += k
        elif code & 7 == 5:
            holds = {0x15: a == k, 0x25: a > k, 0x35: a >= k, 0x45: a & k}[code]
            at += on if holds else off
        elif code == 0x01:
            x = k
        elif code == 0x07:
            x = a
        else:
            a = _computed(code, k, a, x, len(data))


def _computed(code: int, k: int, a: int, x: int, length: int) -> int:
    values = {
        0x80: length, 0x87: x, 0x54: a & k, 0x44: a | k, 0x74: a >> k, 0x24: a * k & _WORD,
        0xAC: a ^ x,
    }  # fmt: skip
    return a % k if code == 0x94 else values[code]
