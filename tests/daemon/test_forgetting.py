"""Forgetting names reaches memory, disk and what is kept warm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from resolver.cache.store_sqlite import SqliteStore
from resolver.config.schema import Config
from resolver.config.schema import Warm as ByHand
from resolver.daemon.forgetting import forget
from resolver.errors import StoreFailed
from resolver.limits import STORE_COMMIT_SECONDS
from resolver.model import Source
from resolver.protocol import names
from tests.daemon.persisting import WWW, kill, life
from tests.making import question
from tests.recurse.household import WALL, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

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
    async with life(village(), tmp_path) as home:
        generation = home.daemon.parts.packets.generation
        await forget(home.daemon, WWW.qname, below=False)
        assert home.daemon.parts.packets.generation == generation + 1


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
