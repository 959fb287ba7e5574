"""The whole of it at full length: the real resolver on a made-up Internet, in virtual time.

An hour of use, two hours without a link, the return; then short cuts, for how soon the return is
noticed is chance: each heals at another moment of the resolver's own pace. Times are without a
processor's.
"""

import dataclasses
import math
import random
import tempfile
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING

import trio

from bench.calm.tally import (
    Cut,
    Figures,
    Heard,
    Kind,
    figures,
    first_fresh_s,
    heard_of,
    stale_after,
)
from resolver.config.schema import Config, Server
from resolver.daemon.run import running
from resolver.lab import virtual_time
from resolver.lab.faults import Path
from resolver.lab.virtual_parts import Packet
from resolver.lab.world import ROOT_SERVERS, World
from resolver.lab.zones import Zone
from resolver.protocol import names
from resolver.protocol.codes import Flag, RRType
from resolver.protocol.edns import Edns
from resolver.protocol.wire import build_query

if TYPE_CHECKING:
    from resolver.lab.virtual_network import VirtualNetwork

HOUR_S = 3600
RETURNS = 20
NAMES, ZONES, PLATFORMS = 300, 60, 3
TTL_S = (20, 300)
RATE_PER_S, NEW_EVERY_S = 10, 5
DELEGATION_TTL_S, ZONE_TTL_S = 172_800, 3600
PATIENCE_S = 12.0
RESOLVER, CLIENT = ("192.0.2.53", 53), "192.0.2.7"
OWN_PORT = 53
SETTLE_S, RETURN_S = 4.0, 30
WALL = 1_785_000_000.0
OWN = ("203.0.113.53", "2001:db8:53::53")


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """What is cut, and for how long; *returns* in all, the long cut's among them."""

    cut: str
    use_s: int = HOUR_S
    cut_s: int = 2 * HOUR_S
    returns: int = RETURNS
    seed: int = 1


