"""Addresses that SVCB and HTTPS records bring with them (RFC 9460 §7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_OCTETS: Final = {4: 4, 6: 16}  # by SvcParamKey, of each address
_PRIORITY: Final = 2  # octets before the target's name
_HEAD: Final = 4  # octets of a key and the length of its value


def hints_of(rdata: bytes) -> Iterator[bytes]:
    """The addresses in *rdata* of SVCB or HTTPS. Never raises, as `address_hints`."""
    at, size = _PRIORITY, len(rdata)
    while at < size and rdata[at]:
        at += rdata[at] + 1
    return address_hints(rdata[at + 1 :])


def address_hints(parameters: bytes) -> Iterator[bytes]:
    """The addresses among *parameters*, what stands behind the target's name.

    Never raises: parameters that end too soon are gone through as far as they go.
    """
    at, size = 0, len(parameters)
    while at + _HEAD <= size:
        key = int.from_bytes(parameters[at : at + 2], "big")
        begin = at + _HEAD
        at = begin + int.from_bytes(parameters[at + 2 : begin], "big")
        octets = _OCTETS.get(key)
        if octets is not None:
            for hint in range(begin, min(at, size), octets):
                yield parameters[hint : hint + octets]
