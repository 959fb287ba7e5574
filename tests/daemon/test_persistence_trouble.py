"""What is wrong with the directory, the file or the disk ends nothing and is told once."""

from __future__ import annotations

import os
import stat
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from resolver.budget import Share
from resolver.cache.store_sqlite import SqliteStore
from resolver.config.schema import Config
from resolver.daemon import persistence, run
from resolver.errors import StoreFailed
from resolver.lab.virtual_time import VirtualClock
from resolver.limits import (
    STORE_RETRY_SECONDS,
)
from resolver.model import Source
from resolver.protocol.codes import Rcode
from tests.daemon.persisting import WWW, first_life, life, told
from tests.recurse.household import WALL, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.daemon.persistence import Persistence
    from resolver.lab.world import World


# --- what is wrong with the directory or the file ------------------------------------------------


async def goes_on(world: World, path: Path) -> Persistence:
    """A daemon on whatever is there answers and ends in order."""
    async with life(world, path, wall=WALL + 10) as home:
        assert (await home.ask("www.example.net. A"))[1] == Rcode.NOERROR
        await trio.sleep(2)
        return home.daemon.persistence


@pytest.mark.parametrize("damage", ["no database", "cut", "another key", "a page"])
@trio_test
async def test_a_damaged_file_is_set_aside_and_begun_anew_with_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    world = village()
    await first_life(world, tmp_path)
    file = tmp_path / "cache" / "store.sqlite"
    SqliteStore(file, (tmp_path / "cache" / "key").read_bytes()).close()  # the journal is in
    whole = file.read_bytes()
    if damage == "no database":
        file.write_bytes(b"Dear diary, " * 1000)
    elif damage == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "a page":
        file.write_bytes(whole[:1024] + bytes([255]) * (len(whole) - 1024))
    else:
        (tmp_path / "cache" / "key").write_bytes(b"?" * 32)
    await goes_on(world, tmp_path)
    (line,) = told(caplog)
    assert line.startswith(f"the cache in {tmp_path}/cache was damaged (")
    assert line.endswith("it is set aside as store.sqlite.bad and begun anew")
    assert (tmp_path / "cache" / "store.sqlite.bad").exists()
    async with life(world, tmp_path, wall=WALL + 20) as home:
        assert (await home.ask("www.example.net. A"))[2] == {Source.CACHE}


@trio_test
async def test_a_foreign_file_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import sqlite3  # noqa: PLC0415  # the other program's

    (tmp_path / "cache").mkdir()
    file = tmp_path / "cache" / "store.sqlite"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE theirs(x)")
    other.close()
    before = file.read_bytes()
    await goes_on(village(), tmp_path)
    assert told(caplog) == [
        f"no cache is kept in {tmp_path}/cache: it is another program's database"
    ]
    assert file.read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a directory away")
@trio_test
async def test_a_directory_of_another_account_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").mkdir()
    os.chown(tmp_path / "cache", 12345, 12345)
    await goes_on(village(), tmp_path)
    assert told(caplog) == [f"no cache is kept in {tmp_path}/cache: it belongs to another account"]
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "link"])
@trio_test
async def test_what_is_no_directory_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    if kind == "file":
        (tmp_path / "cache").write_bytes(b"")
    else:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "cache").symlink_to(tmp_path / "elsewhere")
    await goes_on(village(), tmp_path)
    assert told(caplog) == [f"no cache is kept in {tmp_path}/cache: it is no directory"]


@trio_test
async def test_a_death_while_it_was_opened_makes_the_next_start_do_without_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = village()
    await first_life(world, tmp_path)
    (tmp_path / "cache" / "opening-0").touch()
    assert (await goes_on(world, tmp_path)).store is None
    (line,) = told(caplog)
    why = "the last start ended while it was being opened; the next one tries again"
    assert line == f"no cache is kept in {tmp_path}/cache: {why}"
    async with life(world, tmp_path, wall=WALL + 20) as home:
        assert (await home.ask("www.example.net. A"))[2] == {Source.CACHE}


