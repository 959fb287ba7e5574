"""Look-ups that wait for the disk: in a thread, once for all, and not for ever."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from resolver.limits import STORE_COLD_SECONDS
from resolver.protocol.codes import RRType
from resolver.recurse.from_disk import FromDisk
from tests.cache.shelf import NOW, WWW, Bench, entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from resolver.cache.second_level import Found, Lookup, SecondLevel


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "store.sqlite")
    made.learn(entry())
    made.another()
    made.store.note_cold(has_waited=True)
    yield made
    made.file.close()


class Slow:
    """A disk that takes its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, level: SecondLevel) -> None:
        self.may_go_on = threading.Event()
        self.looks = 0
        self._read = level.read
        monkeypatch.setattr(level, "read", self.read)

    def read(self, lookup: Lookup) -> Found | None:
        self.looks += 1
        self.may_go_on.wait(60)
        return self._read(lookup)


def test_all_who_wait_for_a_question_have_what_one_look_brings(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, level = Slow(monkeypatch, bench.level), bench.level
    disk = FromDisk(level, bench.clock, in_thread=True)

    async def ask() -> None:
        assert not level.bring(WWW, NOW)
        await disk.fetch(WWW)
        assert bench.rrsets.get(WWW.qname, RRType.A, NOW) == entry()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
            await trio.sleep(0.02)  # the loop goes on meanwhile
            slow.may_go_on.set()

    trio.run(main)
    assert slow.looks == 1
    assert level.waiting == {}


@pytest.mark.reaches("STORE_COLD_SECONDS")
def test_a_disk_that_hangs_is_left_to_itself(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waited goes on without it, and so do all that come."""
    slow, level = Slow(monkeypatch, bench.level), bench.level
    disk = FromDisk(level, bench.clock, in_thread=True)

    async def main() -> None:
        for _ in range(2):
            level.bring(WWW, NOW)
            began = trio.current_time()
            await disk.fetch(WWW)
            assert trio.current_time() - began >= STORE_COLD_SECONDS
            assert level.waiting == {}
            level._asked.clear()
        slow.may_go_on.set()

    trio.run(main, clock=trio.testing.MockClock(rate=20))
    assert bench.rrsets.get(WWW.qname, RRType.A, NOW) is None


def test_what_nobody_noted_is_not_looked_up(bench: Bench) -> None:
    disk = FromDisk(bench.level, bench.clock, in_thread=False)
    trio.run(disk.fetch, WWW)
    assert bench.rrsets.get(WWW.qname, RRType.A, NOW) is None
    bench.bring(WWW)
    trio.run(disk.fetch, WWW)
    assert bench.rrsets.get(WWW.qname, RRType.A, NOW) == entry()
