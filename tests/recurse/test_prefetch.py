"""What is used is renewed before it expires: in virtual time, through the whole path."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.config.schema import Config, Outgoing, Resolution, Warm
from resolver.geo.distance import GEO
from resolver.lab.authority import Manners
from resolver.lab.faults import Path
from resolver.limits import (
    PREFETCH_LEAST_TTL,
    PREFETCH_RETRY_SECONDS,
    WARM_RETRY_SECONDS,
)
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.transport import Transport
from tests.asking import SOURCE, octets, read, replied
from tests.making import question
from tests.recurse.household import House, house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.world import World
    from resolver.model import Question


WWW, ALIAS = question("www.example.net. A"), question("alias.example.net. A")
LAMP = question("lamp.example.net. A")
OFF = Config(resolution=Resolution(prefetch=False))
SERVERS = ("192.0.2.20", "192.0.2.21")
MINUTE, HOUR, DAY = 60, 3600, 86_400
BUSY_DAY = [(0, 1000, 0, 0, 0)]  # so many packets to servers in this hour


def street(*, ttl: int = 300, cuts_ttl: int = 2 * DAY, is_signed: bool = False) -> World:
    """The village, with names that last five minutes: lamp, n0 to n99, an alias of lamp.

    Zone cuts last two days, as they mostly do.
    """
    world = village(is_signed=is_signed)
    for zone in world.zones.values():
        for rrsets in zone.data.values():
            for rtype in {RRType.NS, RRType.DS} & rrsets.keys():
                rrsets[rtype] = rrsets[rtype]._replace(ttl=cuts_ttl)
    example = world.zones[WWW.qname[4:]]
    example.add_address("lamp", "192.0.2.82", ttl=ttl)
    example.add("mirror", RRType.CNAME, example.name("lamp"), ttl=20 * ttl)
    for number in range(100):
        example.add_address(f"n{number}", "192.0.2.83", ttl=ttl)
    return world


async def ask(home: House, asked: Question) -> bool:
    """One client's query, the packet cache first. True if it had to wait for servers."""
    data = octets(asked)
    resolved = home.pipeline.counters.resolved
    if home.pipeline.fast_path(Transport.UDP, "127.0.0.1").begin()(data, SOURCE) is None:
        await replied(home, data)
    return home.pipeline.counters.resolved > resolved


async def misses(home: House, asked: Question, *, every_s: float, times: int) -> list[bool]:
    """Which of so many queries had to wait."""
    waited = []
    for _ in range(times):
        waited.append(await ask(home, asked))
        await trio.sleep(every_s)
    return waited


@pytest.mark.parametrize("minutes", [1, 2, 4])
def test_a_name_asked_every_few_minutes_never_misses(minutes: int) -> None:
    @trio_test
    async def story() -> None:
        async with house(street()) as home:
            await misses(home, LAMP, every_s=minutes * MINUTE, times=10)  # until it is known
            sent = home.sent
            assert not any(await misses(home, LAMP, every_s=minutes * MINUTE, times=100))
            assert home.sent - sent <= 100 * minutes / 4.4  # one packet in each TTL, near its end

    story()


@pytest.mark.parametrize(("kind", "ahead_s"), [("", 2.0), (GEO, 3.6)])
@trio_test
async def test_by_a_satellite_far_up_renewals_begin_earlier(kind: str, ahead_s: float) -> None:
    """What is lost there is asked for again after a second: a window of two is soon over."""
    world = street(ttl=20)
    for host in SERVERS:
        world.faults.set(host, Path(delay_s=0.3))
    async with house(world) as home:
        await trio.sleep(1)
        home.parts.infra.link.fit(kind, 0.6)
        await ask(home, LAMP)
        await trio.sleep(21)
        await ask(home, LAMP)
        prefetch = home.pipeline.prefetch
        assert prefetch is not None
        known = prefetch.warm.entries[LAMP]
        assert known.ends_at - known.renew_at == pytest.approx(ahead_s, abs=0.1)


@trio_test
async def test_off_sends_no_packet_more() -> None:
    async with house(street(), OFF) as home:
        assert home.pipeline.prefetch is None
        for _ in range(20):
            assert await ask(home, LAMP)
            sent = home.sent
            await trio.sleep(7 * MINUTE)
            assert home.sent == sent
        assert home.parts.base.prefetch.warm.entries == {}


@trio_test
async def test_metered_fetches_nothing_ahead_of_need() -> None:
    config = Config(outgoing=Outgoing(metered=True), warm=(Warm(name="lamp.example.net"),))
    async with house(street(), config) as home:
        await trio.sleep(HOUR)
        assert home.sent == 0
        assert await ask(home, LAMP)


