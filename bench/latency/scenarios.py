"""What goes wrong, where and when: changes of the paths, in seconds from the start of a phase.

A path is what wanem does to one address. The undisturbed paths come from the world; a scenario
states what is different from the beginning, and what changes during the warm phase.
"""

import dataclasses
import enum
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping

from bench.latency.latency_world import Kind, Nameserver, ServerSet, World

JITTER_SHARE = 0.03  # of the round trip, mean of an exponential, both ways together
JITTER_MS = 0.4
SLOW_MS = 1000.0
GEO_MS, GEO_LOSS = 560.0, 0.005
SHIFT = 8.0
FLAP_S = 10.0


class State(enum.Enum):
    """Of an address."""

    UP = "up"
    DEAD = "dead"
    UNREACHABLE = "unreach"  # ICMP: no route
    REJECTED = "reject"  # ICMP: administratively prohibited


@dataclasses.dataclass(frozen=True, slots=True)
class Path:
    """To one address and back; *loss* is the chance that an exchange loses a packet."""

    rtt_ms: float
    loss: float = 0.0
    state: State = State.UP

    @property
    def jitter_ms(self) -> float:
        """Mean of the exponential that each direction adds."""
        return (JITTER_SHARE * self.rtt_ms + JITTER_MS) / 2

    def line(self, address: str) -> str:
        """As wanem reads it: microseconds, loss per direction."""
        each_way = 1 - math.sqrt(1 - self.loss)
        rtt, jitter = round(self.rtt_ms * 1000), round(self.jitter_ms * 1000)
        return f"{address} {rtt} {jitter} {each_way:.6f} {self.state.value}\n"


Paths = dict[str, Path]


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """From *at_s* after the start of *phase* on, these paths are as given."""

    phase: str
    at_s: float
    paths: Paths


@dataclasses.dataclass(frozen=True, slots=True)
class Faults:
    """A scenario applied to a world."""

    start: Paths
    changes: tuple[Change, ...] = ()


Apply = Callable[[World, random.Random, Mapping[str, float]], Faults]


@dataclasses.dataclass(frozen=True, slots=True)
class Scenario:
    """A name, what it does, and which world it wants (None: that of the command line)."""

    name: str
    apply: Apply
    world: str | None = None
    truncate: bool = False
    retransmit_s: tuple[float, ...] = ()


def undisturbed(world: World) -> Paths:
    """Every address of the world, all well."""
    return {
        address: Path(rtt_ms) for servers in world.sets for address, rtt_ms in servers.addresses()
    }


def _with_state(paths: Paths, addresses: Iterable[str], state: State) -> Paths:
    return {address: dataclasses.replace(paths[address], state=state) for address in addresses}


def _both(nameservers: Iterable[Nameserver]) -> Iterator[str]:
    for nameserver in nameservers:
        yield nameserver.v4
        yield nameserver.v6


def _one_each(world: World, rng: random.Random) -> list[Nameserver]:
    return [rng.choice(servers.nameservers) for servers in world.sets]


def healthy(world: World, _rng: random.Random, _phases: Mapping[str, float]) -> Faults:
    """Nothing goes wrong."""
    return Faults(undisturbed(world))


def one_dead(world: World, rng: random.Random, _phases: Mapping[str, float]) -> Faults:
    """One name server of every set, root and registries included, is silent on both families."""
    paths = undisturbed(world)
    return Faults(paths | _with_state(paths, _both(_one_each(world, rng)), State.DEAD))


def losing(loss: float) -> Apply:
    """Every exchange loses its question or its answer with this chance."""

    def apply(world: World, _rng: random.Random, _phases: Mapping[str, float]) -> Faults:
        paths = undisturbed(world)
        return Faults({a: dataclasses.replace(path, loss=loss) for a, path in paths.items()})

    return apply