class Net:
    """A world of NAMES names, in ZONES zones below three TLDs; their addresses change at will."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"calm {seed}")
        self.world = World()
        self.network: VirtualNetwork
        self.names: list[str] = []
        self._paths: dict[str, Path] = {}
        root = self.world.zone(".", ttl=DELEGATION_TTL_S)
        for nameserver, hosts in ROOT_SERVERS.items():
            self._serve(root, nameserver, *hosts, path=_path(rng, 5, 40))
        tlds = []
        for number in range(PLATFORMS):
            tld = self.world.zone(f"tld{number}.", ttl=DELEGATION_TTL_S)
            tlds.append(tld)
            for server in range(4):
                host = f"198.51.{number}.{server + 1}"
                self._serve(tld, f"ns{server}.tld{number}.", host, path=_path(rng, 10, 80))
        self._zones = []
        for number in range(ZONES):
            zone = self.world.zone(f"site{number}.tld{number % PLATFORMS}.", ttl=ZONE_TTL_S)
            self._zones.append(zone)
            for server in range(2 + number % 3):
                name = f"ns{server}.site{number}.tld{number % PLATFORMS}."
                path = _path(rng, 10, 250)
                self._serve(zone, name, f"203.0.{number}.{server + 1}", path=path)
            self.world.delegate(zone)
        self.ttls = [rng.randint(*TTL_S) for _ in range(NAMES)]
        self.move(0)
        for tld in tlds:
            self.world.delegate(tld)
            self.world.sign(tld, wall=WALL)
        self.world.sign(root, wall=WALL)

    def _serve(self, zone: Zone, nameserver: str, *hosts: str, path: Path) -> None:
        self.world.serve(zone, nameserver, *hosts, path=path)
        self._paths.update(dict.fromkeys(hosts, path))

    def set_all(self, path: Path | None) -> None:
        """The way to every server is *path*; None: as it was."""
        for host, own in self._paths.items():
            self.world.faults.set(ip_address(host).compressed, path or own)

    def move(self, edition: int) -> set[bytes]:
        """All names have other addresses from now on; these."""
        self.names, addresses = [], set()
        for number, ttl in enumerate(self.ttls):
            zone = self._zones[number % ZONES]
            owner = zone.name(f"h{number // ZONES}")
            rdata = bytes([10, edition, number >> 8, number & 255])
            zone.data.pop(owner, None)
            zone.add(owner, RRType.A, rdata, ttl=ttl)
            self.names.append(names.to_text(owner))
            addresses.add(rdata)
        return addresses

    def new_names(self) -> Iterator[str]:
        """That nobody asked yet: half in zones that are in use, half in none that exists."""
        number = 0
        while True:
            number += 1
            zone = names.to_text(self._zones[number % ZONES].apex)
            yield f"new{number}.{zone}" if number % 2 else f"www.never{number}.tld0."


def _path(rng: random.Random, low_ms: float, high_ms: float) -> Path:
    rtt_s = math.exp(rng.uniform(math.log(low_ms), math.log(high_ms))) / 1000
    return Path(delay_s=rtt_s / 2, jitter_s=rtt_s / 40)


def _all(path: Path) -> Callable[[Net], Callable[[], None]]:
    """Every way is like that: packets vanish, or the first router says that it knows no way."""

    def cut(net: Net) -> Callable[[], None]:
        net.set_all(path)
        return lambda: net.set_all(None)

    return cut


def _no_route(net: Net) -> Callable[[], None]:
    """The kernel knows no way, as where the link is down."""
    net.network.leave_from(())
    return lambda: net.network.leave_from(OWN)


CUTS = {
    "hole": _all(Path(dead=True)),
    "icmp": _all(Path(delay_s=0.001, unreachable=True)),
    "route": _no_route,
}
TITLES = {"hole": "black hole", "icmp": "ICMP: no route", "route": "no route"}


def live(story: Story) -> Figures:
    """The whole story; the same each time for one seed."""
    with tempfile.TemporaryDirectory(prefix="calm-") as directory:
        return virtual_time.run(lambda: _Client(story).live(directory), seed=story.seed)


class _Client:
    """Asks RATE_PER_S questions a second for names that are known; now and then for a new one."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._net = Net(story.seed)
        self._rng = random.Random(f"client {story.seed}")
        self._network = self._net.network = self._net.world.network(seed=story.seed)
        self._network.observers.append(self._see)
        self._packets = 0
        self._asked = 0
        self._new = self._net.new_names()
        self._edition = 0
        self.heard: list[Heard] = []

    def _see(self, packet: Packet) -> None:
        self._packets += packet.destination[1] == OWN_PORT and packet.destination != RESOLVER

    async def live(self, directory: str) -> Figures:
        story = self._story
        server = Server(listen=("192.0.2.53:53",), user="", allow_from=("192.0.2.0/24",))
        config = self._net.world.configure(Config(server=server), directory)
        clock, rng = virtual_time.VirtualClock(wall=WALL), virtual_time.seeded("calm", story.seed)
        back: list[float] = []
        async with running(
            config, network=self._network, listen_network=self._network, clock=clock, rng=rng,
            persists=False,
        ):  # fmt: skip
            await trio.sleep(SETTLE_S)
            await self._use(story.use_s)
            cut, fresh = await self._cut(story.cut_s)
            heard, self.heard = self.heard, []
            back.append(first_fresh_s(heard, cut.healed_s, fresh))
            stale = stale_after(heard, cut.healed_s, fresh)
            for number in range(1, story.returns):
                again, fresh = await self._cut(number / story.returns, quiet_s=TTL_S[1] + 1)
                back.append(first_fresh_s(self.heard, again.healed_s, fresh))
        self._network.close()
        return figures(heard, cut, back, stale=stale)

    async def _cut(self, seconds: float, *, quiet_s: float = 0) -> tuple[Cut, set[bytes]]:
        """One cut, hardly used at first, and its return; what is fresh then."""
        packets, began = self._packets, trio.current_time()
        mend = CUTS[self._story.cut](self._net)
        self._edition += 1
        fresh = self._net.move(self._edition)
        await self._use(quiet_s, rate_per_s=1)
        await self._use(seconds)
        mend()
        cut = Cut(began, trio.current_time(), self._packets - packets)
        await self._use(RETURN_S)
        return cut, fresh

    async def _use(self, seconds: float, *, rate_per_s: float = RATE_PER_S) -> None:
        """Each name once at first, and any of them from then on; whether answered or not."""
        until = trio.current_time() + seconds
        async with trio.open_nursery() as nursery:
            while (now := trio.current_time()) < until:
                nursery.start_soon(self._ask, Kind.KNOWN, self._known())
                self._asked += 1
                if self._asked % (RATE_PER_S * NEW_EVERY_S) == 0:
                    nursery.start_soon(self._ask, Kind.NEW, next(self._new))
                await trio.sleep_until(min(until, now + 1 / rate_per_s))

    def _known(self) -> str:
        if self._asked < NAMES:
            return self._net.names[self._asked]
        return self._rng.choice(self._net.names)

    async def _ask(self, kind: Kind, qname: str) -> None:
        began = trio.current_time()
        client = self._network.client(CLIENT)
        query = build_query(
            id=self._rng.randrange(65_536), qname=names.from_text(qname), qtype=RRType.A,
            flags=Flag.RD, edns=Edns(1232, 0, do=False),
        )  # fmt: skip
        reply = await client.ask_udp(RESOLVER, query, timeout_s=PATIENCE_S)
        client.close()
        took_ms = (trio.current_time() - began) * 1000
        self.heard.append(heard_of(kind, began, took_ms, reply))
