"""Machines that share: what one knows costs others no packet; a Redis that fails, nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.lowlevel

from resolver.lab.faults import Path as Fault
from resolver.limits import (
    SHARED_COMMIT_SECONDS,
    SHARED_HEAD_START_SECONDS,
    SHARED_LOOKUPS_AT_ONCE,
)
from resolver.model import Source, Status
from resolver.protocol.codes import Rcode
from tests.daemon.pretended_valkey import (
    asking_of,
    cache_of,
    learnt_entry,
    pretend,
    sent,
    sharing,
    town,
    two_machines,
)
from tests.recurse.household import WALL
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

    from tests.daemon.persisting import Home

WWW = "www.example.net. A"


async def _took(home: Home, text: str) -> float:
    begun = trio.current_time()
    await home.ask(text)
    return trio.current_time() - begun


# --- what one knows the other knows ----------------------------------------------------------


@pytest.mark.reaches("SHARED_HEAD_START_SECONDS")
@pytest.mark.parametrize("is_signed", [True, False])
@trio_test
async def test_what_one_machine_knows_costs_the_other_no_packet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_signed: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    """Data, an alias with its denial, a name that does not exist; with the status they had."""
    valkey = pretend(monkeypatch)
    valkey.takes_s = 0.9 * SHARED_HEAD_START_SECONDS
    status = Status.SECURE if is_signed else Status.INSECURE
    async with two_machines(town(is_signed=is_signed), tmp_path) as (one, two):
        for text in (WWW, "alias.example.net. AAAA", "gone.example.net. A"):
            await one.ask(text)
        await sent()
        two.sent.clear()
        assert await two.ask(WWW) == (status, Rcode.NOERROR, {Source.CACHE})
        assert two.sent == []
        assert await two.ask("gone.example.net. A") == (status, Rcode.NXDOMAIN, {Source.CACHE})
        assert await two.ask("alias.example.net. AAAA") == (status, Rcode.NOERROR, {Source.CACHE})
        assert two.sent == []


@pytest.mark.reaches("SHARED_COMMIT_SECONDS")
@trio_test
async def test_what_is_learnt_is_there_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(town(), tmp_path / "one") as one:
        cache_of(one)._learnt.append(learnt_entry(one))
        await trio.sleep(SHARED_COMMIT_SECONDS * 0.8)
        assert valkey.puts == []
        await trio.sleep(SHARED_COMMIT_SECONDS * 0.3)
        assert len(valkey.puts) == 1


@trio_test
async def test_the_disk_is_asked_first_and_both_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = pretend(monkeypatch)
    world = town()
    async with sharing(world, tmp_path / "one", persists=True) as one:
        await one.ask(WWW)
        await trio.sleep(2)
    assert b"resolver:{www.example.net.}A" in valkey.values
    valkey.gets.clear()
    async with sharing(world, tmp_path / "one", persists=True, wall=WALL + 5) as again:
        assert (await again.ask(WWW))[2] == {Source.CACHE}
        assert (again.sent, valkey.gets) == ([], [])
        await again.ask("gone.example.net. A")
        assert len(valkey.gets) > 0


@trio_test
async def test_in_an_outage_what_another_machine_had_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expired for an hour, on a machine that never had it."""
    pretend(monkeypatch)
    world = town()
    async with two_machines(world, tmp_path) as (one, two):
        await one.ask(WWW)
        await trio.sleep(3600)
        for host in ("192.0.2.10", "192.0.2.20", "192.0.2.21"):
            world.faults.set(host, Fault(dead=True))
        assert (await two.ask(WWW))[1:] == (Rcode.NOERROR, {Source.STALE})


@pytest.mark.parametrize("wall", [WALL - 3000, WALL + 3000])
@trio_test
async def test_between_machines_whose_clocks_differ_no_ttl_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wall: float
) -> None:
    pretend(monkeypatch)
    async with two_machines(town(), tmp_path, wall=wall) as (one, two):
        await one.ask(WWW)
        await trio.sleep(100)
        two.sent.clear()
        (rrset,) = await two.told(WWW)
        is_ahead = wall > WALL  # for us it is over: asked anew
        assert (bool(two.sent), rrset.ttl <= 200) == (is_ahead, not is_ahead)


# --- never slower ----------------------------------------------------------------------------


@trio_test
async def test_a_name_that_nobody_knows_costs_a_look_up_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(town(), tmp_path / "one") as with_it:
        took = await _took(with_it, WWW)
    valkey.trouble = "down"
    async with sharing(town(), tmp_path / "two") as without:
        assert took - await _took(without, WWW) <= SHARED_HEAD_START_SECONDS


@pytest.mark.parametrize("takes_s", [0.002, 0.0045, 0.1, 1000.0])
@trio_test
async def test_a_slow_one_delays_nobody_by_more_than_the_head_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes_s: float
) -> None:
    """All look-ups of a query together, those for keys and nameservers among them."""
    valkey = pretend(monkeypatch)
    world = town(is_signed=True)
    valkey.trouble = "down"
    async with sharing(world, tmp_path / "two") as without:
        usual = await _took(without, "www.glueless.net. A")
    valkey.trouble = ""
    async with sharing(world, tmp_path / "one") as home:
        valkey.takes_s = takes_s
        took = await _took(home, "www.glueless.net. A")
        assert took - usual <= SHARED_HEAD_START_SECONDS * 1.01
        assert len(valkey.gets) > 1


@trio_test
async def test_what_comes_while_servers_are_asked_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later than the head start, sooner than the servers; and for all who wait for it."""
    valkey = pretend(monkeypatch)
    async with two_machines(town(), tmp_path) as (one, two):
        await one.ask(WWW)
        await sent()
        valkey.takes_s = 0.003
        took: list[float] = []

        async def ask() -> None:
            took.append(await _took(two, WWW))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
        assert all(0.003 <= each < 0.0035 for each in took)
        assert len(two.daemon.resolver.jobs) == 0
        assert (await two.ask(WWW))[2] == {Source.CACHE}


@trio_test
async def test_where_it_is_slow_of_late_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(town(), tmp_path / "one") as home:
        valkey.takes_s = 0.004
        for number in range(12):
            await home.ask(f"n{number}.example.net. A")
        assert not asking_of(home).is_prompt
        slow = await _took(home, "slow.example.net. A")
        valkey.takes_s = 0.0001
        for number in range(12):
            await home.ask(f"m{number}.example.net. A")
        assert asking_of(home).is_prompt
        valkey.trouble = "down"
        await home.ask("down.example.net. A")
        assert slow <= await _took(home, "usual.example.net. A") + 1e-9


@pytest.mark.reaches("SHARED_LOOKUPS_AT_ONCE")
@trio_test
async def test_many_questions_go_in_few_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = pretend(monkeypatch)
    async with sharing(town(), tmp_path / "one") as home:
        await home.ask(WWW)
        valkey.gets.clear()
        async with trio.open_nursery() as nursery:
            for number in range(SHARED_LOOKUPS_AT_ONCE + 1):
                nursery.start_soon(home.ask, f"n{number}.example.net. A")
        sizes = sorted(len(keys) for keys in valkey.gets)
        assert len(sizes) == 2
        assert sizes[1] == SHARED_LOOKUPS_AT_ONCE * sizes[0]