def without_v6(state: State) -> Apply:
    """No IPv6 packet arrives anywhere: in silence, or with an ICMP error from the first router."""

    def apply(world: World, _rng: random.Random, _phases: Mapping[str, float]) -> Faults:
        paths = undisturbed(world)
        return Faults(paths | _with_state(paths, (a for a in paths if ":" in a), state))

    return apply


def one_slow(world: World, rng: random.Random, _phases: Mapping[str, float]) -> Faults:
    """One name server of every set takes a second longer."""
    paths = undisturbed(world)
    for address in _both(_one_each(world, rng)):
        paths[address] = Path(paths[address].rtt_ms + SLOW_MS)
    return Faults(paths)


def by_satellite(world: World, _rng: random.Random, _phases: Mapping[str, float]) -> Faults:
    """Every round trip goes by a GEO satellite, which loses one exchange in 200."""
    paths = undisturbed(world)
    return Faults({a: Path(path.rtt_ms + GEO_MS, GEO_LOSS) for a, path in paths.items()})


def _nearest(servers: ServerSet) -> Nameserver:
    return min(servers.nameservers, key=lambda n: min(n.rtt4_ms, n.rtt6_ms))


def anycast_shift(world: World, rng: random.Random, phases: Mapping[str, float]) -> Faults:
    """The nearest name server of half the sets is suddenly 8 times as far, and later near again."""
    paths = undisturbed(world)
    shifted = [_nearest(servers) for servers in world.sets if rng.random() < 1 / 2]
    far = {a: Path(paths[a].rtt_ms * SHIFT) for a in _both(shifted)}
    near = {a: paths[a] for a in far}
    warm_s = phases["warm"]
    return Faults(paths, (Change("warm", warm_s / 3, far), Change("warm", warm_s * 2 / 3, near)))


def flapping(world: World, rng: random.Random, phases: Mapping[str, float]) -> Faults:
    """One name server of every set is up for 10 s, silent for 10 s, and so on."""
    paths = undisturbed(world)
    addresses = list(_both(_one_each(world, rng)))
    up = {a: paths[a] for a in addresses}
    down = _with_state(paths, addresses, State.DEAD)
    changes: list[Change] = []
    for phase, duration_s in phases.items():
        changes.append(Change(phase, 0.0, up))
        changes.extend(
            Change(phase, step * FLAP_S, down if step % 2 else up)
            for step in range(1, int(duration_s / FLAP_S) + 1)
        )
    return Faults(paths, tuple(changes))


def region_cut(world: World, _rng: random.Random, phases: Mapping[str, float]) -> Faults:
    """One region of three falls silent for the middle third of the warm phase."""
    paths = undisturbed(world)
    lost = list(_both(n for s in world.sets for n in s.nameservers if n.region == 0))
    warm_s = phases["warm"]
    return Faults(
        paths,
        (
            Change("warm", warm_s / 3, _with_state(paths, lost, State.DEAD)),
            Change("warm", warm_s * 2 / 3, {a: paths[a] for a in lost}),
        ),
    )


ALL = [
    Scenario("healthy", healthy),
    Scenario("dead1", one_dead),
    Scenario("loss1", losing(0.01)),
    Scenario("loss3", losing(0.03)),
    Scenario("loss10", losing(0.10)),
    Scenario("v6dead", without_v6(State.DEAD)),
    Scenario("v6unreach", without_v6(State.UNREACHABLE)),
    Scenario("v6reject", without_v6(State.REJECTED)),
    Scenario("slow1", one_slow),
    Scenario("geo", by_satellite),
    Scenario("shift", anycast_shift),
    Scenario("flap", flapping),
    Scenario("region", region_cut),
    Scenario("tc", healthy, truncate=True),
    Scenario("deep3", healthy, world="deep3"),
    Scenario("retransmit", one_dead, retransmit_s=(2.0, 5.0)),
    Scenario("signed", healthy, world="w1-signed"),
    Scenario("city", healthy, world="city"),
]
SCENARIOS = {scenario.name: scenario for scenario in ALL}
LEAF_KINDS = (Kind.OPERATOR, Kind.SELF)
