"""Policy zones from text, for tests."""

from __future__ import annotations

from resolver.policy.rpz_read import read_untrusted
from resolver.policy.rpz_table import Info, Table, octets_of
from resolver.policy.rpz_zone import PolicyZone
from resolver.protocol import names

ZONE = names.from_text("rpz.test.")
HEAD = "@ 300 SOA ns. host. 7 3600 600 86400 60\n@ 300 NS ns.\n"


def zone_of(text: str, *, most: int = 1000) -> PolicyZone:
    """What *text* says, behind a head of its own."""
    zone = PolicyZone(ZONE, most)
    read_untrusted((HEAD + text).encode("utf-8", "surrogateescape").splitlines(keepends=True), zone)
    return zone


def table_of(text: str) -> Table:
    """The same as a table."""
    return Table.read_untrusted(bytes(octets_of(zone_of(text), Info(b""))))
