"""Public keys: what is refused for its size, and what is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver import limits
from resolver.dnssec import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

PARSED = keys.parsed


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """What these tests remember is of no use to others."""
    yield
    PARSED.cache_clear()
    keys._MADE.clear()


def rsa_key(*, modulus_bits: int = 2048, exponent_bits: int = 17) -> bytes:
    """A DNSKEY of algorithm 8; nobody has its private half."""
    exponent = (1 << exponent_bits - 1 | 1).to_bytes((exponent_bits + 7) // 8, "big")
    modulus = (1 << modulus_bits - 1 | 1).to_bytes((modulus_bits + 7) // 8, "big")
    return b"\1\0\3\x08" + bytes([len(exponent)]) + exponent + modulus


@pytest.mark.rfc("RFC 3110 §2")
@pytest.mark.reaches("RSA_MODULUS_BITS", "RSA_EXPONENT_BITS")
def test_rsa_keys_that_cost_too_much_are_no_keys() -> None:
    modulus, exponent = limits.RSA_MODULUS_BITS, limits.RSA_EXPONENT_BITS
    assert keys.parsed(rsa_key(modulus_bits=modulus)) is not None
    assert keys.parsed(rsa_key(modulus_bits=modulus + 1)) is None
    assert keys.parsed(rsa_key(exponent_bits=exponent + 1)) is None


@pytest.mark.reaches("RSA_EXPONENT_BITS")
def test_the_largest_rsa_exponent_is_taken() -> None:
    assert keys.parsed(rsa_key(exponent_bits=limits.RSA_EXPONENT_BITS)) is not None


@pytest.mark.reaches("PARSED_KEYS")
def test_parsed_keys_do_not_fill_memory() -> None:
    keys.parsed.cache_clear()
    for at in range(limits.PARSED_KEYS + 10):
        keys.parsed(b"\1\0\3\xff" + at.to_bytes(4, "big"))
    assert keys.parsed.cache_info().currsize == limits.PARSED_KEYS


@pytest.mark.reaches("KNOWN_SIGNATURES", "KNOWN_SIGNATURE_OCTETS")
def test_known_signatures_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by number nor by what they sign."""
    monkeypatch.setattr(keys, "parsed", lambda _: lambda _signature, _data: True)
    key = keys.zone_key(rsa_key())
    keys._MADE.clear()
    most = limits.KNOWN_SIGNATURE_OCTETS
    assert key.verify(b"long", bytes(most + 1))
    assert len(keys._MADE) == 0
    for at in range(limits.KNOWN_SIGNATURES + 10):
        assert key.verify(at.to_bytes(4, "big"), bytes(most))
    assert len(keys._MADE) == limits.KNOWN_SIGNATURES
