"""Options that queries over encrypted connections carry beside the others. Pure.

RFC 8467 §4.1: padding (RFC 7830) to a multiple of 128 octets, so that the length tells nothing of
the name. RFC 7828 §3.3.1: an empty edns-tcp-keepalive with the first query, to learn how long the
server keeps a connection.
"""

from __future__ import annotations

from resolver.limits import QUERY_PADDING_OCTETS
from resolver.protocol.edns import OPT_KEEPALIVE, OPT_PADDING

_HEADER_OCTETS = 12
_OPT_FIXED_OCTETS = 11
_OPTION_OCTETS = 4
_KEEPALIVE = OPT_KEEPALIVE.to_bytes(2, "big") + b"\0\0"


def question_end(query: bytes) -> int:
    """Where the question section of a query of our own ends. O(labels)."""
    at = _HEADER_OCTETS
    while query[at]:
        at += 1 + query[at]
    return at + 5


def padded(query: bytes, *, asks_keepalive: bool = False) -> bytes:
    """A query of our own, whose last record is its OPT; as it is if it has none."""
    opt = question_end(query)
    if len(query) < opt + _OPT_FIXED_OCTETS:
        return query
    options = query[opt + _OPT_FIXED_OCTETS :]
    if asks_keepalive:
        options += _KEEPALIVE
    size = opt + _OPT_FIXED_OCTETS + len(options) + _OPTION_OCTETS
    fill = -size % QUERY_PADDING_OCTETS
    options += OPT_PADDING.to_bytes(2, "big") + fill.to_bytes(2, "big") + bytes(fill)
    head = query[: opt + _OPT_FIXED_OCTETS - 2]
    return b"".join((head, len(options).to_bytes(2, "big"), options))
