"""What the probes of `resolver doctor` have seen. Facts only; `judge` says what they mean.

Whatever could not be looked at is None, which is neither good nor bad.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from resolver.model import Server

ANSWERED = "answered"
TIMEOUT = "timeout"
NO_ROUTE = "no route"


class Kind(Enum):
    """What a probe asks, and how."""

    SOA = "its SOA"
    TCP = "its SOA, over TCP"
    KEYS = "its keys, in one packet"
    LARGE = "all it has, in fragments"
    LARGE_TCP = "all it has, over TCP"
    NOBODY = "an address where no server is"

    __hash__ = object.__hash__


class Window(NamedTuple):
    """When a signature of the root holds, in Unix seconds."""

    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to one server, and what came of it.

    *outcome*: ANSWERED, TIMEOUT, NO_ROUTE, or what the system or TLS said.
    """

    name: str
    server: Server
    kind: Kind
    outcome: str = TIMEOUT
    elapsed_s: float = 0.0
    size_octets: int = 0
    rcode: int = 0
    is_authoritative: bool = False
    is_recursive: bool = False
    is_truncated: bool = False
    is_signed: bool = False
    windows: tuple[Window, ...] = ()
    identities: frozenset[str] = frozenset()

    @property
    def has_answer(self) -> bool:
        return self.outcome == ANSWERED

    @property
    def is_ipv6(self) -> bool:
        return self.server.is_ipv6


@dataclass(frozen=True, slots=True)
class Forward:
    """One server that the configuration forwards *zone* to. *name*: as it is written there."""

    zone: str
    name: str
    is_encrypted: bool
    outcome: str
    is_signed: bool = False
    rcode: int = 0


class Portal(NamedTuple):
    """What a page that is the same for everybody looked like from here."""

    url: str
    status: int
    location: str = ""
    is_as_expected: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Internet:
    """What the network does. *ipv6*: this machine's own addresses of that family."""

    probes: tuple[Probe, ...] = ()
    forwards: tuple[Forward, ...] = ()
    portal: Portal | None = None
    ipv6: tuple[str, ...] = ()
    is_cut_short: bool = False

    def of(self, kind: Kind, *, is_ipv6: bool | None = None) -> list[Probe]:
        """The probes of one kind, of one family if that is said."""
        return [
            each for each in self.probes
            if each.kind is kind and is_ipv6 in (None, each.is_ipv6)
        ]  # fmt: skip


class Told(NamedTuple):
    """What the daemon answered when it was asked for the root: an rcode's text, and its reasons."""

    rcode: str
    reasons: tuple[str, ...] = ()
    elapsed_s: float = 0.0


class Holder(NamedTuple):
    """Who has an address that the configuration listens on. *kind*: "UDP" or "TCP"."""

    where: str
    kind: str
    who: str


@dataclass(frozen=True, slots=True)
class Host:
    """What this machine is set to. *place*: where our daemon answers, "" if it does not.

    *door*: what the control door says of the way out, "" without one; *is_cut*: that a way is cut
    off. *listens*: where the daemon listens, by its
    configuration. *resolv_conf*: its name servers, None if there is no such file; *writer*: who
    writes it. *uplinks*: name servers that the network offers; *stub_asks*: whom systemd-resolved
    asks. *hosts*: the words behind "hosts:" of nsswitch.conf. *is_root*: who looks; *has_config*:
    there is a configuration. *wall*: this machine's time; *floor*: a time that is certainly past;
    *is_synchronised*: as the kernel says.
    """

    config_problems: tuple[str, ...] = ()
    config_notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    place: str = ""
    told: Told | None = None
    door: str = ""
    is_cut: bool = False
    listens: tuple[str, ...] = ()
    holders: tuple[Holder, ...] = ()
    resolv_conf: tuple[str, ...] | None = None
    writer: str = ""
    uplinks: tuple[str, ...] = ()
    stub_asks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    directory: str = ""
    directory_trouble: str = ""
    is_root: bool = True
    has_config: bool = False
    wall: float = 0.0
    floor: float = 0.0
    is_synchronised: bool | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What of the configuration bears on a judgement."""

    uses_ipv4: bool = True
    uses_ipv6: bool = True
    validates: bool = True
    payload: int = 1232
    forwards_all: bool = False
    forwards_all_encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it."""

    host: Host = field(default_factory=Host)
    internet: Internet = field(default_factory=Internet)
    plan: Plan = field(default_factory=Plan)
