"""Header blocks of HTTP/2: what counts of a request's, and the octets of a response's. Pure.

RFC 9113 §8.2 and §8.3 (what is malformed), RFC 7541 (HPACK). h2 decodes; its checks, and its
encoder, cost more than all the rest of a request.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from resolver.listen.http_engine import WANTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.listen.doh_request import Fields

_FIELD_OVERHEAD: Final = 32  # RFC 9113 §6.5.2
_PSEUDO: Final = (b":method", b":scheme", b":path", b":authority")
_HOP_BY_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"}
)
_ANY_TRAILERS: Final = (b"te", b"trailers")  # the one that may be said


def read_header(
    headers: Iterable[tuple[bytes, bytes]],
) -> tuple[bytes, bytes, dict[bytes, bytes], int] | None:
    """Method, target, the fields that count, and the size; None if it is malformed (§8.2, §8.3)."""
    pseudo: dict[bytes, bytes] = {}
    fields: dict[bytes, bytes] = {}
    size, is_behind = 0, False
    for name, value in headers:
        size += len(name) + len(value) + _FIELD_OVERHEAD
        if name[:1] == b":":
            if name not in _PSEUDO or name in pseudo or is_behind:
                return None
            pseudo[name] = value
            continue
        is_behind = True
        if name in WANTED or name == b"content-length":
            if fields.setdefault(name, value) != value and name == b"content-length":
                return None  # of two lengths neither is believed (RFC 9110 §8.6)
        elif name in _HOP_BY_HOP:
            if (name, value.lower()) != _ANY_TRAILERS:
                return None
        elif not name or name != name.lower():
            return None
    method = pseudo.get(b":method", b"")
    target = pseudo.get(b":path", b"")
    if not method or (method != b"CONNECT" and not (target and b":scheme" in pseudo)):
        return None
    return method, target, fields, size


# --- responses ----------------------------------------------------------------------------------


class PreparedEncoder:
    """Gives the block that was put in: h2 asks for one at each response."""

    def __init__(self) -> None:
        self.block = b""
        self._update = b""

    @property
    def header_table_size(self) -> int:
        return 0

    @header_table_size.setter
    def header_table_size(self, _: int) -> None:
        """The client's table has another size: say that of ours, none, once (RFC 7541 §4.2)."""
        self._update = b"\x20"

    def encode(self, _headers: object) -> bytes:
        update, self._update = self._update, b""
        return update + self.block


_STATUSES: Final = {200: b"\x88", 204: b"\x89", 400: b"\x8c", 404: b"\x8d"}  # indexed
_STATUS: Final = b"\x08\x03"  # the name is indexed; three octets follow
_NAMES: Final = {
    b"access-control-allow-origin": 20,
    b"allow": 22,
    b"cache-control": 24,
    b"content-length": 28,
    b"content-type": 31,
    b"retry-after": 53,
}
_FOUR_BITS: Final = 15
_SEVEN_BITS: Final = 127


@lru_cache(maxsize=1024)
def block_of(status: int, fields: Fields) -> bytes:
    """A response's header, every field literal and not to be indexed (§6.2.2)."""
    parts = [_STATUSES.get(status) or _STATUS + b"%d" % status]
    for name, value in fields:
        index = _NAMES.get(name, 0)
        parts.append(_integer(index, _FOUR_BITS))
        if not index:
            parts += [_integer(len(name), _SEVEN_BITS), name]
        parts += [_integer(len(value), _SEVEN_BITS), value]
    return b"".join(parts)


def _integer(number: int, most: int) -> bytes:
    """RFC 7541 §5.1, with *most* as the largest that the prefix can say; its other bits are 0."""
    if number < most:
        return bytes((number,))
    number -= most
    octets = bytearray((most,))
    while number > _SEVEN_BITS:
        octets.append(number & _SEVEN_BITS | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)
