"""Limits: encrypted transports."""

from __future__ import annotations

from typing import Final

from resolver.limits.table import Table

limit = Table("encrypted transports")

PADDING_OCTETS_RANGE: Final = (0, 4096)
PADDING_OCTETS = limit(
    468,
    "octets that an encrypted reply is padded to a multiple of",
    why="RFC 8467 §4.1",
    between=PADDING_OCTETS_RANGE,
)
TLS_CHUNK_OCTETS = limit(
    32_768, "octets read from under TLS at once", why="one full record (RFC 8446 §5.1) and its like"
)
TLS_HANDSHAKE_SECONDS = limit(
    4.0, "seconds for a client's TLS handshake", why="three round trips of a second each"
)
TLS_HANDSHAKES = limit(
    128,
    "TLS handshakes of clients under way at once; one more ends the oldest",
    why="about 60 kB each; honest ones take two round trips",
)
TLS_CONNECTS_PER_SECOND = limit(
    32,
    "encrypted connections a second, and at once, of one client network; this machine ten times",
    why="a full handshake costs us 0.3 ms and the client nothing; one connection serves a client",
)
TLS_TICKET_KEY_SECONDS = limit(
    3600.0, "seconds for which one key encrypts session tickets", why="Knot's hour"
)
TLS_LOOK_SECONDS = limit(
    60.0, "seconds between two looks whether certificate files have changed", why="Knot's minute"
)
TLS_FILE_OCTETS = limit(
    1 << 20, "octets of a file of certificates or of a key", why="a chain has ten thousand"
)
CERTIFICATE_DAYS = limit(
    397, "days that a certificate of our own is valid", why="the most that browsers take"
)
CERTIFICATE_RENEWAL_DAYS = limit(
    30, "days before its end a certificate of our own is renewed", why="as ACME clients do"
)
CERTIFICATE_SKEW_SECONDS = limit(
    3600.0, "seconds before it is made that it is valid", why="clients' clocks are late, too"
)
TLS_FAREWELL_SECONDS = limit(
    1.0, "seconds for close_notify to leave where the other end reads nothing", why="our choice"
)
