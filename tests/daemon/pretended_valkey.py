"""Valkey in virtual time, and daemons that share by it: what the tests of it share."""

from __future__ import annotations

import fnmatch
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import trio

from resolver.config.schema import Config, Valkey
from resolver.daemon import valkey_client
from resolver.errors import SharedFailed
from resolver.lab.faults import Path as Fault
from resolver.limits import SHARED_COMMIT_SECONDS
from tests.cache.shelf import entry
from tests.daemon.persisting import Home, life
from tests.recurse.household import WALL, village

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    import pytest

    from resolver.cache.rrset import Entry
    from resolver.cache.shared_level import Asks, Write
    from resolver.daemon.shared_cache import SharedCache
    from resolver.daemon.shared_terms import SharedTerms
    from resolver.lab.world import World


class PretendedValkey:
    """One server for all machines. *takes_s*: what each request takes; *trouble*: why each fails;
    *is_full*: nothing is taken; *off_s*: how far its clock is."""

    def __init__(self) -> None:
        self.values: dict[bytes, tuple[bytes, float]] = {}
        self.takes_s = 0.0002
        self.trouble = ""
        self.is_full = False
        self.off_s = 0.0
        self.gets: list[Sequence[bytes]] = []
        self.puts: list[int] = []
        self.connects: list[float] = []
        self.looks_at_clock: list[float] = []

    async def _answer(self) -> None:
        await trio.sleep(self.takes_s)
        if self.trouble:
            raise SharedFailed(self.trouble)

    def _there(self, key: bytes) -> bytes | None:
        value, until = self.values.get(key, (b"", 0.0))
        return value if until > trio.current_time() else None

    @asynccontextmanager
    async def connected(self, _: SharedTerms) -> AsyncIterator[PretendedValkey]:
        self.connects.append(trio.current_time())
        await self._answer()
        yield self

    async def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        self.gets.append(keys)
        await self._answer()
        return [self._there(key) for key in keys]

    async def put(self, writes: Sequence[Write]) -> int:
        self.puts.append(len(writes))
        await self._answer()
        if self.is_full:
            return len(writes)
        for one in writes:
            if one.value is None:
                self.values.pop(one.key, None)
            elif not (one.is_weak and self._there(one.key)):
                self.values[one.key] = one.value, trio.current_time() + one.seconds
        return 0

    async def time(self) -> float:
        self.looks_at_clock.append(trio.current_time())
        await self._answer()
        return WALL + trio.current_time() + self.off_s

    async def scan(self, pattern: bytes) -> AsyncIterator[list[bytes]]:
        text = pattern.decode("latin-1").replace("\\", "")
        for key in list(self.values):
            if fnmatch.fnmatchcase(key.decode("latin-1"), text):
                await self._answer()
                yield [key]

    async def forget(self, keys: Sequence[bytes]) -> int:
        await self._answer()
        return sum(self.values.pop(key, None) is not None for key in keys)


def pretend(monkeypatch: pytest.MonkeyPatch) -> PretendedValkey:
    """Have daemons connect to it."""
    valkey = PretendedValkey()
    monkeypatch.setattr(valkey_client, "connected", valkey.connected)
    return valkey


def secret_beside(path: Path) -> str:
    """A file with the secret of all who live beside the directory *path*, which is made."""
    path.mkdir(exist_ok=True)
    secret = path.parent / "secret"
    secret.write_bytes(b"what all machines of the fleet have")
    return str(secret)


@asynccontextmanager
async def sharing(
    world: World,
    path: Path,
    *,
    persists: bool = False,
    wall: float = WALL,
    change: Callable[[Config], Config] = lambda config: config,
) -> AsyncIterator[Home]:
    """A daemon that shares, once it has connected or failed to."""
    valkey = Valkey(url="redis://127.0.0.1", secret_file=secret_beside(path))

    def with_valkey(config: Config) -> Config:
        cache = msgspec.structs.replace(config.cache, persist=persists)
        return change(msgspec.structs.replace(config, valkey=valkey, cache=cache))

    async with life(world, path, with_valkey, wall=wall) as home:
        await trio.sleep(0.1)
        yield home


def cache_of(home: Home) -> SharedCache:
    cache = home.daemon.sharing.cache
    assert cache is not None
    return cache


def town(*, is_signed: bool = False) -> World:
    """The village, its servers ten milliseconds away."""
    world = village(is_signed=is_signed)
    world.faults.default = Fault(delay_s=0.005)
    return world


async def sent() -> None:
    """What was learnt is there by now."""
    await trio.sleep(SHARED_COMMIT_SECONDS * 2 + 0.01)


def learnt_entry(home: Home, number: int = 0) -> Entry:
    """Something that its caches have learnt."""
    return entry(f"n{number}.example. 300 A 192.0.2.1", until=cache_of(home).shared.now() + 300)


def asking_of(home: Home) -> Asks:
    asking = home.daemon.parts.memory.shared
    assert asking is not None
    return asking


@asynccontextmanager
async def two_machines(
    world: World, path: Path, *, wall: float = WALL
) -> AsyncIterator[tuple[Home, Home]]:
    async with sharing(world, path / "one") as one, sharing(world, path / "two", wall=wall) as two:
        yield one, two
