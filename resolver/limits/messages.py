"""Limits: the shape of a message."""

from __future__ import annotations

from resolver.limits.table import Table

limit = Table("the shape of a message")

CLASSIC_UDP_OCTETS = limit(512, "octets of a UDP reply without EDNS", why="RFC 1035 §4.2.1")
CANONICAL_KEYS = limit(
    1024, "names whose sort key is remembered", why="a denial compares the same few"
)
OPT_RECORDS = limit(
    4096,
    "OPT records of queries and replies that are remembered as octets",
    why="our choice: one to each server that is asked often, and few of our own",
)
ADDRESS_TEXTS = limit(
    65_536, "IPv6 addresses whose text is remembered", why="our choice: more than ADDRESS_STATES"
)
ADDRESS_OCTETS = limit(4096, "texts of addresses whose octets are remembered", why="our choice")
COMPRESSION_HOPS = limit(
    128,
    "compression pointers followed in one name",
    why="RFC 9267 §2; 126 can be in a legal name, Unbound's bound is 256",
)
STREAM_OCTETS = limit(65_535, "octets of a message over TCP", why="RFC 1035 §4.2.2")
