"""What a `.rpl` file says, as data: read by `scenario_parse`, played by `scenario_run`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    import dns.name
    import dns.rrset

SECTIONS = ("ANSWER", "AUTHORITY", "ADDITIONAL")


class ScenarioError(Exception):
    """The file says something that this reader does not know, or says it wrongly."""


class Asked(NamedTuple):
    """One line of a QUESTION section."""

    name: dns.name.Name
    rdclass: int
    rdtype: int


@dataclass(slots=True)
class Entry:
    """One message: a query to send, a reply to give, or an answer to expect."""

    line: int
    match: set[str] = field(default_factory=set)
    arguments: dict[str, int | str] = field(default_factory=dict)
    adjust: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    opcode: str = "QUERY"
    rcode: str = "NOERROR"
    question: list[Asked] = field(default_factory=list)
    sections: dict[str, list[dns.rrset.RRset]] = field(
        default_factory=lambda: {name: [] for name in SECTIONS}
    )
    raw: bytes | None = None
    edns_data: bytes | None = None
    sleep_s: float = 0.0
    has_adjust: bool = False
    more: list[Entry] = field(default_factory=list)

    @property
    def wants_copied_id(self) -> bool:
        """Deckard: an entry that says nothing about adjusting copies the id."""
        return "copy_id" in self.adjust or not self.has_adjust


@dataclass(slots=True)
class Range:
    """While the current step is within [first, last], *addresses* answer with *entries*."""

    first: int
    last: int
    addresses: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def holds(self, address: str, step: int) -> bool:
        return self.first <= step <= self.last and address in self.addresses


@dataclass(slots=True)
class Step:
    """*kind* is QUERY, REPLY, CHECK_ANSWER, CHECK_OUT_QUERY, TIME_PASSES or CHECK_QUERIES."""

    number: int
    kind: str
    line: int
    entry: Entry | None = None
    elapse_s: float = 0.0
    relation: str = ""
    count: int = 0


@dataclass(slots=True)
class Head:
    """The configuration part. None for *minimise* means: the file does not care, run both."""

    root_addresses: list[str] = field(default_factory=list)
    root_name: str = "k.root-servers.net."
    forward_addresses: list[str] = field(default_factory=list)
    trust_anchors: list[str] = field(default_factory=list)
    insecure: list[str] = field(default_factory=list)
    minimise: bool | None = None
    wall: float | None = None
    settings: dict[str, dict[str, object]] = field(default_factory=dict)
    arrays: dict[str, list[object]] = field(default_factory=dict)
    reaches: list[str] = field(default_factory=list)

    def set(self, section: str, key: str, value: object) -> None:
        self.settings.setdefault(section, {})[key] = value


@dataclass(slots=True)
class Scenario:
    path: Path
    head: Head
    title: str = ""
    ranges: list[Range] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
