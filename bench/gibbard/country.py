"""A situation as a lab world: zones of three levels, names to ask, and the cut.

Below each TLD there are zones hosted at home and zones hosted abroad, of as many names as the
phases of a story ask. Zones share their hosts' servers, as customers of one company do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resolver.lab.faults import Path
from resolver.lab.world import World
from resolver.lab.zones import address
from resolver.protocol import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.gibbard.situations import Site, Situation
    from resolver.lab.zones import Zone

DELEGATION_TTL_S = 172_800  # what the root zone has, and com
ANSWER_TTL_S = 300
KNOWN_ZONES = 6  # of each TLD and hosting
NEW_ZONES = NEW_HOSTS = 2  # of the same, in each phase
JITTER = 0.02
WHOLE_CUT = Path(dead=True)


class Asked(NamedTuple):
    """A name to ask. *batch* 0: asked before the cut; else new in that phase."""

    qname: str
    zone: str
    tld: str
    is_home: bool
    batch: int
    expected: str


class Country:
    """The world of *situation*, for *batches* phases; *signed_at*: Unix time of its signatures."""

    def __init__(
        self, situation: Situation, batches: int, *, signed_at: float | None = None
    ) -> None:
        self.situation = situation
        self.world = World()
        self.names: list[Asked] = []
        self.hints = ""
        self._placed = 0
        self._paths: list[tuple[str, Site]] = []
        self._root = self.world.zone(".", ttl=DELEGATION_TTL_S)
        for number, site in enumerate(situation.roots):
            name = f"{chr(ord('a') + number)}.root-servers."
            hosts = self._place(site)
            self.world.serve(self._root, name, *hosts)
            self.hints += f". 3600000 NS {name}\n" + "".join(
                f"{name} 3600000 {'AAAA' if ':' in host else 'A'} {host}\n" for host in hosts
            )
        self._hosting = {
            is_home: [self._place(site) for site in sites]
            for is_home, sites in ((True, situation.home), (False, situation.abroad))
        }
        for tld in situation.tlds:
            self._build_tld(tld.label, tld.sites, batches)
        if signed_at is not None:
            for zone in reversed(self.world.zones.values()):  # those below first
                self.world.sign(zone, wall=signed_at)
        self.heal()

    def __repr__(self) -> str:
        return f"<Country {self.situation.key} names={len(self.names)}>"

    def cut(self) -> None:
        """What the failure takes swallows every packet from now on."""
        for host, site in self._paths:
            if site.fails:
                self.world.faults.set(host, WHOLE_CUT)

    def spared(self) -> list[str]:
        """The addresses that the failure leaves alone, as prefixes."""
        return [host for host, site in self._paths if not site.fails]

    def heal(self) -> None:
        for host, site in self._paths:
            one_way_s = site.rtt_ms / 2000
            self.world.faults.set(host, Path(one_way_s, jitter_s=JITTER * one_way_s))

    def _place(self, site: Site) -> tuple[str, str]:
        """Two addresses in prefixes of their own."""
        self._placed += 1
        hosts = (f"198.18.{self._placed}.53", f"2001:db8:{self._placed:x}::53")
        self._paths += [(host, site) for host in hosts]
        return hosts

    def _build_tld(self, label: str, sites: tuple[Site, ...], batches: int) -> None:
        tld = self.world.zone(f"{label}.", ttl=DELEGATION_TTL_S)
        for number, site in enumerate(sites):
            self.world.serve(tld, f"ns{number}.nic.{label}.", *self._place(site))
        self.world.delegate(tld)
        for is_home in (True, False):
            for number in range(KNOWN_ZONES):
                zone = self._build_zone(f"known{number}", label, is_home=is_home)
                self._add_name("www", zone, label, is_home=is_home, batch=0)
                if number < NEW_HOSTS:
                    for batch in range(1, batches + 1):
                        self._add_name(f"new{batch}", zone, label, is_home=is_home, batch=batch)
            for batch, number in _pairs(batches):
                zone = self._build_zone(f"new{batch}-{number}", label, is_home=is_home)
                self._add_name("www", zone, label, is_home=is_home, batch=batch)

    def _build_zone(self, label: str, tld: str, *, is_home: bool) -> Zone:
        apex = f"{label}-{'home' if is_home else 'abroad'}.{tld}."
        zone = self.world.zone(apex, ttl=DELEGATION_TTL_S)
        for number, hosts in enumerate(self._hosting[is_home]):
            self.world.serve(zone, f"ns{number}", *hosts)
        self.world.delegate(zone)
        return zone

    def _add_name(self, label: str, zone: Zone, tld: str, *, is_home: bool, batch: int) -> None:
        number = len(self.names)
        expected = f"203.0.{number >> 8}.{number & 255}"
        zone.add(label, *address(expected), ttl=ANSWER_TTL_S)
        apex = names.to_text(zone.apex)
        self.names.append(Asked(f"{label}.{apex}", apex, tld, is_home, batch, expected))


def _pairs(batches: int) -> Iterator[tuple[int, int]]:
    return ((batch, number) for batch in range(1, batches + 1) for number in range(NEW_ZONES))
