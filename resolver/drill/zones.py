"""The zones that the names in use need, and how near they are served. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from resolver.drill.facts import Asked
from resolver.limits import CHAIN_LENGTH
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.drill.facts import Cut, Index, Used
    from resolver.protocol.names import Name


class Known(NamedTuple):
    """One address that was measured. *prefix*: the /24 or /48; *instance*, *country*: "" if they
    are not known; *word*: local, regional or far."""

    rtt_ms: float
    is_near: bool
    prefix: str
    word: str
    instance: str = ""
    country: str = ""


class Servers(Protocol):
    """What is known of addresses."""

    def get(self, host: str, /) -> Known | None: ...


class ZoneRow(msgspec.Struct):
    """A zone and how it is served. *near*: how many of its nameservers are near, with *prefixes*,
    *operators* and *instances* that these have apart. *uses*: what of all use needs it, from 0 to
    1. *servers*, *measured*: addresses."""

    zone: str
    uses: float = 0.0
    nameservers: int = 0
    servers: int = 0
    measured: int = 0
    near: int = 0
    nearest_ms: float | None = None
    farthest_ms: float | None = None
    nearest: str = ""
    nearest_instance: str = ""
    prefixes: int = 0
    operators: int = 0
    instances: int = 0
    countries: list[str] = []

    @property
    def standing(self) -> str:
        """In a word: how many of its servers would have to go for it to be far."""
        if self.near:
            return "one near" if self.near == 1 else "near"
        return "far" if self.measured else "not measured"


def zone_rows(index: Index, used: Iterable[Used], servers: Servers) -> list[ZoneRow]:
    """A row for each zone above a name in use, the most used first, and of those the highest."""
    uses: dict[Name, float] = {}
    whole = 0.0
    for one in used:
        whole += one.weight
        for zone in {zone for asked in _chain(index, one.asked) for zone in _above(index, asked)}:
            uses[zone] = uses.get(zone, 0.0) + one.weight
    rows = []
    for zone in sorted(uses, key=lambda name: (-uses[name], names.count(name), name)):
        row = zone_row(index.cuts[zone], index, servers)
        row.uses = round(uses[zone] / whole, 4) if whole else 0.0
        rows.append(row)
    return rows


def _chain(index: Index, asked: Asked) -> Iterator[Asked]:
    for _ in range(CHAIN_LENGTH):
        yield asked
        fact = index.facts.get(asked)
        if fact is None or not fact.target:
            return
        asked = Asked(fact.target, asked.rtype)


def _above(index: Index, asked: Asked) -> Iterator[Name]:
    return (zone for zone in names.ancestors(asked.name) if zone in index.cuts)


def zone_row(cut: Cut, index: Index, servers: Servers) -> ZoneRow:
    """How *cut* is served, as far as its addresses were measured."""
    row = ZoneRow(names.to_text(cut.zone), nameservers=len(set(cut.nameservers)))
    hosts: dict[str, Known | None] = {}
    near: set[Name] = set()
    for nameserver, given in zip(cut.nameservers, cut.glue, strict=True):
        found = {host: servers.get(host) for host in (*given, *_looked_up(index, nameserver))}
        hosts |= found
        if any(one is not None and one.is_near for one in found.values()):
            near.add(nameserver)
    known = [one for one in hosts.values() if one is not None]
    row.servers, row.measured, row.near = len(hosts), len(known), len(near)
    nears = [one for one in known if one.is_near]
    row.prefixes = len({one.prefix for one in nears})
    row.operators = len({names.suffix(name, 2) for name in near})
    row.instances = len({one.instance for one in nears if one.instance})
    row.countries = sorted({one.country for one in known if one.country})
    if known:
        nearest = min(known, key=lambda one: one.rtt_ms)
        row.nearest_ms, row.nearest = round(nearest.rtt_ms, 1), nearest.word
        row.nearest_instance = nearest.instance
        row.farthest_ms = round(max(one.rtt_ms for one in known), 1)
    return row


def _looked_up(index: Index, nameserver: Name) -> Iterator[str]:
    for rtype in (RRType.A, RRType.AAAA):
        fact = index.facts.get(Asked(nameserver, rtype))
        if fact is not None:
            yield from fact.hosts
