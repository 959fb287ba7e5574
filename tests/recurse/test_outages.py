"""Outages in virtual time: each kind, and how soon all is well again; a dead zone is none."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
import trio

from resolver.config.schema import Config, Forward, Stub
from resolver.daemon import run
from resolver.dnssec.keystore import KeyStore
from resolver.errors import LinkDown, ResolutionFailed
from resolver.lab.faults import Path
from resolver.lab.virtual_parts import Delayed, as_delayed
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.limits import CLOCK_STEP_SECONDS, OUTAGE_VERDICT_SECONDS, OUTAGE_WITNESS_SECONDS
from resolver.model import Question
from resolver.protocol.codes import EdeCode, RRType
from resolver.protocol.names import from_text
from resolver.protocol.wire import parse_untrusted
from resolver.recurse.validation import Validation
from resolver.upstream import neighbours
from tests.recurse.household import WALL, budget, village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from resolver.daemon.run import Daemon
    from resolver.lab.virtual_network import VirtualNetwork
    from resolver.lab.virtual_parts import Answerer, Answers, Packet
    from resolver.lab.world import World

RTT_S = 0.04
OUTAGE_S = 75
BAR_S = 1.0
RECOVERY_S = OUTAGE_WITNESS_SECONDS + 0.1 + 3 * RTT_S  # a witness, the client's pace, the question
PORT = 53
FORWARDER = "192.0.2.53"
EXAMPLE = ("192.0.2.20", "192.0.2.21")


class Home:
    """A resolver, its network, and a client who asks once a second."""

    def __init__(
        self, daemon: Daemon, network: VirtualNetwork, world: World, clock: VirtualClock
    ) -> None:
        self.clock = clock
        self.daemon = daemon
        self.network = network
        self.world = world
        self.sent = 0
        self._fresh = 0
        network.observers.append(self._see)

    def _see(self, packet: Packet) -> None:
        self.sent += packet.destination[1] == PORT

    @property
    def hosts(self) -> list[str]:
        return [host for host, _ in self.network._hosted]

    async def ask(self, label: str) -> float:
        """How long an answer took. Raises ResolutionFailed."""
        started = trio.current_time()
        question = Question(from_text(f"{label}.example.net."), RRType.A)
        await self.daemon.resolver.resolve(question, budget())
        return trio.current_time() - started

    async def fails(self, label: str) -> float:
        """How long it took to fail."""
        started = trio.current_time()
        with pytest.raises(ResolutionFailed) as caught:
            await self.ask(label)
        assert EdeCode.NO_REACHABLE_AUTHORITY in {ede.code for ede in caught.value.ede}
        return trio.current_time() - started

    async def suffer(self, label: str) -> list[float]:
        """OUTAGE_S of asking for *label* and for a new name, each once a second."""
        waits = []
        for _ in range(OUTAGE_S):
            started = trio.current_time()
            self._fresh += 1
            waits += [await self.fails(f"n{self._fresh}"), await self.fails(label)]
            await trio.sleep_until(max(trio.current_time(), started + BAR_S))
        return waits

    async def recover(self, label: str) -> float:
        """Seconds until *label*, asked ten times a second, is answered."""
        healed = trio.current_time()
        while True:
            started = trio.current_time()
            try:
                await self.ask(label)
            except ResolutionFailed:
                await trio.sleep_until(started + 0.1)
            else:
                return trio.current_time() - healed


@asynccontextmanager
async def home(way: str = "", **switches: bool) -> AsyncIterator[Home]:
    """On a world with names to spare. *way*: "forward" or "stub" for example.net, or public."""
    world = village(is_signed=switches.get("is_signed", False))
    example = world.zones[from_text("example.net.")]
    for number in range(3 * OUTAGE_S):
        example.add_address(f"n{number}", "192.0.2.80")
    config = Config()
    root = msgspec.structs.replace(config.root, prime=switches.get("prime", True))
    config = msgspec.structs.replace(config, root=root)
    if way == "forward":
        world.serve(example, "ns3.example.net.", FORWARDER)
        entry = Forward(zone="example.net", addresses=(FORWARDER,))
        config = msgspec.structs.replace(config, forward=(entry,))
    elif way == "stub":
        config = msgspec.structs.replace(
            config, stub=(Stub(zone="example.net", addresses=EXAMPLE),)
        )
    world.faults.default = Path(delay_s=RTT_S / 2)
    with tempfile.TemporaryDirectory() as directory:
        config = world.configure(config, directory)
        network, clock = world.network(seed="outage"), VirtualClock(wall=WALL)
        async with run.running(
            config,
            network=network,
            clock=clock,
            rng=seeded("outage"),
            listens=False,
        ) as daemon:
            await trio.sleep(2)
            yield Home(daemon, network, world, clock)


# --- ways to be cut off: each returns what mends it --------------------------------------------


def black_hole(place: Home) -> Callable[[], None]:
    place.world.faults.default = Path(dead=True)
    return lambda: setattr(place.world.faults, "default", Path(delay_s=RTT_S / 2))


def unreachable(place: Home) -> Callable[[], None]:
    """A router says so (ICMP)."""
    place.world.faults.default = Path(delay_s=RTT_S / 2, unreachable=True)
    return lambda: setattr(place.world.faults, "default", Path(delay_s=RTT_S / 2))


def no_route(place: Home) -> Callable[[], None]:
    """The kernel says so."""
    sources, place.network._sources = place.network._sources, {}
    return lambda: setattr(place.network, "_sources", sources)


def refused(place: Home) -> Callable[[], None]:
    """Nobody listens where all packets are led to."""
    network = place.network
    udp, network._udp = network._udp, {}
    hosted, network._hosted = network._hosted, {}

    def mend() -> None:
        network._udp.update(udp)
        network._hosted.update(hosted)

    return mend


KINDS = [black_hole, unreachable, no_route, refused]


@pytest.mark.reaches("OUTAGE_VERDICT_SECONDS")
@pytest.mark.parametrize("way", ["public", "forward", "stub"])
@pytest.mark.parametrize("cut", KINDS)
@trio_test
async def test_an_outage_is_told_within_a_second_and_over_within_one(
    cut: Callable[[Home], Callable[[], None]], way: str
) -> None:
    """No failure of our own link is remembered of a name, a server or a zone."""
    assert (
        vars(neighbours)["OUTAGE_VERDICT_SECONDS"] == OUTAGE_VERDICT_SECONDS
    )  # servers here are near
    async with home(way) as place:
        await place.ask("www")
        await trio.sleep(5)
        mend = cut(place)
        waits = await place.suffer("n0")
        assert max(waits) <= BAR_S
        mend()
        assert await place.recover("n0") <= RECOVERY_S
        assert await place.ask("zero") <= BAR_S


@pytest.mark.parametrize("cut", KINDS)
@trio_test
async def test_nameservers_that_could_not_be_looked_up_are_looked_up_again(
    cut: Callable[[Home], Callable[[], None]],
) -> None:
    """A delegation without glue: "has no address" was our link's doing, and no finding."""
    async with home() as place:
        glueless = Question(from_text("www.glueless.net."), RRType.A)
        with trio.move_on_after(10 * RTT_S):
            await place.ask("nowhere.sub")
        mend = cut(place)
        for _ in range(OUTAGE_S):
            with pytest.raises(ResolutionFailed):
                await place.daemon.resolver.resolve(glueless, budget())
            await trio.sleep(1)
        mend()
        await trio.sleep(OUTAGE_WITNESS_SECONDS + 2 * RTT_S)
        started = trio.current_time()
        await place.daemon.resolver.resolve(glueless, budget())
        assert trio.current_time() - started <= BAR_S


