"""A store on a real file between two levels: what the tests of the second level share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cache.basis import Basis
from resolver.cache.delegation import DelegationCache
from resolver.cache.negative import ANY_TYPE, Denied, Negative, NegativeCache
from resolver.cache.rrset import Entry, RRsetCache
from resolver.cache.second_level import SecondLevel
from resolver.cache.store import Store
from resolver.cache.store_sqlite import SqliteStore
from resolver.cache.store_writer import Item, Writer
from resolver.delegation import Delegation, Server
from resolver.limits import (
    STORE_OCTETS,
)
from resolver.model import Rank, Status
from resolver.protocol.codes import Rcode
from tests.making import name, question, rrset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from resolver.model import Question

KEY = b"k" * 32
NOW, WALL = 5000.0, 1.8e9
WWW = question("www.example. A")
COM = name("com.")


class FakeClock:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> float:
        return NOW + self.passed_s

    def wall(self) -> float:
        return WALL + self.passed_s


class Bench:
    """A store on a real file, a level, and a writer; *slow_s*: what each look-up takes."""

    def __init__(self, path: Path) -> None:
        self.clock = FakeClock()
        self.file = SqliteStore(path, KEY)
        self.slow_s, self.reads, self.at = 0.0, 0, 0.0
        self.store = Store(
            self.file, KEY, self.clock, boot=7, is_sure=lambda: True, stopwatch=self._watch,
            disk_reads=lambda: self.reads, is_cold=False,
        )  # fmt: skip
        self.writer = Writer(self.store, octets=STORE_OCTETS, believes=lambda: True)
        self.level = self.another()

    def _watch(self) -> float:
        self.at += self.slow_s
        return self.at

    def another(self, basis: Basis | None = None) -> SecondLevel:
        """A process that knows nothing yet."""
        self.rrsets, self.negatives = RRsetCache(1 << 22), NegativeCache(1 << 22)
        self.delegations = DelegationCache()
        self.level = SecondLevel(
            self.store,
            basis or Basis(b"p" * 8, b"t" * 8, {}, validates=True),
            rrsets=self.rrsets,
            negatives=self.negatives,
            delegations=self.delegations,
        )
        return self.level

    def learn(self, *what: object) -> Sequence[Item]:
        self.level.learnt.extend(what)
        items = self.writer.take(self.level, self.clock.now())
        self.writer.write(items, self.clock.now())
        self.file.let_go()
        return items

    def bring(self, asked: Question) -> bool:
        return self.level.bring(asked, self.clock.now())


def entry(
    text: str = "www.example. 300 A 192.0.2.1",
    *,
    status: Status = Status.INSECURE,
    until: float = NOW + 300,
) -> Entry:
    made = rrset(text)
    return Entry(
        made.owner,
        made.rtype,
        made.rdatas,
        (),
        Rank.AUTH_ANSWER,
        status,
        until,
        name("example."),
        ttl=300,
    )


def denied(text: str, *, rcode: int = Rcode.NXDOMAIN, until: float = NOW + 300) -> Denied:
    asked = question(text)
    negative = Negative(
        rcode, (), zone=name("example."), status=Status.INSECURE, ttl=300, expires_at=until
    )
    rtype = ANY_TYPE if rcode == Rcode.NXDOMAIN else asked.qtype
    return Denied(asked.qname, rtype, negative)


def delegation(zone: str, until: float = NOW + 3000) -> Delegation:
    host = name(f"ns.{zone}")
    return Delegation(name(zone), (host,), {host: (Server("192.0.2.1", 53, host),)}, until)