@pytest.mark.reaches("STORE_RETRY_SECONDS")
@trio_test
async def test_a_full_disk_is_told_once_and_tried_again_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, tries = village(), [0]

    def full(*_: object, **__: object) -> None:
        tries[0] += 1
        raise StoreFailed("database or disk is full")

    async with life(world, tmp_path) as home:
        with monkeypatch.context() as patched:
            patched.setattr(SqliteStore, "write", full)
            await home.ask("www.example.net. A")
            await trio.sleep(STORE_RETRY_SECONDS - 1)
            assert tries == [1]
            await home.ask("zero.example.net. A")
            await home.ask("www.glueless.net. A")
            await trio.sleep(STORE_RETRY_SECONDS)
            assert tries == [2]
        await home.ask("alias.example.net. A")
        await trio.sleep(2 * STORE_RETRY_SECONDS)
        assert home.daemon.persistence.store is not None
        assert home.daemon.persistence.store.written > 0
    assert told(caplog) == [f"no cache is kept in {tmp_path}/cache: database or disk is full"]


@trio_test
async def test_damage_that_shows_while_it_runs_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = village()
    await first_life(world, tmp_path)
    async with life(world, tmp_path, wall=WALL + 10) as home:
        file = tmp_path / "cache" / "store.sqlite"
        size = file.stat().st_size
        with file.open("r+b") as octets:
            octets.write(b"\xff" * size)
        assert (await home.ask("www.example.net. A"))[1] == Rcode.NOERROR
        await trio.sleep(3)
        assert (await home.ask("alias.example.net. A"))[1] == Rcode.NOERROR
        await trio.sleep(3)
        assert home.daemon.persistence.store is not None
        assert home.daemon.persistence.store.file is not None
    assert all("was damaged" in line for line in told(caplog))
    assert len(told(caplog)) == 1
    await goes_on(world, tmp_path)


# --- who may read it, and who wants none ----------------------------------------------------------


@trio_test
async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """The names that people ask for are personal data."""
    (tmp_path / "cache").mkdir(mode=0o755)
    async with life(village(), tmp_path) as home:
        await home.ask("www.example.net. A")
        await trio.sleep(2)
        directory = tmp_path / "cache"
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in directory.iterdir()}
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert modes == dict.fromkeys(
            ("key", "lock", "store.sqlite", "store.sqlite-wal", "store.sqlite-shm"), 0o600
        )


def off(config: Config) -> Config:
    cache = msgspec.structs.replace(config.cache, persist=False)
    return msgspec.structs.replace(config, cache=cache)


@trio_test
async def test_who_wants_none_has_what_was_kept_deleted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = village()
    await first_life(world, tmp_path)
    async with life(world, tmp_path, off, wall=WALL + 10) as home:
        assert (await home.ask("www.example.net. A"))[2] == {Source.NETWORK}
        assert home.daemon.parts.memory.second is None
        assert home.daemon.parts.memory.rrsets.learnt is None
    assert told(caplog) == [f"cache.persist is false: {tmp_path}/cache is deleted"]
    assert not list((tmp_path / "cache").glob("store*"))


@trio_test
async def test_the_shared_account_keeps_nothing_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "other programs run as the account nobody too: set server.user"
    monkeypatch.setattr(persistence, "shared_account", lambda: why)
    await goes_on(village(), tmp_path)
    (line,) = told(caplog)
    assert line == f"no cache is kept in {tmp_path}/cache: {why}"
    assert not (tmp_path / "cache").exists()


@trio_test
async def test_without_a_directory_of_its_own_nothing_is_asked_or_kept(tmp_path: Path) -> None:
    world = village()
    network = world.network(seed="life")
    config = world.configure(Config(), tmp_path)
    async with run.running(
        config, network=network, clock=VirtualClock(), rng=Random(1), listens=False, persists=True
    ) as daemon:
        memory = daemon.parts.memory
        assert memory.second is None
        assert memory.rrsets.learnt is memory.negatives.learnt is None
        await daemon.resolver.resolve(WWW, Share.for_client(trio.current_time() + 5))