@pytest.mark.parametrize("cut", KINDS)
@trio_test
async def test_a_start_without_a_network_is_made_good_when_it_comes(
    cut: Callable[[Home], Callable[[], None]],
) -> None:
    """Nobody ever answered; the root hints are all there is to ask."""
    async with home(prime=False) as place:
        mend = cut(place)
        waits = await place.suffer("n0")
        assert max(waits[2:]) <= BAR_S
        mend()
        assert await place.recover("n0") <= RECOVERY_S


@pytest.mark.rfc("RFC 9520 §3.2")
@trio_test
async def test_a_dead_zone_is_no_outage() -> None:
    """The witnesses answer: the failure is the zone's, and is remembered longer each time."""
    async with home() as place:
        await place.ask("www")
        await trio.sleep(5)
        for host in EXAMPLE:
            place.world.faults.set(host, Path(dead=True))
        with pytest.raises(ResolutionFailed) as caught:
            await place.ask("n0")
        assert not isinstance(caught.value, LinkDown)
        assert not place.daemon.parts.dispatcher.is_offline
        before = place.sent
        await place.fails("n0")
        assert place.sent == before


@trio_test
async def test_hits_go_on_while_nobody_answers() -> None:
    async with home() as place:
        await place.ask("www")
        await trio.sleep(5)
        black_hole(place)
        await place.fails("n0")
        assert await place.ask("www") == 0.0


