"""Limits: the shape of a message."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("the shape of a message")

CLASSIC_UDP_OCTETS = limit(512, "octets of a UDP reply without EDNS", why="RFC 1035 §4.2.1")
CANONICAL_KEYS = limit(
    1024, "names whose sort key is remembered", why="a denial compares the same few"
)
COMPRESSION_HOPS = limit(
    128,
    "compression pointers followed in one name",
    why="RFC 9267 §2; 126 can be in a legal name, Unbound's bound is 256",
)
STREAM_OCTETS = limit(65_535, "octets of a message over TCP", why="RFC 1035 §4.2.2")