@trio_test
async def test_a_hit_at_the_end_of_a_ttl_renews() -> None:
    """Unbound's rule, the first time round: the second use may be the one."""
    async with house(street()) as home:
        assert await ask(home, LAMP)
        await trio.sleep(260)
        assert not await ask(home, LAMP)  # from the packet cache, which tells nobody
        await trio.sleep(20)
        sent = home.sent
        assert not await ask(home, LAMP)
        await trio.sleep(1)
        assert home.sent == sent + 1
        await trio.sleep(200)
        assert not await ask(home, LAMP)
        assert home.parts.base.prefetch.prefetch_hits == 1


@trio_test
async def test_the_second_hit_at_the_end_is_answered_from_the_packet_cache() -> None:
    async with house(street()) as home:
        await ask(home, LAMP)
        await trio.sleep(285)
        await ask(home, LAMP)
        queries = home.pipeline.counters.queries
        await ask(home, LAMP)
        assert home.pipeline.counters.queries == queries


@trio_test
async def test_what_was_renewed_is_told_at_once() -> None:
    """Not only when the old has expired; the first client who asks after it has the new TTL."""
    world = street()
    async with house(world) as home:
        await ask(home, LAMP)
        await trio.sleep(285)
        example = world.zones[WWW.qname[4:]]
        del example.data[LAMP.qname][RRType.A]
        example.add_address("lamp", "192.0.2.99", ttl=300)
        old, new = bytes([192, 0, 2, 82]), bytes([192, 0, 2, 99])
        for wanted in (old, new):  # the hit that renews, and the next
            reply = await read(home, octets(LAMP))
            assert [one.rdata for one in reply.answer] == [wanted]
            await trio.sleep(1)
        assert not await ask(home, LAMP)


@pytest.mark.reaches("PREFETCH_RETRY_SECONDS")
@trio_test
async def test_a_renewal_that_failed_is_tried_again_at_a_later_hit() -> None:
    """Half a minute later: as long as there is something left of the TTL, nobody waits."""
    world = street(ttl=3000)
    async with house(world) as home:
        home.parts.base.prefetch.budget.restore(BUSY_DAY, home.parts.clock.now(), away_s=0)
        await misses(home, LAMP, every_s=2900, times=5)  # until it is known to be in use
        servers = [world.servers[host] for host in SERVERS]
        for server in servers:
            server.manners = Manners(rcode=Rcode.SERVFAIL)
        await ask(home, LAMP)
        await trio.sleep(1)
        for server in servers:
            server.manners = Manners()
        sent = home.sent
        await trio.sleep(PREFETCH_RETRY_SECONDS * 0.6)
        await ask(home, LAMP)
        await trio.sleep(1)
        assert home.sent == sent
        await trio.sleep(PREFETCH_RETRY_SECONDS * 0.4)
        await ask(home, LAMP)
        await trio.sleep(1)
        assert home.sent == sent + 1
        await trio.sleep(2800)
        assert not await ask(home, LAMP)


@trio_test
async def test_nothing_is_renewed_in_an_outage_or_for_a_zone_that_is_silent() -> None:
    world = street()
    async with house(world) as home:
        await misses(home, LAMP, every_s=280, times=10)
        for host in SERVERS:
            world.faults.set(host, Path(dead=True))
        await misses(home, LAMP, every_s=100, times=4)  # it expires; clients learn that
        renewed = home.parts.base.prefetch.prefetches
        last_at = home.parts.base.prefetch.budget.next_at
        await misses(home, LAMP, every_s=100, times=4)
        assert home.parts.base.prefetch.prefetches == renewed
        assert home.parts.base.prefetch.budget.next_at == last_at


@trio_test
async def test_what_is_renewed_in_vain_stays_within_the_budget() -> None:
    """Names that are asked in bursts: each seems to be in steady use, and then nobody asks."""
    rng = Random(1)
    async with house(street()) as home:
        prefetch = home.parts.base.prefetch
        for number in [rng.randrange(100) for _ in range(600)]:
            asked = question(f"n{number}.example.net. A")
            await misses(home, asked, every_s=305, times=2)
            charged = prefetch.budget._sum("charged")
            assert charged <= 0.1 * prefetch.budget._sum("sent") + 3
        assert prefetch.prefetches
        assert prefetch.prefetch_wasted <= 0.1 * home.sent + 3


@trio_test
async def test_what_is_named_by_hand_is_always_there() -> None:
    config = Config(warm=(Warm(name="lamp.example.net", types=("A", "AAAA")),))
    async with house(street(), config) as home:
        await trio.sleep(10)
        for _ in range(20):
            assert not await ask(home, LAMP)
            await trio.sleep(HOUR)
        assert not await ask(home, LAMP._replace(qtype=RRType.AAAA))  # its denial is warm, too


