"""The world to resolve in: zones, name servers, addresses and round-trip times, all from one seed.

The standard world has 13 roots, 20 TLDs on 6 registry platforms, 14 DNS operators with 4 name
servers each, and 500 leaf zones: 55 % hosted by an operator (mostly glueless), the rest on 2-3
name servers of their own with glue. Every name server has one IPv4 and one IPv6 address, each in
a prefix of its own.
"""

import dataclasses
import enum
import math
import random
from collections.abc import Callable, Iterator

ROOTS = 13
PLATFORMS = 6
TLDS = (
    *("com", "net", "org", "info", "biz", "io", "co", "dev", "uk", "fr"),
    *("de", "nl", "se", "jp", "br", "in", "au", "ca", "ch", "pl"),
)
OPERATORS = 14
OPERATOR_SERVERS = 4
LEAVES = 500
OPERATOR_HOSTED = 0.55
SIGNED_LEAVES = 0.6
ROUNDS = 5  # names asked for in each leaf zone: one cold, the others warm
TTL_S = 3600
RTT_MS = (5.0, 250.0)
V6_OVER_V4 = (0.9, 1.25)
REGIONS = 3


class Kind(enum.Enum):
    """What a set of name servers serves."""

    ROOT = "root"
    REGISTRY = "registry"
    OPERATOR = "operator"
    SELF = "self"


@dataclasses.dataclass(frozen=True, slots=True)
class Nameserver:
    """One NS name, with its two addresses and what a round trip to each takes."""

    name: str
    v4: str
    v6: str
    rtt4_ms: float
    rtt6_ms: float
    region: int

    def addresses(self) -> tuple[tuple[str, float], tuple[str, float]]:
        """Address and undisturbed round-trip time, both families."""
        return (self.v4, self.rtt4_ms), (self.v6, self.rtt6_ms)


@dataclasses.dataclass(frozen=True, slots=True)
class ServerSet:
    """Name servers that serve the same zones."""

    kind: Kind
    nameservers: tuple[Nameserver, ...]

    def addresses(self) -> Iterator[tuple[str, float]]:
        """Every address of the set with its round-trip time."""
        for nameserver in self.nameservers:
            yield from nameserver.addresses()


