"""The cache outlives its process: what was answered is answered again, as true as then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trio

from resolver.config.schema import Config, NegativeAnchor, Stub
from resolver.daemon.reload import reload
from resolver.dnssec.keystore import ZoneTrust
from resolver.errors import ResolutionFailed
from resolver.lab.faults import Path as Fault
from resolver.lab.zones import soa
from resolver.limits import (
    STORE_COMMIT_SECONDS,
    STORE_EXPIRED_SECONDS,
)
from resolver.model import Rank, RRset, Source, Status
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from resolver.telemetry.shared_counters import SharedCounters, Slot
from tests.daemon.persisting import WWW, first_life, life, recalled, told
from tests.recurse.household import WALL, budget, village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.reaches("STORE_COMMIT_SECONDS")
@pytest.mark.parametrize("is_signed", [True, False])
@trio_test
async def test_what_was_known_is_known_after_a_kill_without_a_packet(
    tmp_path: Path,
    is_signed: bool,  # noqa: FBT001
) -> None:
    """Data, an alias with its denial, a name that does not exist; with the status they had."""
    world = village(is_signed=is_signed)
    await first_life(world, tmp_path)
    status = Status.SECURE if is_signed else Status.INSECURE
    async with life(world, tmp_path, wall=WALL + 10) as home:
        assert await home.ask("www.example.net. A") == (status, Rcode.NOERROR, {Source.CACHE})
        assert await home.ask("alias.example.net. AAAA") == (
            status, Rcode.NOERROR, {Source.CACHE},
        )  # fmt: skip
        assert await home.ask("gone.example.net. A") == (status, Rcode.NXDOMAIN, {Source.CACHE})
        assert home.sent == []
        (rrset,) = await home.told("www.example.net. A")
        assert rrset.ttl <= 300 - 10


@trio_test
async def test_delegations_come_back_so_that_new_names_ask_their_own_servers(
    tmp_path: Path,
) -> None:
    world = village()
    await first_life(world, tmp_path)
    async with life(world, tmp_path, wall=WALL + 10) as home:
        await home.ask("here2.example.net. A")
        assert set(home.sent) <= {"192.0.2.20", "192.0.2.21"}
        assert home.sent


@trio_test
async def test_proven_gaps_deny_other_names_after_a_restart(tmp_path: Path) -> None:
    """RFC 8198, from what lay on disk: nobody has asked for this name before."""
    world = village(is_signed=True)
    await first_life(world, tmp_path)
    async with life(world, tmp_path, wall=WALL + 10) as home:
        await trio.sleep(0.1)
        denial = home.daemon.parts.memory.denial
        assert denial is not None
        assert len(denial) > 0
        assert await home.ask("gonf.example.net. A") == (
            Status.SECURE, Rcode.NXDOMAIN, {Source.CACHE},
        )  # fmt: skip
        assert home.sent == []


@trio_test
async def test_what_has_expired_is_there_for_an_outage_and_not_told_in_health(
    tmp_path: Path,
) -> None:
    world = village()
    await first_life(world, tmp_path)
    async with life(world, tmp_path, wall=WALL + 86_400) as home:
        memory, now = home.daemon.parts.memory, home.daemon.parts.clock.now()
        assert await recalled(home, WWW) is None
        stale = memory.peek(WWW, now)
        assert stale is not None
        assert stale.source is Source.STALE
        assert await home.ask("www.example.net. A") == (
            Status.INSECURE, Rcode.NOERROR, {Source.NETWORK},
        )  # fmt: skip


@trio_test
async def test_what_nobody_has_judged_is_not_told_in_an_outage_after_a_restart(
    tmp_path: Path,
) -> None:
    """unbound#1504: a client that sets CD had it fetched, and it lies on disk as it came."""
    world = village(is_signed=True)
    async with life(world, tmp_path) as home:
        unchecked = await home.daemon.resolver.resolve(WWW, budget(), checking=False)
        assert unchecked.status is Status.UNCHECKED
        await trio.sleep(STORE_COMMIT_SECONDS * 1.5)
    for host in world.servers:
        world.faults.set(host, Fault(dead=True))
    async with life(world, tmp_path, wall=WALL + 86_400) as home:
        with pytest.raises(ResolutionFailed):
            await home.ask("www.example.net. A")
        kept = home.daemon.parts.memory.peek(WWW, home.daemon.parts.clock.now())
        assert kept is not None  # it was there, but not to be told
        assert kept.status is Status.UNCHECKED


@pytest.mark.parametrize("becomes", ["address", "nxdomain", "brief"])
@trio_test
async def test_what_was_learnt_later_for_a_moment_ends_what_lies_on_disk(
    tmp_path: Path, becomes: str
) -> None:
    """Nothing is kept of it but that the old is no more: neither is told after a restart."""
    world = village()
    await first_life(world, tmp_path)
    example = world.zones[WWW.qname[4:]]
    del example.data[WWW.qname][RRType.A]
    if becomes == "nxdomain":
        example._existing.discard(WWW.qname)
        example.data[example.apex][RRType.SOA] = example.data[example.apex][RRType.SOA]._replace(
            rdatas=(soa(example.apex, minimum=0),)
        )
    else:
        example.add("www", RRType.A, bytes(4), ttl=int(becomes == "brief"))
    async with life(world, tmp_path, wall=WALL + 86_400) as home:
        assert (await home.ask("www.example.net. A"))[2] == {Source.NETWORK}
        await trio.sleep(3 * STORE_COMMIT_SECONDS)
    async with life(world, tmp_path, wall=WALL + 2 * 86_400) as home:
        memory, now = home.daemon.parts.memory, home.daemon.parts.clock.now()
        assert await recalled(home, WWW) is None
        kept = memory.peek(WWW, now)
        assert kept is None or (becomes == "brief" and kept.answer[0].rdatas == (bytes(4),))


