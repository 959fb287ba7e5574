"""The file of the root zone's copy: damaged, foreign, of the future, changed by another worker."""

from __future__ import annotations

import dataclasses
import logging
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
from msgspec.structs import replace

from resolver import limits
from resolver.config.schema import Root
from resolver.daemon.root_keeper import RootKeeper, Serving
from resolver.daemon.state import ROOT_ZONE
from resolver.iterate.root_copy import RootCopy
from resolver.protocol.codes import Rcode
from resolver.telemetry.shared_counters import SharedCounters, Slot
from tests.daemon.test_root_keeper import (
    ALWAYS,
    _threads_take_no_time,  # noqa: F401  # for each test here, too
    copy_of,
    junk,
    keep,
    keeping,
    serial_of,
)
from tests.dnssec.whole_root import packed, whole_root
from tests.iterate.lab_root import packed_root, publish
from tests.recurse.household import WALL, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.daemon.wiring import Parts


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
@trio_test
async def test_a_damaged_file_is_set_aside_with_one_warning(
    damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = village(is_signed=True)
    whole = packed_root(world, wall=WALL)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    held = {"cut": whole[:-1], "flipped": bytes(flipped), "empty": b"", "foreign": b"\x7fELF" * 99}
    async with keeping(world, Root(), held=held[damage]) as (home, fetcher, directory):
        await trio.sleep(5 * limits.ROOT_LOOK_SECONDS)
        assert (serial_of(home), fetcher.jobs) == (None, [])
        assert await trio.Path(directory / ROOT_ZONE).exists() is False
        assert await trio.Path(directory / f"{ROOT_ZONE}.damaged").exists()
        assert (await home.ask(junk())).rcode == Rcode.NXDOMAIN
    told = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(told) == 1
    assert "the copy of the root zone in working_directory is damaged" in told[0]


@trio_test
async def test_a_copy_that_breaks_while_it_is_used_is_set_aside(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = village(is_signed=True)
    async with keeping(world) as (home, fetcher, directory):
        await trio.sleep(5)
        copy = copy_of(home)
        copy.form, copy.trouble = None, "it has rotted"
        await trio.sleep(limits.ROOT_LOOK_SECONDS)
        assert await trio.Path(directory / f"{ROOT_ZONE}.damaged").exists()
        await trio.sleep(2 * limits.ROOT_REFRESH_SECONDS + 7200)
        assert len(fetcher.jobs) == 2
        assert serial_of(home) == 1
    assert sum("it has rotted" in one.getMessage() for one in caplog.records) == 1


@trio_test
async def test_a_copy_of_other_anchors_is_not_used() -> None:
    world = village(is_signed=True)
    async with keeping(world, Root(), held=packed(whole_root())) as (home, _, _):
        await trio.sleep(1)
        assert serial_of(home) is None


@trio_test
async def test_a_file_of_the_future_counts_only_in_an_outage() -> None:
    """Its age cannot be told: the clock was set back since, or was wrong then."""
    world = village(is_signed=True)
    held = packed_root(world, wall=WALL)
    async with keeping(world, held=held, age_s=-4000) as (home, fetcher, _):
        await trio.sleep(0.5)
        assert serial_of(home) == 1
        assert len(fetcher.jobs) == 1  # fetched anew, without asking for the SOA
        assert not copy_of(home).is_live
        await trio.sleep(5)
        assert copy_of(home).is_live


@pytest.mark.reaches("ROOT_LOOK_SECONDS")
@trio_test
async def test_another_worker_takes_what_the_first_has_fetched() -> None:
    world = village(is_signed=True)
    publish(world, 5)
    async with keeping(world, Root(local=False)) as (home, fetcher, _):
        parts, state = home.parts, home.daemon.state
        keeper = RootKeeper(Serving(state, leads=False, fetch=fetcher), lambda: parts)
        home.daemon.nursery.start_soon(keeper.keep)
        await trio.sleep(1)
        keep(world, state)
        await trio.sleep(limits.ROOT_LOOK_SECONDS - 2)
        assert serial_of(home) is None
        await trio.sleep(2)
        assert serial_of(home) == 5
        confirmed_at = copy_of(home).confirmed_at
        state.date(ROOT_ZONE, parts.clock.wall())
        await trio.sleep(limits.ROOT_LOOK_SECONDS)
        assert copy_of(home).confirmed_at > confirmed_at
        publish(world, 4)
        keep(world, state)
        await trio.sleep(limits.ROOT_LOOK_SECONDS)
        assert serial_of(home) == 5  # an older one, put there by somebody
        assert fetcher.jobs == []


@trio_test
async def test_another_worker_is_told_of_a_new_copy() -> None:
    """It would go on with the old one for up to a minute."""
    world, board = village(is_signed=True), SharedCounters(2)
    async with keeping(world, Root(local=False)) as (home, fetcher, _):
        parts, copies = home.parts, []
        for worker in (1, 0):
            await trio.sleep(limits.ROOT_LOOK_SECONDS / 2)
            copies.append(RootCopy(parts.clock))
            base = dataclasses.replace(parts.base, root_copy=copies[-1])
            own = dataclasses.replace(parts, base=base, config=replace(parts.config, root=ALWAYS))
            slot = Slot(board, worker)
            serving = Serving(home.daemon.state, leads=not worker, fetch=fetcher, slot=slot)
            home.daemon.nursery.start_soon(RootKeeper(serving, partial(_same, own)).keep)
        await trio.sleep(2)
        assert len(fetcher.jobs) == 1
        assert [one.form and one.form.serial for one in copies] == [1, 1]


def _same(parts: Parts) -> Parts:
    return parts


@trio_test
async def test_a_file_that_is_cut_in_place_harms_nobody_who_uses_it() -> None:
    """Were it mapped, the kernel would end the process (SIGBUS) at the next look-up."""
    world = village(is_signed=True)
    async with keeping(world, held=packed_root(world, wall=WALL)) as (home, _, directory):
        await trio.sleep(1)
        os.truncate(directory / ROOT_ZONE, 0)
        answer = await home.ask(junk())
        assert (answer.rcode, home.sent) == (Rcode.NXDOMAIN, 0)
        await trio.sleep(2 * limits.ROOT_LOOK_SECONDS)
        assert serial_of(home) == 1
        assert (await home.ask(junk(1))).rcode == Rcode.NXDOMAIN
