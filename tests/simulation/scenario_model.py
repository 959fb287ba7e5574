"""What a `.rpl` file says, as data: read by `scenario_parse`, played by `scenario_run`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.simulation.local_policy import LocalPolicy

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
    """One message: a query to send, a reply to give, or an answer to expect.

    *options* are the octets of the options in its OPT record (None: the file gives none; empty: an
    OPT without any). *raw* replaces the whole message; a client that sends *raw* waits for an
    answer only where *is_answered*.
    """

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
    is_answered: bool = True
    options: bytes | None = None
    sleep_s: float = 0.0
    is_mandatory: bool = False
    more: list[Entry] = field(default_factory=list)

    @property
    def wants_copied_id(self) -> bool:
        """An id that the file leaves alone stays 0: no resolver takes such a reply."""
        return "copy_id" in self.adjust

    @property
    def is_positive(self) -> bool:
        """It answers what it asks: NOERROR, and a record of the type asked for."""
        types = {rrset.rdtype for rrset in self.sections["ANSWER"]}
        any_type = 255
        return self.rcode == "NOERROR" and any(
            asked.rdtype in types or (asked.rdtype == any_type and types) for asked in self.question
        )


@dataclass(slots=True)
class Range:
    """While the current step is within [first, last], *addresses* answer with *entries*.

    Without addresses every server answers so.
    """

    first: int
    last: int
    addresses: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def holds(self, address: str, step: int) -> bool:
        is_here = not self.addresses or address in self.addresses
        return is_here and self.first <= step <= self.last


@dataclass(slots=True)
class Step:
    """*kind* is one of `scenario_parse.STEP_KINDS`; *address* is the client that asks."""

    number: int
    kind: str
    line: int
    entry: Entry | None = None
    address: str = ""
    elapse_s: float = 0.0
    relation: str = ""
    count: int = 0


@dataclass(slots=True)
class ConfiguredZone:
    """A zone of the head: *kind* is "forward" or "stub", as in the file of ours, or "copy".

    Of a copy, *addresses* are those to transfer it from.
    """

    kind: str
    zone: str = ""
    addresses: list[str] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)

    def table(self) -> dict[str, object]:
        """Its table in a configuration file."""
        return {"zone": self.zone, "addresses": self.addresses, **self.settings}


@dataclass(slots=True)
class Head:
    """The configuration part. None for *minimise* means: the file does not care, run both.

    *copies* are zones held whole that are verified before use: see `scenario_copy`; *policies* are
    response policy zones: see `scenario_policy`. *needs* names
    features that are not built and without which the file cannot be played; *open_zone* is the zone
    whose clause is being read.
    """

    root_addresses: list[str] = field(default_factory=list)
    root_name: str = "k.root-servers.net."
    zones: list[ConfiguredZone] = field(default_factory=list)
    copies: list[ConfiguredZone] = field(default_factory=list)
    policies: list[ConfiguredZone] = field(default_factory=list)
    open_zone: ConfiguredZone | None = None
    trust_anchors: list[str] = field(default_factory=list)
    insecure: list[str] = field(default_factory=list)
    access: list[tuple[str, str]] = field(default_factory=list)
    minimise: bool | None = None
    wall: float | None = None
    has_full_answers: bool = False
    settings: dict[str, dict[str, object]] = field(default_factory=dict)
    arrays: dict[str, list[object]] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)
    reaches: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    local: LocalPolicy = field(default_factory=LocalPolicy)

    def set(self, section: str, key: str, value: object) -> None:
        self.settings.setdefault(section, {})[key] = value

    def need(self, feature: str) -> None:
        if feature not in self.needs:
            self.needs.append(feature)


@dataclass(slots=True)
class Scenario:
    path: Path
    head: Head
    title: str = ""
    ranges: list[Range] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def unbuilt(self) -> str:
        """Why this file cannot be played; empty if it can."""
        needs = " and ".join(self.head.needs)
        return f"this needs {needs}: not built" if needs else ""

    def server_entries(self) -> list[Entry]:
        """What servers say, in file order; what a client expects comes from these anyway."""
        found = [entry for block in self.ranges for entry in block.entries]
        found += [step.entry for step in self.steps if step.kind == "REPLY" and step.entry]
        return found
