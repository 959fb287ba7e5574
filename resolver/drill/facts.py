"""What is known of the names in use, of the zones above them and of their servers, as plain values.

The daemon makes them of its memory, the process that works a drill out completes them by the disk;
they travel between the two as JSON. Times are seconds from the moment of the drill on: below 0 is
past. What has no end (a forward, the root's hints) has none here either: `is_fixed`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resolver.protocol.names import Name

NEVER: Final = float("-inf")
ALWAYS: Final = float("inf")
_ABOVE: Final = (RRType.DS, RRType.DNSKEY)  # asked of every zone, for all that is below it


class Asked(NamedTuple):
    """A question, without its class."""

    name: bytes
    rtype: int


class Used(msgspec.Struct, frozen=True):
    """A question in use. *weight*: how much, beside the others."""

    name: bytes
    rtype: int
    weight: float = 1.0

    @property
    def asked(self) -> Asked:
        return Asked(self.name, self.rtype)


class Fact(msgspec.Struct, frozen=True):
    """What is kept of one question: data, an alias with its *target*, or a denial.

    *left_s*: how long it counts; *alone_s*: how long it would, had nothing been renewed ahead of
    need. *ttl*: how long it counted when it came. *zone* said so. *is_judged*: validated, or proven
    to need none. *signed_s*: how long its signatures hold; None: it has none. *hosts*: the
    addresses, if it is of type A or AAAA.
    """

    name: bytes
    rtype: int
    left_s: float
    ttl: float
    zone: bytes
    is_judged: bool = True
    target: bytes = b""
    is_denial: bool = False
    alone_s: float | None = None
    signed_s: float | None = None
    hosts: tuple[str, ...] = ()

    @property
    def asked(self) -> Asked:
        return Asked(self.name, self.rtype)


class Cut(msgspec.Struct, frozen=True):
    """A zone cut as its parent tells it: *glue* has for each of the *nameservers* what came along.

    *is_fixed*: the operator's, or the root's hints: it never ends, and no parent is asked.
    """

    zone: bytes
    nameservers: tuple[bytes, ...]
    glue: tuple[tuple[str, ...], ...]
    left_s: float = 0.0
    ttl: float = 0.0
    is_signed: bool = False
    is_fixed: bool = False

    def hosts(self) -> Iterator[str]:
        """All addresses that came with it."""
        return (host for given in self.glue for host in given)


class Trust(msgspec.Struct, frozen=True):
    """What is established of a zone, and for how long it counts."""

    zone: bytes
    left_s: float
    is_secure: bool


class Facts(msgspec.Struct):
    """All of it."""

    facts: list[Fact] = []
    cuts: list[Cut] = []
    trusts: list[Trust] = []

    def __len__(self) -> int:
        return len(self.facts) + len(self.cuts) + len(self.trusts)


class Index:
    """*found* by name, the part that lasts longest of what there is twice."""

    def __init__(self, found: Iterable[Facts]) -> None:
        self.facts: dict[Asked, Fact] = {}
        self.cuts: dict[Name, Cut] = {}
        self.trusts: dict[Name, Trust] = {}
        self.answering: set[Name] = set()  # zones that were seen to answer for names
        for one in found:
            self.add(one)

    def __repr__(self) -> str:
        return f"<Index of {len(self.facts)} facts, {len(self.cuts)} cuts>"

    def add(self, found: Facts) -> None:
        for fact in found.facts:
            known = self.facts.get(fact.asked)
            if known is None or known.left_s < fact.left_s:
                self.facts[fact.asked] = fact
                if fact.rtype not in _ABOVE:
                    self.answering.add(fact.zone)
        for cut in found.cuts:
            held = self.cuts.get(cut.zone)
            if held is None or (not held.is_fixed and held.left_s < cut.left_s):
                self.cuts[cut.zone] = cut
        for trust in found.trusts:
            before = self.trusts.get(trust.zone)
            if before is None or before.left_s < trust.left_s:
                self.trusts[trust.zone] = trust

    def closest(self, name: Name) -> Cut | None:
        """The deepest cut known at or above *name*."""
        for zone in names.ancestors(name):
            cut = self.cuts.get(zone)
            if cut is not None:
                return cut
        return None

    def above(self, zone: Name) -> Cut | None:
        """The deepest cut known above *zone*; None for the root."""
        return None if zone == names.ROOT else self.closest(names.parent(zone))
