"""Random Internets from a seed: delegations of every kind, and servers with every fault.

What is drawn is weighted so that each kind of fault turns up in at least one world of twenty. The
same seed makes the same world, whatever the process. Names are short so that failures can be read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from resolver.lab.authority import Authority, Manners
from resolver.lab.faults import Path
from resolver.lab.signing import DAY, Nsec3
from resolver.lab.virtual_time import seeded
from resolver.lab.world import ROOT_SERVERS, World, with_root
from resolver.lab.zones import Zone, address, text
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.message import RRset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from resolver.protocol.names import Name

TLDS = ("alpha.", "beta.", "gamma.")
LABELS = ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "oak", "pine", "yew")
FAULTS = (
    "dead", "unreachable", "lossy", "slow", "refused", "servfail", "lame", "upward",
    "edns-formerr", "edns-dropped", "folds-case", "truncates", "forges", "wrong-id", "lies",
    "outage",
)  # fmt: skip
STRUCTURES = (
    "glueless", "delegation-loop", "cname-chain", "cname-loop", "dname", "wildcard",
    "parent-child", "stale-glue", "shared-server", "change", "big-answer",
    "signed", "nsec3", "bogus",
)  # fmt: skip
FAULTY_SHARE = 0.3
SIGNED_SHARE = 0.4
FLAWS = ("expired", "wrong-ds", "spoilt")
WALL = 1_785_000_000.0  # VirtualClock's beginning
LIE_TTL = 3600
FORGERY = "192.0.2.66"


class Change(NamedTuple):
    """In the end *owner*'s A record in *zone* is *rdata*, whether or not there was one."""

    zone: Zone
    owner: Name
    rdata: bytes


@dataclass(slots=True)
class Made:
    """A world, what is wrong with it, and what to ask in it."""

    seed: int
    world: World
    kinds: set[str] = field(default_factory=set)
    questions: list[tuple[Name, int]] = field(default_factory=list)
    broken: set[Name] = field(default_factory=set)  # signed zones whose chain of trust is cut
    changes: list[Change] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Made seed={self.seed} zones={len(self.world.zones)} kinds={sorted(self.kinds)}>"


def make(seed: int) -> Made:
    return _Maker(seed).make()


