"""A world: zones, the servers that hold them, how they behave, and the ways to their addresses.

The same description runs in virtual time (`World.network` under `virtual_time.run`) and under the
real clock (`resolver serve --lab`, which serves `demo`). `truth` is the oracle: what a question's
answer is when nothing goes wrong, worked out from the zones alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resolver.lab.authority import Authority, Manners
from resolver.lab.faults import Faults, Path, canonical
from resolver.lab.signing import Nsec3, Signer
from resolver.lab.virtual_network import VirtualNetwork
from resolver.lab.virtual_time import seeded
from resolver.lab.zones import Zone
from resolver.model import Server
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resolver.config.schema import Config
    from resolver.protocol.message import RRset
    from resolver.protocol.names import Name

MAX_CHAIN = 32
ROOT_SERVERS = {
    "a.root-servers.net.": ("198.41.0.4", "2001:503:ba3e::2:30"),
    "b.root-servers.net.": ("170.247.170.2", "2801:1b8:10::b"),
    "k.root-servers.net.": ("193.0.14.129", "2001:7fd::1"),
}


class Truth(NamedTuple):
    """The right answer: rcode, and the records in chain order."""

    rcode: int
    answer: tuple[RRset, ...]


@dataclass(slots=True)
class World:
    """Zones by apex, servers by address. *anchors* are trust anchors in presentation form."""

    zones: dict[Name, Zone] = field(default_factory=dict)
    servers: dict[str, Authority] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    anchors: list[str] = field(default_factory=list)

    # --- building --------------------------------------------------------------------------

    def zone(self, apex: str, **options: int) -> Zone:
        """A new zone, its own NS records still to come (`serve`)."""
        made = Zone(apex, **options)
        self.zones[made.apex] = made
        return made

    def serve(
        self,
        zone: Zone,
        nameserver: str,
        *hosts: str,
        manners: Manners | None = None,
        path: Path | None = None,
    ) -> None:
        """Add one nameserver to *zone*, at *hosts*: NS, addresses in whose zone they are, and glue.

        The parent's copy is made by `delegate`. A host that serves already gets one zone more.
        """
        target = zone.name(nameserver)
        zone.add(zone.apex, RRType.NS, target)
        for host in map(canonical, hosts):
            home = self.zone_above(target)
            if home is not None and not self._has_address(home, target, host):
                home.add_address(target, host)
            authority = self.servers.setdefault(host, Authority())
            authority.zones[zone.apex] = zone
            if manners is not None:
                authority.manners = manners
            if path is not None:
                self.faults.set(host, path)

    @staticmethod
    def _has_address(home: Zone, target: Name, host: str) -> bool:
        sets = home.data.get(target, {}).values()
        shown = Server(host).host
        return any(_shows(rrset, shown) for rrset in sets)

    def delegate(self, zone: Zone, *, glue: bool = True) -> None:
        """Put *zone*'s NS records into its parent, with glue for names at or below the cut."""
        parent = self.parent_of(zone.apex)
        for target in zone.data[zone.apex][RRType.NS].rdatas:
            parent.add(zone.apex, RRType.NS, target)
            if glue and names.is_subdomain(target, zone.apex):
                home = self.zone_above(target) or zone
                for rtype in (RRType.A, RRType.AAAA):
                    rrset = home.get(target, rtype)
                    if rrset is not None and parent.get(target, rtype) is None:
                        parent.add(target, rtype, *rrset.rdatas)

    def sign(
        self,
        zone: Zone,
        *,
        wall: float,
        nsec3: Nsec3 | None = None,
        spoils: frozenset[int] = frozenset(),
    ) -> None:
        """Sign a finished zone, children first; its DS goes into the parent, if signed later."""
        zone.signer = Signer(zone, wall=wall, nsec3=nsec3, spoils=spoils)
        if zone.apex == names.ROOT:
            self.anchors.append(zone.signer.anchor())
        else:
            self.parent_of(zone.apex).add(zone.apex, RRType.DS, zone.signer.ds())

    def parent_of(self, apex: Name) -> Zone:
        found = self.zone_above(names.parent(apex))
        if found is None:
            raise ValueError(f"no zone above {names.to_text(apex)}")
        return found

    def zone_above(self, name: Name) -> Zone | None:
        """The deepest zone at or above *name*."""
        for ancestor in names.ancestors(name):
            if ancestor in self.zones:
                return self.zones[ancestor]
        return None

    # --- running ---------------------------------------------------------------------------

    def network(
        self, *, seed: object = 0, sources: tuple[str, ...] | None = None
    ) -> VirtualNetwork:
        options = {} if sources is None else {"sources": sources}
        made = VirtualNetwork(rng=seeded("world", seed), faults=self.faults, **options)
        for host, authority in self.servers.items():
            made.attach(host, authority)
        return made

    def configure(self, config: Config, directory: str | FilePath) -> Config:
        """*config* with the world's root hints and trust anchors, as files in *directory*."""
        hints, anchors = FilePath(directory) / "root.hints", FilePath(directory) / "anchors"
        hints.write_text(hints_text())
        anchors.write_text("".join(f"{anchor}\n" for anchor in self.anchors))
        dnssec = msgspec.structs.replace(
            config.dnssec,
            builtin_root_anchor=False,
            validate=config.dnssec.validate and bool(self.anchors),
            trust_anchors_file=str(anchors) if self.anchors else "",
        )
        root = msgspec.structs.replace(config.root, hints_file=str(hints))
        return msgspec.structs.replace(config, root=root, dnssec=dnssec)

    # --- the oracle ------------------------------------------------------------------------

    def truth(self, qname: Name, qtype: int) -> Truth | None:
        """The right answer to a question; None where aliases never end."""
        answer: list[RRset] = []
        name = qname
        for _ in range(MAX_CHAIN):
            zone = self._zone_for(name, qtype)
            found = zone.lookup(name, qtype)
            answer += found.answer
            if found.leaves_to is None:
                return (
                    None if _loops(answer, qtype, found.rcode) else Truth(found.rcode, (*answer,))
                )
            name = found.leaves_to
        return None

    def _zone_for(self, name: Name, qtype: int) -> Zone:
        if qtype == RRType.DS and name in self.zones and name != names.ROOT:
            return self.parent_of(name)
        zone = self.zone_above(name)
        if zone is None:
            raise ValueError("a world needs a root zone")
        return zone