@pytest.mark.reaches("WARM_RETRY_SECONDS")
@trio_test
async def test_what_is_named_by_hand_is_tried_again() -> None:
    world = street()
    for host in SERVERS:
        world.faults.set(host, Path(dead=True))
    async with house(world, Config(warm=(Warm(name="lamp.example.net", types=("A",)),))) as home:
        await trio.sleep(WARM_RETRY_SECONDS)
        assert home.resolver.refreshes == 1
        for host in SERVERS:
            world.faults.set(host, Path())
        failed_s = home.parts.config.resolution.query_timeout
        await trio.sleep(failed_s)
        assert home.resolver.refreshes == 2
        assert home.parts.memory.recall(LAMP, home.parts.clock.now()) is not None


@trio_test
async def test_of_a_chain_only_the_link_that_ends_is_renewed() -> None:
    mirror = question("mirror.example.net. A")
    async with house(street()) as home:
        await misses(home, mirror, every_s=4 * MINUTE, times=4)
        alias = home.parts.memory.rrsets.peek(mirror.qname, RRType.CNAME)
        renewed = home.parts.base.prefetch.prefetches
        sent = home.sent
        assert not any(await misses(home, mirror, every_s=4 * MINUTE, times=12))
        assert home.parts.memory.rrsets.peek(mirror.qname, RRType.CNAME) is alias
        assert home.sent - sent == home.parts.base.prefetch.prefetches - renewed  # a packet each


@pytest.mark.reaches("CUT_LEAST_TTL")
@pytest.mark.parametrize(("ttl", "renewed"), [(3599, False), (3600, True), (2 * DAY, True)])
def test_the_zone_cuts_above_are_renewed_at_four_fifths(ttl: int, *, renewed: bool) -> None:
    """So that no look-up, of no name below them, has to begin at the root."""

    @trio_test
    async def story() -> None:
        async with house(street(is_signed=True, cuts_ttl=ttl)) as home:
            delegations, clock = home.parts.delegations, home.parts.clock
            home.parts.base.prefetch.budget.restore(BUSY_DAY, clock.now(), away_s=0)
            zone = LAMP.qname[5:]
            await misses(home, LAMP, every_s=4 * MINUTE, times=4)
            first = delegations.get(zone, clock.now())
            assert first is not None
            assert first.ttl == min(ttl, DAY)
            left_s = first.expires_at - clock.now()
            waited = await misses(home, LAMP, every_s=4 * MINUTE, times=round(left_s / 240) - 1)
            assert not any(waited)
            now = delegations.get(zone, clock.now())
            assert now is not None
            assert (now.expires_at > first.expires_at) == renewed

    story()


@trio_test
async def test_after_a_start_the_list_comes_back_in_its_order() -> None:
    names = [question(f"n{number}.example.net. A") for number in range(3)]
    async with house(street()) as home:
        for at, asked in enumerate(names):
            await misses(home, asked, every_s=4 * MINUTE, times=4 + 20 * at)
        kept, _ = home.parts.base.prefetch.snapshot()
        assert [one.qname for one in kept] == [one.qname for one in reversed(names)]
    async with house(street()) as home:
        home.parts.base.prefetch.restore((kept, BUSY_DAY), away_s=60)
        await trio.sleep(1.5)
        known = home.parts.memory
        there = [known.recall(asked, home.parts.clock.now()) is not None for asked in names]
        assert there == [False, True, True]
        await trio.sleep(5)
        assert not await ask(home, names[0])


@trio_test
async def test_nothing_comes_back_without_a_budget() -> None:
    async with house(street()) as home:
        await misses(home, LAMP, every_s=HOUR, times=4)
        kept, _ = home.parts.base.prefetch.snapshot()
    async with house(street()) as home:
        home.parts.base.prefetch.restore((kept, []), away_s=60)
        await trio.sleep(MINUTE)
        assert home.sent == 0


@trio_test
async def test_a_reload_goes_on_with_what_was_learnt() -> None:
    async with house(street()) as home:
        await misses(home, LAMP, every_s=7 * MINUTE, times=6)
        prefetch = home.parts.base.prefetch
        renewals = prefetch.renewals
        assert renewals is not None
        prefetch.go_by(None, ())
        sent = home.sent
        await trio.sleep(HOUR)
        assert home.sent == sent
        prefetch.go_by(renewals, (WWW,))
        assert LAMP in prefetch.warm.entries
        await trio.sleep(5)
        assert not await ask(home, WWW)
        prefetch.go_by(renewals, ())
        assert not prefetch.warm.entries[WWW].by_hand


@pytest.mark.reaches("PREFETCH_LEAST_TTL")
@pytest.mark.parametrize("ttl", [PREFETCH_LEAST_TTL - 1, PREFETCH_LEAST_TTL])
def test_what_is_to_be_asked_at_each_use_is_not_renewed(ttl: int) -> None:
    @trio_test
    async def story() -> None:
        async with house(street(ttl=ttl)) as home:
            await misses(home, LAMP, every_s=ttl + 1, times=10)
            assert bool(home.resolver.refreshes) == (ttl == 6)

    story()
