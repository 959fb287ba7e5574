"""Random octets are read ahead, used once, and never by two processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from resolver.limits import CHANCE_OCTETS
from resolver.runtime.chance import ReadAhead

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the kernel gave, piece by piece."""
    pieces: list[bytes] = []
    urandom: Callable[[int], bytes] = os.urandom

    def noting(count: int) -> bytes:
        pieces.append(urandom(count))
        return pieces[-1]

    monkeypatch.setattr(os, "urandom", noting)
    return pieces


@pytest.mark.reaches("CHANCE_OCTETS")
def test_each_octet_of_the_kernels_is_used_once_in_order(drawn: list[bytes]) -> None:
    rng = ReadAhead()
    used = b"".join(rng.randbytes(7) for _ in range(CHANCE_OCTETS // 7))
    assert drawn[0].startswith(used)
    assert [len(piece) for piece in drawn] == [CHANCE_OCTETS]
    assert rng.randbytes(7) == drawn[1][:7]  # what is too short at the end is let be
    assert rng.randbytes(3 * CHANCE_OCTETS) == drawn[2]
    assert rng.randbytes(1) == drawn[3][:1]


def test_a_number_has_the_bits_that_were_asked_for(drawn: list[bytes]) -> None:
    rng = ReadAhead()
    numbers = [rng.getrandbits(bits) for bits in (0, 1, 7, 8, 9, 16, 133)]
    assert [number.bit_length() <= bits for number, bits in zip(
        numbers, (0, 1, 7, 8, 9, 16, 133), strict=True)] == [True] * 7  # fmt: skip
    assert numbers[5] == int.from_bytes(drawn[0][5:7])
    assert {rng.getrandbits(3) for _ in range(1000)} == set(range(8))
    assert 0 <= rng.random() < 1
    assert sorted(rng.sample(range(9), 9)) == list(range(9))


def test_a_fork_shares_nothing_of_what_was_read_ahead() -> None:
    """Else two workers would ask with the same ids (RFC 5452 §9.2)."""
    rng = ReadAhead()
    rng.getrandbits(8)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writing, rng.randbytes(16))
        os._exit(0)
    os.waitpid(pid, 0)
    theirs = os.read(reading, 16)
    os.close(reading)
    os.close(writing)
    assert len(theirs) == 16
    assert theirs != rng.randbytes(16)
