"""The reply of those who look no further: header and question, and what became of it."""

from __future__ import annotations

from typing import Final

from resolver.protocol.codes import Flag
from resolver.protocol.wire import qname_end

_HEADER: Final = 12


def short_reply(data: bytes, *, rcode: int, flags: int = 0) -> bytes | None:
    """Header and question only: never larger than the query. None if *data* is not a query."""
    if len(data) < _HEADER or data[2] & 0x80:
        return None
    end = qname_end(data)
    is_plain = data[4:6] == b"\0\1" and 0 <= end <= len(data) - 5
    question = data[_HEADER : end + 5] if is_plain else b""
    word = Flag.QR | Flag.RA | flags | rcode | (int.from_bytes(data[2:4], "big") & 0x7910)
    counts = b"\0\1\0\0\0\0\0\0" if is_plain else bytes(8)
    return data[:2] + word.to_bytes(2, "big") + counts + question