@pytest.mark.parametrize(("way", "is_links"), [("public", True), ("forward", False)])
@trio_test
async def test_metrics_tell_an_outage_from_its_begin_to_its_end(
    way: str, *, is_links: bool
) -> None:
    """Whether it is our link or one forward's, how often, and for how long."""
    async with home(way) as place:
        await place.ask("www")
        await trio.sleep(5)

        def told() -> list[float]:
            values = place.daemon.registry.values()
            names = ("link_up", "ways_cut_off", "upstream_outages_total", "outage_seconds_total")
            return [values[f"resolver_{name}"] for name in names]

        assert told() == [1, 0, 0, 0]
        mend = black_hole(place)
        await place.fails("n0")
        began = trio.current_time()
        await trio.sleep(60)
        lasted_s = trio.current_time() - began
        assert told() == [not is_links, 1, 1, pytest.approx(lasted_s, abs=0.5)]
        mend()
        await place.recover("n0")
        lasted_s = told()[-1]
        await trio.sleep(60)
        assert told() == [1, 0, 1, lasted_s]


@pytest.mark.reaches("OUTAGE_WITNESS_SECONDS")
@trio_test
async def test_few_packets_go_out_while_nobody_answers() -> None:
    """However many ask: a witness now and then, and nobody's question."""
    async with home() as place:
        await place.ask("www")
        await trio.sleep(5)
        black_hole(place)
        await place.fails("n0")
        await trio.sleep(1)
        before, began = place.sent, trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(place.fails, f"n{number + 1}")
        assert trio.current_time() == began
        await trio.sleep(100)
        assert 90 <= place.sent - before <= 100


@trio_test
async def test_what_cannot_be_validated_for_want_of_a_link_is_not_bogus() -> None:
    """The answer came, its keys did not: our link's doing is no fact about the zone."""
    async with home(is_signed=True) as place:
        await place.ask("www")
        place.daemon.parts.memory.rrsets.drop(from_text("example.net."), RRType.DNSKEY)
        keystore = place.daemon.parts.resolver.trust
        assert keystore is not None
        await trio.sleep(5)
        mend = black_hole(place)
        await place.suffer("n0")
        mend()
        assert await place.recover("n0") <= RECOVERY_S
        assert len(place.daemon.parts.memory.bogus) == 0


@pytest.mark.rfc("RFC 4035 §4.7")
@pytest.mark.parametrize("days", [400, -400])
@trio_test
async def test_a_clock_that_is_put_right_makes_nothing_bogus_any_more(days: int) -> None:
    """Neither the names that were asked, nor others whose zone was called bogus."""
    async with home(is_signed=True) as place:
        clock = place.clock
        clock._wall += days * 86_400
        for _ in range(OUTAGE_S):
            with pytest.raises(ResolutionFailed):
                await place.ask("n0")
            await trio.sleep(1)
        clock._wall -= days * 86_400
        assert await place.recover("n0") <= RECOVERY_S
        assert await place.ask("n1") <= BAR_S


class Sluggish:
    """A forwarder that takes *after_s* to find out about n7, and says no word about NS sets."""

    def __init__(self, inner: Answerer, after_s: float) -> None:
        self._inner = inner
        self._after_s = after_s

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        query = parse_untrusted(data)
        if query.qtype == RRType.NS:
            return None
        answers = self._inner.answer(data, transport, source)
        if not query.qname.startswith(b"\2n7"):
            return answers
        return [Delayed(one.data, self._after_s) for one in as_delayed(answers)]


@trio_test
async def test_a_forwarder_that_is_slow_to_find_out_is_not_cut_off() -> None:
    """What it answered last it has at hand: asked that once more, it shows that it is there."""
    async with home("forward") as place:
        inner = place.network._hosted[FORWARDER, PORT]
        place.network.attach(FORWARDER, Sluggish(inner, 3.0))
        for _ in range(3):
            await place.ask("www")
            await trio.sleep(400)  # its TTL ends: it is asked each time
        assert 3.0 <= await place.ask("n7") < 4.0
        assert place.daemon.parts.dispatcher.counters.outages == 0


@pytest.mark.reaches("CLOCK_STEP_SECONDS")
@pytest.mark.parametrize(
    ("step_s", "is_kept"), [(CLOCK_STEP_SECONDS, True), (CLOCK_STEP_SECONDS + 1, False)]
)
def test_a_clock_that_is_slewed_forgets_nothing(
    step_s: float,
    is_kept: bool,  # noqa: FBT001
) -> None:
    bogus = {"a name": "bogus"}
    now = SimpleNamespace(wall=WALL, now=100.0, keystore=KeyStore())
    validation = Validation(
        cast("Any", None), cast("Any", SimpleNamespace(bogus=bogus)), cast("Any", lambda: now),
        clock=cast("Any", None),
    )  # fmt: skip
    validation._look()
    now.wall += step_s
    validation._look()
    assert bool(bogus) is is_kept