def _shows(rrset: RRset, host: str) -> bool:
    from ipaddress import ip_address  # noqa: PLC0415

    return rrset.rtype in {RRType.A, RRType.AAAA} and ip_address(host).packed in rrset.rdatas


def _loops(answer: list[RRset], qtype: int, rcode: int) -> bool:
    """True if the chain came back to a name it had been at."""
    if rcode != Rcode.NOERROR or not answer or answer[-1].rtype != RRType.CNAME:
        return False
    target = answer[-1].rdatas[0]
    return qtype != RRType.CNAME and any(rrset.owner == target for rrset in answer)


def hints_text() -> str:
    """Root hints of every world, in zone file form."""
    lines = []
    for name, hosts in ROOT_SERVERS.items():
        lines.append(f". 3600000 NS {name}")
        lines += [f"{name} 3600000 {'AAAA' if ':' in host else 'A'} {host}" for host in hosts]
    return "\n".join(lines) + "\n"


def root_hints() -> list[Server]:
    return [
        Server(host, nameserver=names.from_text(name))
        for name, hosts in ROOT_SERVERS.items()
        for host in hosts
    ]


def with_root(world: World, paths: Iterable[Path] = ()) -> Zone:
    """The root zone at the addresses of the hints, and root-servers.net to name them."""
    root = world.zone(".", ttl=518_400)
    names_zone = world.zone("root-servers.net.", ttl=3_600_000)
    net = world.zone("net.")
    ways = list(paths) or [Path(0.005), Path(0.04), Path(0.015)]
    for at, (name, hosts) in enumerate(ROOT_SERVERS.items()):
        world.serve(root, name, *hosts, path=ways[at % len(ways)])
        world.serve(names_zone, name, *hosts)
        root.add_address(name, *hosts)
        net.add_address(name, *hosts)
    world.serve(net, "a.gtld-servers.net.", "192.5.6.30", "2001:503:a83e::2:30", path=Path(0.012))
    for zone in (net, names_zone):
        world.delegate(zone)
    return root
