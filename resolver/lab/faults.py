"""How packets fare on their way to an address of the virtual Internet, and when that changes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True, slots=True)
class Path:
    """The way between the core of the network and one address, both directions alike.

    *delay_s* is one way; *jitter_s* is added evenly between nothing and itself; *loss* is the
    chance that a datagram vanishes. A *dead* address swallows everything; an *unreachable* one is
    answered for by a router (EHOSTUNREACH); *tcp* False refuses connections; *mtu* is the largest
    datagram that passes.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    dead: bool = False
    unreachable: bool = False
    tcp: bool = True
    mtu: int = 65_535

    def draw_delay(self, rng: Random) -> float:
        return self.delay_s + (self.jitter_s * rng.random() if self.jitter_s else 0.0)

    def swallows(self, size: int, rng: Random) -> bool:
        """True if a datagram of *size* octets does not come through this time."""
        return self.dead or size > self.mtu or (self.loss > 0.0 and rng.random() < self.loss)


@functools.lru_cache(maxsize=65_536)
def canonical(host: str) -> str:
    """The one text of an address (RFC 5952), without a zone; raises ValueError for a name."""
    return ip_address(host.partition("%")[0]).compressed


class Spell(NamedTuple):
    """A *path* that holds for *host* from *start* until *end*, on trio's clock."""

    host: str
    start: float
    end: float
    path: Path


class Faults:
    """The paths of all addresses: a default, one for each host, and spells that override both."""

    def __init__(self, default: Path = Path()) -> None:
        self.default = default
        self._paths: dict[str, Path] = {}
        self._spells: list[Spell] = []

    def __repr__(self) -> str:
        return f"<Faults paths={len(self._paths)} spells={len(self._spells)}>"

    def set(self, host: str, path: Path) -> None:
        """*path* is the one of *host*, in whatever spelling its address is given."""
        self._paths[canonical(host)] = path

    def during(self, host: str, path: Path, *, start: float, end: float) -> None:
        """Let *path* hold for *host* between two moments of trio's clock; later calls win."""
        self._spells.insert(0, Spell(canonical(host), start, end, path))

    def has_spells(self, host: str) -> bool:
        return any(spell.host == canonical(host) for spell in self._spells)

    def path(self, host: str, now: float) -> Path:
        host = canonical(host)
        for spell in self._spells:
            if spell.host == host and spell.start <= now < spell.end:
                return spell.path
        return self._paths.get(host, self.default)
