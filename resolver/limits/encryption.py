"""Limits: encrypted transports."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("encrypted transports")

TLS_CHUNK_OCTETS = limit(
    16_384, "octets read from under TLS at once", why="one full record (RFC 8446 §5.1) and its like"
)
TLS_FAREWELL_SECONDS = limit(
    1.0, "seconds for close_notify to leave where the other end reads nothing", why="our choice"
)