class _Maker:
    """Draws one world."""

    def __init__(self, seed: int) -> None:
        self._rng: Random = seeded("maker", seed)
        self._made = Made(seed, World())
        self._next_host = 0
        self._leaves: list[Zone] = []

    def make(self) -> Made:
        rng, world = self._rng, self._made.world
        with_root(world, [Path(rng.uniform(0.002, 0.1)) for _ in ROOT_SERVERS])
        tlds = [self._zone(tld) for tld in rng.sample(TLDS, 2)]
        for tld in tlds:
            self._serve_at_home(tld)
        apexes = rng.sample(LABELS, rng.randint(3, 5))
        self._leaves = [self._zone(f"{one}.{self._apex(rng.choice(tlds))}") for one in apexes]
        for one in rng.sample(self._leaves, rng.randint(0, 2)):
            self._leaves.append(self._zone(f"sub.{self._apex(one)}"))
        for zone in self._leaves:
            self._serve(zone)
        for zone in self._leaves:
            self._fill(zone)
        for zone in (*tlds, *self._leaves):
            world.delegate(zone)
        self._disagree()
        self._spoil()
        if rng.random() < SIGNED_SHARE:
            self._sign(tlds)
        self._change()
        self._ask()
        return self._made

    # --- signatures ------------------------------------------------------------------------

    def _sign(self, tlds: list[Zone]) -> None:
        """Sign the root and most zones below it; break the chain of trust to one now and then."""
        rng, world = self._rng, self._made.world
        leaves = sorted(self._leaves, key=lambda zone: -names.count(zone.apex))
        for zone in (*leaves, *tlds):
            if rng.random() < (0.6 if zone in leaves else 0.9):
                self._sign_one(zone, may_break=zone in leaves)
        world.sign(world.zones[names.ROOT], wall=WALL)
        self._made.kinds.add("signed")

    def _sign_one(self, zone: Zone, *, may_break: bool) -> None:
        rng, made = self._rng, self._made
        nsec3 = None
        if rng.random() < 0.4:
            salt = rng.randbytes(rng.choice((0, 4)))
            nsec3 = Nsec3(rng.choice((0, 0, 5)), salt, opt_out=rng.random() < 0.3)
            made.kinds.add("nsec3")
        flaw = rng.choice(FLAWS) if may_break and rng.random() < 0.15 else ""
        wall = WALL - 60 * DAY if flaw == "expired" else WALL
        spoils = frozenset({RRType.A}) if flaw == "spoilt" else frozenset[int]()
        made.world.sign(zone, wall=wall, nsec3=nsec3, spoils=spoils)
        if flaw:
            made.kinds.add("bogus")
        if flaw in {"expired", "wrong-ds"}:
            made.broken.add(zone.apex)
        if flaw == "wrong-ds":
            ds = made.world.parent_of(zone.apex).data[zone.apex]
            rdata = ds[RRType.DS].rdatas[0]
            ds[RRType.DS] = ds[RRType.DS]._replace(rdatas=(rdata[:-1] + bytes([rdata[-1] ^ 1]),))

    # --- zones and servers -----------------------------------------------------------------

    @staticmethod
    def _apex(zone: Zone) -> str:
        return names.to_text(zone.apex)

    def _zone(self, apex: str) -> Zone:
        return self._made.world.zone(apex, ttl=self._rng.choice((60, 300, 3600)))

    def _hosts(self) -> list[str]:
        """Fresh addresses of one nameserver: IPv4, IPv6 or both."""
        self._next_host += 1
        number = self._next_host
        pair = [f"198.18.{number >> 7}.{(number & 127) + 1}", f"2001:db8:{number:x}::53"]
        return self._rng.choice((pair[:1], pair[:1], pair, pair[1:]))

    def _path(self) -> Path:
        return Path(self._rng.uniform(0.002, 0.12), jitter_s=self._rng.choice((0.0, 0.01)))

    def _serve_at_home(self, zone: Zone) -> None:
        for number in range(self._rng.randint(1, 3)):
            self._made.world.serve(zone, f"ns{number}", *self._hosts(), path=self._path())

    def _serve(self, zone: Zone) -> None:
        """At home with glue, at a neighbour's without, or on the neighbour's server."""
        rng, world = self._rng, self._made.world
        others = [one for one in self._leaves if one is not zone]
        for number in range(rng.choice((1, 2, 2, 3))):
            style = rng.random()
            if style < 0.6 or not others:
                world.serve(zone, f"ns{number}", *self._hosts(), path=self._path())
                continue
            home = rng.choice(others)
            target = f"ns-{names.labels(zone.apex)[0].decode()}{number}.{self._apex(home)}"
            self._made.kinds.add("glueless")
            hosts = [*self._hosts()]
            served = [host for host, one in world.servers.items() if home.apex in one.zones]
            if served and rng.random() < 0.4:
                hosts = [rng.choice(served)]
                self._made.kinds.add("shared-server")
                world.serve(zone, target, *hosts)
            else:
                world.serve(zone, target, *hosts, path=self._path())

    # --- data ------------------------------------------------------------------------------

    def _address(self) -> str:
        return f"203.0.113.{self._rng.randint(1, 254)}"

    def _fill(self, zone: Zone) -> None:
        rng, kinds = self._rng, self._made.kinds
        zone.add_address("www", *{self._address() for _ in range(rng.randint(1, 3))})
        zone.add_address("@", self._address(), ttl=rng.choice((0, 30, 600)))
        if rng.random() < 0.5:
            zone.add_address("www", f"2001:db8:ffff::{rng.randint(1, 9999):x}")
        zone.add("@", RRType.MX, b"\0\x0a" + zone.name("www"))
        zone.add_address("host.deep", self._address())
        if rng.random() < 0.4:
            zone.add_address("*.wild", self._address())
            kinds.add("wildcard")
        if rng.random() < 0.3:
            for number in range(40):
                zone.add("big", RRType.TXT, text(f"{number:050}"))
            kinds.add("big-answer")
        self._alias(zone)

    def _alias(self, zone: Zone) -> None:
        """Aliases into other zones: chains that end, and now and then one that does not."""
        rng, kinds = self._rng, self._made.kinds
        other = rng.choice(self._leaves)
        zone.add("alias", RRType.CNAME, other.name("www"))
        if rng.random() < 0.5:
            third = rng.choice(self._leaves)
            zone.add("far", RRType.CNAME, third.name("alias"))
            kinds.add("cname-chain")
        if rng.random() < 0.1:
            zone.add("loop", RRType.CNAME, other.name("back" if other is not zone else "loop"))
            if other is not zone and other.get(other.name("back"), RRType.CNAME) is None:
                other.add("back", RRType.CNAME, zone.name("loop"))
            kinds.add("cname-loop")
        if rng.random() < 0.3 and other is not zone:
            zone.add("moved", RRType.DNAME, other.apex)
            kinds.add("dname")

    # --- trouble ---------------------------------------------------------------------------

    def _disagree(self) -> None:
        """A parent that lists one nameserver too many, long gone; a child that lists a new one."""
        rng, world = self._rng, self._made.world
        for zone in self._leaves:
            if rng.random() >= 0.12:
                continue
            parent = world.parent_of(zone.apex)
            [host] = self._hosts()[:1]
            gone = zone.name("gone")
            parent.add(zone.apex, RRType.NS, gone)
            parent.add_address(gone, host)
            world.servers[host] = Authority()  # answers, but has no zone any more
            world.faults.set(host, self._path())
            world.serve(zone, "new", *self._hosts(), path=self._path())
            self._made.kinds.add("parent-child")
        self._leave_glue_behind()
        if rng.random() < 0.1 and len(self._leaves) > 1:
            self._knot(*rng.sample(self._leaves, 2))

    def _leave_glue_behind(self) -> None:
        """A parent's glue that names an address more than the child does; nobody serves there."""
        rng, world = self._rng, self._made.world
        for zone in self._leaves:
            parent = world.parent_of(zone.apex)
            target = zone.name("ns0")
            if rng.random() < 0.2 and parent.get(target, RRType.A) is not None:
                self._next_host += 1
                host = f"198.18.{self._next_host >> 7}.{(self._next_host & 127) + 1}"
                parent.add_address(target, host)
                world.servers[host] = Authority()
                world.faults.set(host, self._path())
                self._made.questions.append((target, RRType.A))
                self._made.kinds.add("stale-glue")

    def _knot(self, first: Zone, second: Zone) -> None:
        """Two more delegations, each served only from inside the other: nobody gets there."""
        world = self._made.world
        for label, (here, there) in (("knot1", (first, second)), ("knot2", (second, first))):
            other = "knot2" if label == "knot1" else "knot1"
            target = names.from_text(f"ns.{other}.{self._apex(there)}")
            here.add(label, RRType.NS, target)
            knotted = names.from_text(f"{label}.{self._apex(here)}")
            world.zones[knotted] = Zone(knotted)
            world.zones[knotted].add_address("www", self._address())
            self._made.questions.append((world.zones[knotted].name("www"), RRType.A))
        self._made.kinds.add("delegation-loop")

    def _spoil(self) -> None:
        rng, world = self._rng, self._made.world
        roots = {host for hosts in ROOT_SERVERS.values() for host in hosts}
        for host in sorted(world.servers):
            if rng.random() >= FAULTY_SHARE or (host in roots and rng.random() < 0.7):
                continue
            kind = rng.choice(FAULTS)
            if self._inflict(host, kind):
                self._made.kinds.add(kind)

    def _inflict(self, host: str, kind: str) -> bool:
        rng, world = self._rng, self._made.world
        faults, authority = world.faults, world.servers[host]
        path = faults.path(host, 0.0)
        ways = {
            "dead": Path(dead=True),
            "unreachable": Path(path.delay_s, unreachable=True),
            "lossy": Path(path.delay_s, loss=rng.uniform(0.05, 0.3)),
            "slow": Path(rng.uniform(0.2, 0.5)),
        }
        manners = {
            "refused": Manners(rcode=Rcode.REFUSED),
            "servfail": Manners(rcode=Rcode.SERVFAIL),
            "lame": Manners(is_lame=True),
            "upward": Manners(upward=True),
            "edns-formerr": Manners(edns="formerr"),
            "edns-dropped": Manners(edns="drop"),
            "folds-case": Manners(folds_case=True),
            "truncates": Manners(truncates=True),
            "forges": Manners(forges=True),
            "wrong-id": Manners(wrong_id=True),
        }
        if kind in ways:
            faults.set(host, ways[kind])
        elif kind in manners:
            authority.manners = manners[kind]
            if kind == "upward":
                authority.zones = {}
        elif kind == "outage":
            start = rng.uniform(0, 30)
            faults.during(host, Path(dead=True), start=start, end=start + rng.uniform(5, 60))
        else:
            lies = self._lies(authority)
            authority.manners = Manners(lies=lies, talks=True)
            return bool(lies)
        return True

    def _lies(self, authority: Authority) -> tuple[RRset, ...]:
        """Records about zones that the server has nothing to do with (Kaminsky's, MaginotDNS's)."""
        world = self._made.world
        victims = [
            zone
            for zone in self._leaves
            if not any(names.is_subdomain(zone.apex, apex) for apex in authority.zones)
        ]
        if not victims:
            return ()
        rtype, rdata = address(FORGERY)
        lies = []
        for victim in victims[:3]:
            www = victim.name("www")
            nameserver = victim.data[victim.apex][RRType.NS].rdatas[0]
            lies.append(RRset(www, rtype, LIE_TTL, (rdata,)))
            home = world.zone_above(nameserver)
            inside = home is not None and any(
                names.is_subdomain(nameserver, apex) for apex in authority.zones
            )
            if not inside:
                lies.append(RRset(nameserver, rtype, LIE_TTL, (rdata,)))
            lies.append(RRset(victim.apex, RRType.NS, LIE_TTL, (names.from_text("ns.evil."),)))
        return tuple(lies)

    def _change(self) -> None:
        if self._rng.random() < 0.3:
            zone = self._rng.choice(self._leaves)
            for label in ("www", "no"):
                rdata = address(self._address())[1]
                self._made.changes.append(Change(zone, zone.name(label), rdata))
                self._made.questions.append((zone.name(label), RRType.A))
            self._made.kinds.add("change")

    # --- questions -------------------------------------------------------------------------

    def _ask(self) -> None:
        rng = self._rng
        for _ in range(rng.randint(5, 8)):
            zone = rng.choice(self._leaves)
            label, rtype = rng.choice(_ASKED)
            self._made.questions.append((zone.name(label), rtype))
        loops = [
            owner
            for zone in self._leaves
            for owner in zone.data
            if names.labels(owner)[:1] in ((b"loop",), (b"back",))
        ]
        self._made.questions += [(owner, RRType.A) for owner in loops[:2]]
        rng.shuffle(self._made.questions)


_ASKED: Sequence[tuple[str, int]] = (
    ("www", RRType.A), ("www", RRType.A), ("www", RRType.AAAA), ("@", RRType.A), ("@", RRType.MX),
    ("@", RRType.NS), ("alias", RRType.A), ("far", RRType.A), ("far", RRType.AAAA),
    ("no", RRType.A), ("host.deep", RRType.A), ("deep", RRType.A), ("x.wild", RRType.A),
    ("x.wild", RRType.MX), ("big", RRType.TXT), ("www.moved", RRType.A), ("www", RRType.TXT),
)  # fmt: skip