@dataclasses.dataclass(frozen=True, slots=True)
class Zone:
    """A zone; *servers* is an index into the world's sets; *hosts* are a leaf's names."""

    name: str
    servers: int
    is_signed: bool
    hosts: dict[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Lookup:
    """A question of the client: the A record of *qname*, which is *expected*."""

    qname: str
    expected: str
    zone: str


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """All of it. `zones` is keyed by name; the root's name is empty."""

    name: str
    seed: int
    is_signed: bool
    sets: list[ServerSet]
    zones: dict[str, Zone]
    leaves: list[str]

    def set_of(self, zone: str) -> ServerSet:
        """Who serves *zone*."""
        return self.sets[self.zones[zone].servers]

    def parent_of(self, zone: str) -> str:
        """The zone that delegates *zone*: every zone is a TLD or right below one."""
        return zone.partition(".")[2]

    def lookups(self, rng: random.Random, count: int, *, first_round: int) -> list[Lookup]:
        """*count* new names: each round asks every leaf zone once, in an order of its own."""
        found: list[Lookup] = []
        for index in range(first_round, ROUNDS):
            for leaf in rng.sample(self.leaves, len(self.leaves)):
                qname = f"h{index}.{leaf}"
                found.append(Lookup(qname, self.zones[leaf].hosts[qname], leaf))
        return found[:count]


RttModel = Callable[[random.Random, Kind], float]


def log_uniform_rtt(rng: random.Random, _kind: Kind) -> float:
    """Milliseconds, as many between 5 and 10 as between 125 and 250."""
    low, high = RTT_MS
    return math.exp(rng.uniform(math.log(low), math.log(high)))


class _Builder:
    """Hands out addresses, one /24 and one /48 per name server, in the order of building."""

    def __init__(self, seed: int, *, is_signed: bool, rtt: RttModel) -> None:
        self.rng = random.Random(seed)
        self._rtt = rtt
        self._prefixes = 0
        self._is_signed = is_signed
        self.sets: list[ServerSet] = []
        self.zones: dict[str, Zone] = {}

    def add_set(self, kind: Kind, names: list[str]) -> int:
        nameservers: list[Nameserver] = []
        first_region = self.rng.randrange(REGIONS)
        for index, name in enumerate(names):
            number = self._prefixes
            self._prefixes += 1
            rtt_ms = self._rtt(self.rng, kind)
            nameservers.append(
                Nameserver(
                    name,
                    f"185.{number >> 8}.{number & 255}.53",
                    f"2a10:{number + 1:x}::53",
                    rtt_ms,
                    rtt_ms * self.rng.uniform(*V6_OVER_V4),
                    (first_region + index) % REGIONS,
                )
            )
        self.sets.append(ServerSet(kind, tuple(nameservers)))
        return len(self.sets) - 1

    def add_zone(self, name: str, servers: int, *, share_signed: float = 1.0) -> None:
        signed = self._is_signed and self.rng.random() < share_signed
        self.zones[name] = Zone(name, servers, signed, {})

    def add_leaf(self, name: str, servers: int) -> None:
        self.add_zone(name, servers, share_signed=SIGNED_LEAVES)
        number = self.rng.getrandbits(20)
        for index in range(ROUNDS):
            address = (
                f"151.{number >> 12 & 127}.{number >> 4 & 255}.{(number & 15) * 8 + index + 1}"
            )
            self.zones[name].hosts[f"h{index}.{name}"] = address

    def add_operators(self, count: int, label: str) -> list[int]:
        """Operators with glue: each serves its own domain from name servers inside it."""
        operators: list[int] = []
        for index in range(count):
            domain = f"{label}{index}.{self.rng.choice(TLDS)}"
            names = [f"ns{n + 1}.{domain}" for n in range(OPERATOR_SERVERS)]
            operators.append(self.add_set(Kind.OPERATOR, names))
            self.add_zone(domain, operators[-1])
        return operators

    def add_glueless(self, hosts: list[int], label: str) -> list[int]:
        """Operators whose domains are served by the sets *hosts*: no glue for their names."""
        operators: list[int] = []
        for index, host in enumerate(hosts):
            domain = f"{label}{index}.{self.rng.choice(TLDS)}"
            names = [f"ns{n + 1}.{domain}" for n in range(OPERATOR_SERVERS)]
            operators.append(self.add_set(Kind.OPERATOR, names))
            self.add_zone(domain, host)
        return operators

    def add_top(self) -> None:
        roots = self.add_set(Kind.ROOT, [f"{chr(97 + n)}.root-servers.net" for n in range(ROOTS)])
        self.add_zone("", roots)
        self.add_zone("root-servers.net", roots)
        for platform in range(PLATFORMS):
            tlds = TLDS[platform::PLATFORMS]
            domain = f"registry{platform}.{tlds[0]}"
            count = self.rng.choice((4, 4, 5, 6))
            servers = self.add_set(Kind.REGISTRY, [f"{chr(97 + n)}.{domain}" for n in range(count)])
            for tld in tlds:
                self.add_zone(tld, servers)
            self.add_zone(domain, servers)

    def world(self, name: str, seed: int) -> World:
        leaves = [zone for zone, content in self.zones.items() if content.hosts]
        return World(name, seed, self._is_signed, self.sets, self.zones, leaves)


def standard_world(seed: int, *, rtt: RttModel = log_uniform_rtt, is_signed: bool = False) -> World:
    """The standard world, with other round-trip times or signed if wanted."""
    builder = _Builder(seed, is_signed=is_signed, rtt=rtt)
    builder.add_top()
    operators = builder.add_operators(OPERATORS, "operator")
    for index in range(LEAVES):
        name = f"z{index}.{builder.rng.choice(TLDS)}"
        if builder.rng.random() < OPERATOR_HOSTED:
            builder.add_leaf(name, builder.rng.choice(operators))
        else:
            count = builder.rng.choice((2, 3))
            names = [f"ns{n + 1}.{name}" for n in range(count)]
            builder.add_leaf(name, builder.add_set(Kind.SELF, names))
    kind = "w1" if rtt is log_uniform_rtt else "city"
    return builder.world(f"{kind}-signed" if is_signed else kind, seed)


def deep_world(seed: int, *, rtt: RttModel = log_uniform_rtt) -> World:
    """Leaves on servers named in zones whose servers are named in zones of an operator."""
    builder = _Builder(seed, is_signed=False, rtt=rtt)
    builder.add_top()
    operators = builder.add_operators(OPERATORS, "operator")
    middle = builder.add_glueless(operators, "middle")
    deep = builder.add_glueless(middle, "deep")
    for index in range(LEAVES):
        builder.add_leaf(f"z{index}.{builder.rng.choice(TLDS)}", builder.rng.choice(deep))
    return builder.world("deep3", seed)
