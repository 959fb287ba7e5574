"""Forgetting names reaches memory, disk and what is kept warm."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from resolver.cache.store_sqlite import SqliteStore
from resolver.config.schema import Config
from resolver.config.schema import Warm as ByHand
from resolver.daemon.forgetting import (
    forget,
    forget_all,
    forget_bogus,
    forget_denials,
    forget_servers,
)
from resolver.errors import ResolutionFailed, StoreFailed
from resolver.lab.signing import Signer
from resolver.limits import STORE_COMMIT_SECONDS
from resolver.model import Source, Status
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.transport import Transport
from resolver.upstream.infra import Infra
from tests.asking import CLIENT, SOURCE, octets
from tests.daemon.persisting import WWW, kill, life, recalled
from tests.making import question
from tests.recurse.household import WALL, budget, slow_village, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.model import RRset
from tests.daemon.persisting import Home

LATER = STORE_COMMIT_SECONDS * 1.5
ASKED = ("www.example.net. A", "gone.example.net. A", "www.glueless.net. A")


async def sources(home: Home) -> list[Source]:
    """Where an answer to each comes from."""
    found = [await home.ask(text) for text in ASKED]
    return [next(iter(told)) for _, _, told in found]


NETWORK, CACHE = Source.NETWORK, Source.CACHE


@pytest.mark.parametrize(
    ("text", "below", "expected"),
    [
        ("www.example.net.", False, [NETWORK, CACHE, CACHE]),
        ("example.net.", True, [NETWORK, NETWORK, CACHE]),
        ("example.net.", False, [CACHE, CACHE, CACHE]),
        (".", True, [NETWORK, NETWORK, NETWORK]),
    ],
)
@pytest.mark.parametrize("is_restarted", [False, True])
@trio_test
async def test_what_was_forgotten_is_asked_anew(
    tmp_path: Path,
    text: str,
    expected: list[Source],
    *,
    below: bool,
    is_restarted: bool,
) -> None:
    """By this process and by the next, though it was written to disk long since."""
    world = village()
    async with life(world, tmp_path) as home:
        await sources(home)
        await trio.sleep(LATER)
        await forget(home.daemon, names.from_text(text), below=below)
        if not is_restarted:
            assert await sources(home) == expected
        kill(home)
    if is_restarted:
        async with life(world, tmp_path, wall=WALL + 10) as home:
            assert await sources(home) == expected


@trio_test
async def test_what_waits_to_be_written_does_not_come_back(tmp_path: Path) -> None:
    async with life(village(), tmp_path) as home:
        await sources(home)
        await forget(home.daemon, names.ROOT, below=True)
        await trio.sleep(LATER)
        kill(home)
    async with life(village(), tmp_path, wall=WALL + 10) as home:
        assert await sources(home) == [NETWORK, NETWORK, NETWORK]


@trio_test
async def test_proven_gaps_do_not_deny_what_was_forgotten(tmp_path: Path) -> None:
    """RFC 8198: the gap that denied it was learnt for another name."""
    world = village(is_signed=True)
    async with life(world, tmp_path) as home:
        await home.ask("gone.example.net. A")
        assert (await home.ask("gonf.example.net. A"))[2] == {CACHE}
        await trio.sleep(LATER)
        await forget(home.daemon, names.from_text("gonf.example.net."), below=False)
        assert (await home.ask("gonf.example.net. A"))[2] == {NETWORK}


@trio_test
async def test_ready_replies_are_forgotten(tmp_path: Path) -> None:
    """And not counted as forgotten once more."""
    async with life(village(), tmp_path) as home:
        pipeline, asked = home.daemon.parts.pipeline, octets(WWW)
        done = trio.Event()
        pipeline.start(asked, CLIENT, lambda _: done.set())
        await done.wait()
        assert pipeline.fast_path(Transport.UDP).begin()(asked, SOURCE) is not None
        for expected in (1, 0):
            counts = await forget(home.daemon, WWW.qname, below=False)
            assert counts["ready_replies"] == expected
            assert pipeline.fast_path(Transport.UDP).begin()(asked, SOURCE) is None


@pytest.mark.parametrize("is_restarted", [False, True])
@trio_test
async def test_what_is_warm_is_forgotten_on_disk_too(tmp_path: Path, *, is_restarted: bool) -> None:
    other = question("www.glueless.net. A")
    async with life(village(), tmp_path) as home:
        warm = home.daemon.parts.base.prefetch.warm
        for asked in (WWW, other):
            warm.add(asked, 300, 300.0, home.daemon.parts.clock.now()).quarters = 1
        keepsakes, hop = home.daemon.persistence._keepsakes, home.daemon.persistence._hop()
        assert keepsakes is not None
        await keepsakes.keep(hop, is_due=True)
        await forget(home.daemon, WWW.qname, below=False)
        if not is_restarted:
            assert set(warm.entries) == {other}
        kill(home)
    if is_restarted:
        async with life(village(), tmp_path, wall=WALL + 10) as home:
            await trio.sleep(0.1)
            assert set(home.daemon.parts.base.prefetch.warm.entries) == {other}


@trio_test
async def test_the_last_warm_name_is_forgotten_on_disk_too(tmp_path: Path) -> None:
    async with life(village(), tmp_path) as home:
        warm = home.daemon.parts.base.prefetch.warm
        warm.add(WWW, 300, 300.0, home.daemon.parts.clock.now()).quarters = 1
        keepsakes, hop = home.daemon.persistence._keepsakes, home.daemon.persistence._hop()
        assert keepsakes is not None
        await keepsakes.keep(hop, is_due=True)
        await forget(home.daemon, names.ROOT, below=True)
        kill(home)
    file = SqliteStore(tmp_path / "cache" / "store.sqlite", (tmp_path / "cache/key").read_bytes())
    rows = file.slice(-(1 << 63), 99, table="resident", values=True)
    file.close()
    assert not [row for row in rows if b"A3d3d" in row.value]  # base64 of the label www
    assert msgspec.json.encode(WWW.qname)[1:6] == b"A3d3d"


def by_hand(config: Config) -> Config:
    return msgspec.structs.replace(config, warm=(ByHand(name="www.example.net", types=("A",)),))


@trio_test
async def test_what_is_wanted_by_hand_is_fetched_again_at_once(tmp_path: Path) -> None:
    async with life(village(), tmp_path, by_hand) as home:
        await trio.sleep(100)
        await forget(home.daemon, names.ROOT, below=True)
        await trio.sleep(10)
        (rrset,) = await home.told("www.example.net. A")
        assert rrset.ttl > 280
        assert (await home.ask("www.example.net. A"))[2] == {CACHE}


@trio_test
async def test_a_disk_that_fails_is_told_and_memory_has_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreFailed("disk I/O error")

    async with life(village(), tmp_path) as home:
        await sources(home)
        await trio.sleep(LATER)
        monkeypatch.setattr(SqliteStore, "write", full)
        with pytest.raises(StoreFailed, match="disk I/O error"):
            await forget(home.daemon, WWW.qname, below=False)
        assert home.daemon.parts.memory.peek(WWW, 0.0) is None


@trio_test
async def test_without_a_store_memory_forgets(tmp_path: Path) -> None:
    def off(config: Config) -> Config:
        return msgspec.structs.replace(
            config, cache=msgspec.structs.replace(config.cache, persist=False)
        )

    async with life(village(), tmp_path, off) as home:
        await sources(home)
        await forget(home.daemon, WWW.qname, below=False)
        assert await sources(home) == [NETWORK, CACHE, CACHE]


@trio_test
async def test_it_is_told_how_much_went(tmp_path: Path) -> None:
    async with life(village(), tmp_path) as home:
        await sources(home)
        await trio.sleep(LATER)
        gone = await forget(home.daemon, names.from_text("example.net."), below=True)
        assert gone["in_memory"] >= 3  # www, gone, and the delegation
        assert gone["on_disk"] >= 3
        again = await forget(home.daemon, names.from_text("example.net."), below=True)
        assert (again["in_memory"], again["on_disk"]) == (0, 0)
        assert (await forget_all(home.daemon))["in_memory"] > 0
        assert await sources(home) == [NETWORK, NETWORK, NETWORK]


# --- what is on its way while something is forgotten ---------------------------------------------


@trio_test
async def test_what_comes_later_but_was_asked_before_is_not_kept(tmp_path: Path) -> None:
    """Who asked is told it; the next one is told what is true by then."""
    world = slow_village()
    async with life(world, tmp_path) as home, trio.open_nursery() as nursery:
        told: list[list[RRset]] = []

        async def ask() -> None:
            told.append(await home.told("www.example.net. A"))

        nursery.start_soon(ask)
        await trio.sleep(0.5)
        await forget(home.daemon, WWW.qname, below=False)
        with trio.fail_after(10):
            while not told:  # noqa: ASYNC110  # in virtual time
                await trio.sleep(0.1)
        assert told[0][0].rdatas == (bytes([192, 0, 2, 80]),)
        assert home.daemon.parts.memory.peek(WWW, 0.0) is None
        assert (await home.ask("www.example.net. A"))[2] == {NETWORK}
        await trio.sleep(LATER)
        kill(home)


@trio_test
async def test_what_was_recalled_unchecked_does_not_come_back_as_proven(tmp_path: Path) -> None:
    """Validation takes a second here, and keeps what it has judged: data from before the flush."""
    world = slow_village(is_signed=True)
    async with life(world, tmp_path) as home, trio.open_nursery() as nursery:
        await home.daemon.resolver.resolve(WWW, budget(), checking=False)
        known = home.daemon.parts.memory.peek(WWW, 0.0)
        assert known is not None
        assert known.status is Status.UNCHECKED
        asked = len(home.sent)
        nursery.start_soon(home.ask, "www.example.net. A")
        with trio.fail_after(10):
            while len(home.sent) == asked:  # noqa: ASYNC110  # for its keys
                await trio.sleep(0.01)
        await forget(home.daemon, WWW.qname, below=False)
        await trio.sleep(LATER + 5)
        assert home.daemon.parts.memory.peek(WWW, 0.0) is None
        assert await recalled(home, WWW) is None


@trio_test
async def test_what_is_learnt_of_other_names_meanwhile_is_written(tmp_path: Path) -> None:
    async with life(village(), tmp_path) as home:
        await home.ask("www.glueless.net. A")
        await forget(home.daemon, WWW.qname, below=False)
        await trio.sleep(LATER)
        kill(home)
    async with life(village(), tmp_path, wall=WALL + 10) as home:
        assert (await home.ask("www.glueless.net. A"))[2] == {CACHE}


@trio_test
async def test_counters_go_on(tmp_path: Path) -> None:
    async with life(village(is_signed=True), tmp_path) as home:
        home.daemon.resolver.refresh(WWW)
        await trio.sleep(5)
        before = home.daemon.registry.values()
        await forget(home.daemon, WWW.qname, below=False)
        now = home.daemon.registry.values()
        fell = [name for name in before if name.endswith("_total") and now[name] < before[name]]
        assert (before["resolver_resolutions_refreshes_total"], fell) == (1, [])


# --- denials, what is bogus, servers ------------------------------------------------------------


@pytest.mark.parametrize("is_restarted", [False, True])
@trio_test
async def test_denials_and_failures_alone_are_forgotten(
    tmp_path: Path, *, is_restarted: bool
) -> None:
    world = village(is_signed=True)
    async with life(world, tmp_path) as home:
        await sources(home)
        assert (await home.ask("gonf.example.net. A"))[2] == {CACHE}  # by the gap
        memory = home.daemon.parts.memory
        memory.failures.note(question("x.net. A"), (), home.daemon.parts.clock.now())
        await trio.sleep(LATER)
        gone = await forget_denials(home.daemon)
        assert gone["in_memory"] >= 3
        assert gone["on_disk"] >= 1
        assert not len(home.daemon.parts.memory.failures)
        if not is_restarted:
            assert (await home.ask("gonf.example.net. A"))[2] == {NETWORK}
            assert await sources(home) == [CACHE, CACHE, CACHE]  # denied by what came with gonf
        kill(home)
    if is_restarted:
        async with life(world, tmp_path, wall=WALL + 10) as home:
            assert await sources(home) == [CACHE, NETWORK, CACHE]


@trio_test
async def test_a_zone_that_was_mended_resolves_once_its_bogus_data_is_forgotten(
    tmp_path: Path,
) -> None:
    """Signed with another key than its DS says, and then right: its DS and keys are asked anew."""
    world = village()
    example, net, root = (world.zones[names.from_text(at)] for at in ("example.net.", "net.", "."))
    world.sign(example, wall=WALL, spoils=frozenset({RRType.A}))
    world.sign(net, wall=WALL)
    world.sign(root, wall=WALL)
    async with life(world, tmp_path) as home:
        with pytest.raises(ResolutionFailed):
            await home.ask("www.example.net. A")
        example.signer = Signer(example, wall=WALL)
        with pytest.raises(ResolutionFailed):
            await home.ask("www.example.net. A")
        gone = await forget_bogus(home.daemon)
        assert gone["in_memory"] >= 1
        status, _, told = await home.ask("www.example.net. A")
        assert (status, told) == (Status.SECURE, {NETWORK})


@pytest.mark.parametrize("is_restarted", [False, True])
@trio_test
async def test_servers_are_forgotten(tmp_path: Path, *, is_restarted: bool) -> None:
    async with life(village(), tmp_path) as home:
        await sources(home)
        infra = home.daemon.parts.infra
        known = len(infra)
        assert known > 2
        await trio.sleep(LATER)
        assert await forget_servers(home.daemon) == {"servers": known}
        assert (len(infra), infra.typical_rtt_s) == (0, Infra(rng=Random(1)).typical_rtt_s)
        assert (await sources(home))[0] is CACHE  # names are known still
        kill(home)
    if is_restarted:
        async with life(village(), tmp_path, wall=WALL + 10) as home:
            await home.daemon.persistence.are_notes_read.wait()
            assert not any(state.hint for state in home.daemon.parts.infra.states.values())
