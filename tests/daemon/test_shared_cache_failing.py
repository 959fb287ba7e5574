"""A Redis that hangs, dies, fills or goes on and on: nobody waits, and it is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.lowlevel

from resolver.limits import (
    SHARED_BATCH,
    SHARED_CLOCK_SECONDS,
    SHARED_COMMIT_SECONDS,
    SHARED_FAILURES,
    SHARED_LOOKUPS_AT_ONCE,
    SHARED_RETRY_MAX_SECONDS,
    SHARED_RETRY_SECONDS,
    SHARED_TIMEOUT_MS,
    SHARED_WRITE_SECONDS,
)
from resolver.model import Source
from tests.daemon.persisting import told
from tests.daemon.pretended_valkey import (
    cache_of,
    learnt_entry,
    pretend,
    sent,
    sharing,
    town,
    two_machines,
)
from tests.making import question
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path


WWW = "www.example.net. A"


@pytest.mark.reaches("SHARED_TIMEOUT_MS", "SHARED_FAILURES")
@trio_test
async def test_one_that_hangs_is_left_alone_after_a_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(town(), tmp_path / "one") as home:
        await home.ask(WWW)
        await sent()
        cache, valkey.takes_s = cache_of(home), 1e6
        for number in range(SHARED_FAILURES):
            assert cache.breaker.is_closed
            lookup = cache._level.ask(question(f"h{number}.example.net. A"))
            assert lookup is not None
            await trio.sleep(0.99 * SHARED_TIMEOUT_MS / 1000)
            assert not lookup.is_over
            await trio.sleep(0.02 * SHARED_TIMEOUT_MS / 1000)
            assert lookup.is_over
        await trio.lowlevel.checkpoint()
        assert not cache.breaker.is_closed
        assert (cache.shared.timeouts, cache.breaker.opened) == (SHARED_FAILURES, 1)
        valkey.gets.clear()
        await home.ask("other.example.net. A")
        assert (valkey.gets, told(caplog)) == ([], [])
        await trio.sleep(2 * SHARED_WRITE_SECONDS)  # it was no moment only
        assert told(caplog) == ["nothing is shared by 127.0.0.1:6379: no reply in time"]


@trio_test
async def test_a_busy_machine_is_not_taken_for_a_redis_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own loop is late: what it says of the time is not that of Redis."""
    valkey = pretend(monkeypatch)
    async with sharing(town(), tmp_path / "one") as home:
        cache, valkey.takes_s = cache_of(home), 1e6
        now = trio.current_time
        for number in range(3 * SHARED_FAILURES):
            lookup = cache._level.ask(question(f"h{number}.example.net. A"))
            assert lookup is not None
            await trio.sleep(0.5 * SHARED_TIMEOUT_MS / 1000)
            monkeypatch.setattr(trio, "current_time", lambda: now() + SHARED_TIMEOUT_MS / 1000)
            await trio.sleep(0.6 * SHARED_TIMEOUT_MS / 1000)
            monkeypatch.setattr(trio, "current_time", now)
            assert lookup.is_over
        assert cache.breaker.is_closed
        assert cache.shared.timeouts == 3 * SHARED_FAILURES


@trio_test
async def test_it_is_asked_again_once_it_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    valkey = pretend(monkeypatch)
    async with two_machines(town(), tmp_path) as (one, two):
        valkey.trouble = "it is gone"
        await one.ask(WWW)
        assert not cache_of(one).breaker.is_closed
        await trio.sleep(5)
        valkey.trouble = ""
        await trio.sleep(SHARED_RETRY_MAX_SECONDS)
        assert cache_of(one).breaker.is_closed
        await sent()  # what was learnt meanwhile had waited
        two.sent.clear()
        assert (await two.ask(WWW))[2] == {Source.CACHE}
        assert two.sent == []
        await one.ask("other.example.net. A")  # it is of use
        where = "127.0.0.1:6379"
        assert told(caplog)[-2:] == [
            f"nothing is shared by {where}: it is gone", f"{where} is shared by again",
        ]  # fmt: skip


