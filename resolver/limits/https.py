"""Limits: DNS over HTTPS."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("DNS over HTTPS")

HTTPS_BODY_OCTETS = limit(
    65_535, "octets of a request's body; more is 413", why="the longest DNS message (RFC 8484 §6)"
)
HTTPS_HEADER_OCTETS = limit(
    8192, "octets of a request's header fields; more is 431", why="browsers send less than one kB"
)
HTTPS_STREAMS = limit(
    100, "HTTP/2 streams at once on a connection", why="RFC 9113 §6.5.2; Unbound's and BIND's 100"
)
HTTPS_IN_WORK = limit(
    60,
    "queries in work on a connection above which it is not read",
    why="BIND's share of the streams; what was reset counts until it ends (CVE-2023-44487)",
)
HTTPS_FRAME_OCTETS = limit(
    16_384, "octets of an HTTP/2 frame", why="RFC 9113 §4.2; refused before it is kept"
)
HTTPS_UNREAD_OCTETS = limit(
    4 << 20,
    "octets of replies that wait for one client to make room; above, nothing more is taken on",
    why="Unbound's http-response-buffer-size",
)
HTTPS_JSON_SLICE = limit(
    100, "records of a JSON answer written before others have their turn", why="about 2 ms"
)
HTTPS_LINGER_SECONDS = limit(
    1.0, "seconds a connection that we end is read on", why="else its last words may be lost"
)
HTTPS_CONTINUATIONS = limit(
    4, "CONTINUATION frames of a header block", why="five frames hold ten times a long header"
)
HTTPS_CONTROL_FRAMES = limit(
    10,
    "PING and SETTINGS frames a second, and at once",
    why="each has to be acknowledged (CVE-2019-9512, CVE-2019-9515); clients send a few a minute",
)
HTTPS_RESETS = limit(
    20,
    "streams given up in HTTPS_RESET_SECONDS, by the client or for what it sends",
    why="CVE-2023-44487 (rapid reset), CVE-2025-8671 (MadeYouReset)",
)
HTTPS_RESET_PART = limit(
    10, "streams for one that may be given up besides", why="browsers give up a few"
)
HTTPS_RESET_SECONDS = limit(30.0, "seconds in which they are counted", why="our choice")
HTTPS_OPENED_UNASKED = limit(
    50, "streams opened before the first request is whole", why="BIND's test for floods"
)
HTTPS_IDLE_OCTETS = limit(
    1536, "octets read before the first stream is opened", why="BIND's test for floods"
)
HTTPS_GRACE_OCTETS = limit(
    131_070, "octets read before what they ask counts", why="BIND's test for floods: two windows"
)
HTTPS_OCTETS_PER_USEFUL = limit(
    22, "octets read for each of a DNS query, after that", why="BIND's test for floods"
)
HTTPS_CLOSED_STREAMS = limit(
    256, "closed streams that a connection remembers", why="h2's 65,536 are 6 MB a connection"
)
HTTPS_KNOWN_BLOCKS = limit(
    64, "header blocks of a connection whose meaning is remembered", why="one or two are in use"
)
HTTPS_KNOWN_OCTETS = limit(
    256, "octets of such a block", why="repeated ones are mostly indexes (RFC 7541 §6.1)"
)