@pytest.mark.reaches("STORE_EXPIRED_SECONDS")
@trio_test
async def test_what_has_expired_for_too_long_is_gone(tmp_path: Path) -> None:
    world = village()
    await first_life(world, tmp_path)
    for past_s, is_there in ((-3700.0, True), (86_400.0, False)):
        wall = WALL + STORE_EXPIRED_SECONDS + past_s
        async with life(world, tmp_path, wall=wall) as home:
            memory, now = home.daemon.parts.memory, home.daemon.parts.clock.now()
            await recalled(home, WWW)
            assert (memory.peek(WWW, now) is not None) is is_there


@pytest.mark.parametrize("wall", [1000.0, WALL - 86_400.0])
@trio_test
async def test_a_clock_in_1970_or_set_back_leaves_nothing_fresh(
    tmp_path: Path, wall: float
) -> None:
    """How old the records are nobody can tell: of use in an outage, never told as fresh."""
    world = village()
    await first_life(world, tmp_path)
    async with life(world, tmp_path, wall=wall) as home:
        memory, now = home.daemon.parts.memory, home.daemon.parts.clock.now()
        assert await recalled(home, WWW) is None
        assert memory.peek(WWW, now) is not None


# --- trust ------------------------------------------------------------------------------------


def with_dnssec(**switches: Any) -> Callable[[Config], Config]:
    def change(config: Config) -> Config:
        dnssec = msgspec.structs.replace(config.dnssec, **switches)
        return msgspec.structs.replace(config, dnssec=dnssec)

    return change


@trio_test
async def test_under_other_anchors_what_was_known_is_validated_again(tmp_path: Path) -> None:
    """A negative anchor more: the status is nobody's word any longer, the data is."""
    world = village(is_signed=True)
    await first_life(world, tmp_path)
    anchor = (NegativeAnchor(name="other.example."),)
    async with life(
        world, tmp_path, with_dnssec(negative_trust_anchors=anchor), wall=WALL + 10
    ) as home:
        found = await recalled(home, WWW)
        assert found is not None
        assert found.status is Status.UNCHECKED
        assert (await home.ask("www.example.net. A"))[0] is Status.SECURE


def stubbed(config: Config) -> Config:
    entry = Stub(zone="example.net.", addresses=("192.0.2.20",))
    return msgspec.structs.replace(config, stub=(entry,))


@trio_test
async def test_a_zone_that_is_configured_now_is_asked_anew(tmp_path: Path) -> None:
    """At a restart as at a reload; and the other way round."""
    world = village()
    await first_life(world, tmp_path)
    async with life(world, tmp_path, stubbed, wall=WALL + 10) as home:
        assert (await home.ask("www.example.net. A"))[2] == {Source.NETWORK}
    async with life(world, tmp_path, wall=WALL + 20) as home:
        assert (await home.ask("www.example.net. A"))[2] == {Source.NETWORK}
        await trio.sleep(2)
        await reload(home.daemon, stubbed(home.daemon.config))
        assert (await home.ask("www.example.net. A"))[2] == {Source.NETWORK}


@trio_test
async def test_what_a_query_of_before_a_reload_learns_is_not_kept(tmp_path: Path) -> None:
    world = village()
    async with life(world, tmp_path) as home:
        before = home.daemon.parts
        await reload(home.daemon, stubbed(home.daemon.config))
        a = RRset(WWW.qname, RRType.A, 300, (bytes(4),))
        now = before.clock.now()
        before.memory.rrsets.put(a, rank=Rank.AUTH_ANSWER, now=now, zone=names.ROOT)
        await trio.sleep(2)
        assert before.memory.second is None
        assert await recalled(home, WWW) is None


@trio_test
async def test_nothing_of_the_public_tree_is_kept_while_its_keys_do_not_validate(
    tmp_path: Path,
) -> None:
    """A portal answers everything, and nothing that it says may outlive it."""
    world = village(is_signed=True)
    async with life(world, tmp_path) as home:
        parts = home.daemon.parts
        bogus = ZoneTrust(names.ROOT, Status.BOGUS, expires_at=parts.clock.now() + 60)
        await home.ask("www.example.net. A")
        parts.keystore.put(bogus)
        await trio.sleep(2)
    async with life(world, tmp_path, wall=WALL + 10) as home:
        assert (await home.ask("www.example.net. A"))[2] == {Source.NETWORK}


# --- workers ---------------------------------------------------------------------------------


@trio_test
async def test_what_one_worker_knows_the_other_needs_not_ask(tmp_path: Path) -> None:
    world, board = village(), SharedCounters(2)
    async with (
        life(world, tmp_path, slot=Slot(board, 0)) as first,
        life(world, tmp_path, slot=Slot(board, 1)) as second,
    ):
        await first.ask("www.example.net. A")
        await trio.sleep(STORE_COMMIT_SECONDS * 1.5)
        assert (await second.ask("www.example.net. A"))[2] == {Source.CACHE}
        assert second.sent == []


@trio_test
async def test_a_second_daemon_does_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = village()
    async with life(world, tmp_path) as first, life(world, tmp_path) as second:
        await first.ask("www.example.net. A")
        await trio.sleep(2)
        assert second.daemon.persistence.store is None
        assert (await second.ask("www.example.net. A"))[2] == {Source.NETWORK}
    assert told(caplog) == [f"no cache is kept in {tmp_path}/cache: another daemon uses it"]
