"""Who asked, as far as the query log may say it: `log.clients`.

"prefix" is the network (/24, /56), "hash" tells the clients of one day apart and nothing else: it
is keyed with octets that are thrown away at the next day (UTC) and that no disk has seen. BLAKE2s,
as in `policy.cookies`, for it takes a microsecond where SipHash in Python takes thirty, and
addresses can be made up by the thousand.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from resolver.limits import QUERY_LOG_CLIENTS
from resolver.protocol.ip_addresses import network_address, octets_text

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_KEY_OCTETS: Final = 20
_DAY_OCTETS: Final = 4
_DAY_SECONDS: Final = 86_400
_HASH_OCTETS: Final = 8
_MASKS: Final = {4: "/24", 16: "/56"}  # of `network_address`


class DayKey:
    """The key of a day, in a *cell* of DAY_KEY_OCTETS that all workers share: the day, the key.

    One of them, which *leads*, draws the next; the others use what is there.
    """

    def __init__(
        self, cell: bytearray | memoryview, draw: Callable[[int], bytes], *, leads: bool = True
    ) -> None:
        self._cell = cell
        self._draw = draw
        self._leads = leads

    def at(self, wall: float) -> bytes:
        """The key at Unix time *wall*; that of a day that is over is gone."""
        cell, day = self._cell, int(wall // _DAY_SECONDS).to_bytes(_DAY_OCTETS, "big")
        is_new = not any(cell)
        if is_new or (self._leads and bytes(cell[:_DAY_OCTETS]) != day):
            cell[:] = day + self._draw(DAY_KEY_OCTETS - _DAY_OCTETS)
        return bytes(cell[_DAY_OCTETS:])


class ClientForms:
    """The form of a client in a line, at hand for those seen lately."""

    def __init__(self, key: DayKey) -> None:
        self._key = key
        self._day_key = b""
        self._form = "no"
        self._known: dict[bytes, str] = {}

    def go_by(self, form: str) -> None:
        """Tell of clients what *form*, a value of `log.clients`, allows."""
        self._form = form
        self._known.clear()

    def look(self, wall: float) -> bool:
        """Use the key of the day; True if it is another one. Once a second is often enough."""
        key = self._key.at(wall)
        if key == self._day_key:
            return False
        self._day_key = key
        self._known.clear()
        return True

    def of(self, source: bytes) -> str:
        """Of the client at raw address *source*; "" if nothing may be said, or nothing is known."""
        if self._form == "no" or not source:
            return ""
        known = self._known.get(source)
        if known is None:
            if len(self._known) >= QUERY_LOG_CLIENTS:
                self._known.clear()
            known = self._known[source] = self._made(source)
        return known

    def _made(self, source: bytes) -> str:
        if self._form == "hash":
            hashed = hashlib.blake2s(source, key=self._day_key, digest_size=_HASH_OCTETS)
            return hashed.hexdigest()
        if self._form == "prefix":
            return _text(network_address(source)) + _MASKS[len(source)]
        return _text(source)


def _text(source: bytes) -> str:
    return octets_text(source) or ""