@pytest.mark.reaches("SHARED_RETRY_SECONDS", "SHARED_RETRY_MAX_SECONDS")
@trio_test
async def test_it_is_tried_ever_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    valkey = pretend(monkeypatch)
    valkey.trouble, valkey.takes_s = "refused", 0.0
    async with sharing(town(), tmp_path / "one"):
        await trio.sleep(40 * SHARED_RETRY_MAX_SECONDS)
        first, *_ = pauses = [
            b - a for a, b in zip(valkey.connects, valkey.connects[1:], strict=False)
        ]
        assert 0.5 * SHARED_RETRY_SECONDS <= first <= SHARED_RETRY_SECONDS
        assert 0.8 * SHARED_RETRY_MAX_SECONDS <= max(pauses) <= SHARED_RETRY_MAX_SECONDS
        assert min(pauses[8:]) >= 0.5 * SHARED_RETRY_MAX_SECONDS


@pytest.mark.reaches("SHARED_WRITE_SECONDS")
@trio_test
async def test_nothing_off_the_path_waits_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither who connects nor who sends."""
    valkey = pretend(monkeypatch)
    async with sharing(town(), tmp_path / "one") as home:
        cache = cache_of(home)
        valkey.takes_s = 1e6
        cache._learnt.append(learnt_entry(home))
        await trio.sleep(SHARED_COMMIT_SECONDS + 0.9 * SHARED_WRITE_SECONDS)
        assert cache.status()["state"] == "closed"
        await trio.sleep(0.2 * SHARED_WRITE_SECONDS)
        assert cache.status()["state"] != "closed"
        valkey.connects.clear()
        await trio.sleep(10)
        first, second = valkey.connects[:2]
        pause = 4 * SHARED_RETRY_SECONDS
        assert 0.99 * SHARED_WRITE_SECONDS < second - first < SHARED_WRITE_SECONDS + pause


@pytest.mark.reaches("SHARED_BATCH")
@trio_test
async def test_what_is_learnt_goes_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(town(), tmp_path / "one") as home:
        valkey.puts.clear()
        for number in range(SHARED_BATCH + 1):
            cache_of(home)._learnt.append(learnt_entry(home, number))
        await sent()
        assert valkey.puts == [SHARED_BATCH, 1]
        assert cache_of(home).shared.written == SHARED_BATCH + 1


@trio_test
async def test_one_that_is_full_is_not_pressed_and_still_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = pretend(monkeypatch)
    async with two_machines(town(), tmp_path) as (one, two):
        await one.ask(WWW)
        await sent()
        cache, valkey.is_full = cache_of(one), True
        valkey.puts.clear()
        for number in range(10 * SHARED_BATCH):
            cache._learnt.append(learnt_entry(one, number))
        await trio.sleep(3 * SHARED_WRITE_SECONDS)
        assert 2 <= len(valkey.puts) <= 4
        assert cache.shared.refused == len(valkey.puts) * SHARED_BATCH
        assert (await two.ask(WWW))[2] == {Source.CACHE}
        valkey.is_full = False
        await trio.sleep(2 * SHARED_WRITE_SECONDS)
        assert cache.waiting == 0


@pytest.mark.reaches("SHARED_CLOCK_SECONDS")
@trio_test
async def test_its_clock_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was set while we were connected."""
    valkey = pretend(monkeypatch)
    async with sharing(town(), tmp_path / "one") as home:
        valkey.looks_at_clock.clear()
        valkey.off_s = 7.0
        await trio.sleep(2.5 * SHARED_CLOCK_SECONDS)
        assert len(valkey.looks_at_clock) == 2
        assert cache_of(home).status()["ahead_s"] == pytest.approx(7.0, abs=0.01)


@trio_test
async def test_a_fault_of_a_look_up_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It breaks while some wait: they go on to the servers."""
    valkey = pretend(monkeypatch)
    async with sharing(town(), tmp_path / "one") as home:
        valkey.takes_s, valkey.trouble = 0.0005, "reset"
        async with trio.open_nursery() as nursery:
            for number in range(SHARED_LOOKUPS_AT_ONCE * 3):
                nursery.start_soon(home.ask, f"n{number}.example.net. A")
        level = cache_of(home)._level
        assert (level.running, cache_of(home)._wanted) == ({}, [])
        assert cache_of(home).shared.failures >= 1
