"""What operators decide is there after a restart, and a file that is none harms nobody."""

from __future__ import annotations

import logging
import mmap
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from resolver.daemon.overriding import in_common, keep_warm, set_stale, share, waive
from resolver.daemon.reload import reload
from resolver.daemon.state import OVERRIDES
from resolver.errors import WireError
from resolver.limits import NEGATIVE_ANCHORS, WARM_BY_HAND
from resolver.model import Status
from resolver.operate.overrides import Overrides, Stale
from resolver.protocol import names
from resolver.telemetry.shared_counters import SharedCounters, Slot
from tests.daemon.persisting import WWW, life
from tests.recurse.household import WALL, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.config.schema import Config

EXAMPLE = names.from_text("example.net.")


@trio_test
async def test_it_is_there_after_a_restart_and_ends_when_it_was_to_end(tmp_path: Path) -> None:
    world = village(is_signed=True)
    async with life(world, tmp_path) as home:
        await waive(home.daemon, EXAMPLE, WALL + 1000)
        await set_stale(home.daemon, Stale.OFF)
        await keep_warm(home.daemon, WWW, is_wanted=True)
    assert (tmp_path / OVERRIDES).stat().st_mode & 0o777 == 0o600
    async with life(world, tmp_path, wall=WALL + 500) as home:
        overrides = home.daemon.parts.base.overrides
        assert overrides.negative == {EXAMPLE: WALL + 1000}
        assert (overrides.stale, list(overrides.warm)) == (Stale.OFF, [WWW])
        assert home.daemon.resolver.stale is None
        assert (await home.ask("www.example.net. A"))[0] is Status.INSECURE
        assert str(await reload(home.daemon, home.daemon.config)) == "reloaded: nothing has changed"
        assert (await home.ask("www.example.net. A"))[0] is Status.INSECURE
        await trio.sleep(501)
        assert (await home.ask("www.example.net. A"))[0] is Status.SECURE
    async with life(world, tmp_path, wall=WALL + 2000) as home:
        assert home.daemon.parts.base.overrides.negative == {}


@trio_test
async def test_what_ended_while_nothing_ran_does_not_count(tmp_path: Path) -> None:
    world = village(is_signed=True)
    async with life(world, tmp_path) as home:
        await waive(home.daemon, EXAMPLE, WALL + 1000)
    async with life(world, tmp_path, wall=WALL + 2000) as home:
        await trio.sleep(1)
        assert home.daemon.parts.base.overrides.negative == {}
        assert (await home.ask("www.example.net. A"))[0] is Status.SECURE


@trio_test
async def test_of_several_workers_the_first_one_writes(tmp_path: Path) -> None:
    counters = SharedCounters(2)
    async with life(village(), tmp_path, slot=Slot(counters, 1)) as home:
        await set_stale(home.daemon, Stale.OFF)
    assert not (tmp_path / OVERRIDES).exists()
    async with life(village(), tmp_path, slot=Slot(counters, 0)) as home:
        await set_stale(home.daemon, Stale.OFF)
    assert (tmp_path / OVERRIDES).exists()


@trio_test
async def test_a_worker_that_follows_one_that_died_knows_without_a_directory(
    tmp_path: Path,
) -> None:
    counters = SharedCounters(2)
    async with life(village(), tmp_path, nowhere, slot=Slot(counters, 0)) as home:
        await set_stale(home.daemon, Stale.OFF)
        await keep_warm(home.daemon, WWW, is_wanted=True)
    for number in (1, 0):
        async with life(village(), tmp_path, nowhere, slot=Slot(counters, number)) as home:
            overrides = home.daemon.parts.base.overrides
            assert (overrides.stale, list(overrides.warm)) == (Stale.OFF, [WWW])
            await set_stale(home.daemon, Stale.ON)  # of whom only the first one's counts
    async with life(village(), tmp_path, nowhere, slot=Slot(counters, 1)) as home:
        assert home.daemon.parts.base.overrides.stale is Stale.ON
    assert not (tmp_path / OVERRIDES).exists()


def test_of_what_workers_share_the_last_that_is_whole_counts() -> None:
    memory = mmap.mmap(-1, 32)  # two halves of 11 octets
    assert in_common(memory) is None
    for said in (b"one", b"eleven more", b"three"):
        share(memory, said)
        assert in_common(memory) == said
    memory[1:16] = b"\xff" * 15  # somebody died while writing
    assert in_common(memory) == b"three"
    share(memory, b"four")
    assert in_common(memory) == b"four"
    share(memory, b"more than a half")
    assert in_common(memory) is None


def nowhere(config: Config) -> Config:
    return msgspec.structs.replace(config, working_directory="")


@trio_test
async def test_a_damaged_file_is_told_and_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / OVERRIDES).write_bytes(b'{"negative": 7}')
    with caplog.at_level(logging.WARNING):
        async with life(village(), tmp_path) as home:
            assert home.daemon.parts.base.overrides.stale is Stale.AUTO
    assert [line for line in caplog.messages if "cannot be read" in line]
    assert (tmp_path / f"{OVERRIDES}.damaged").exists()


def filled() -> Overrides:
    made = Overrides()
    made.negative = {EXAMPLE: WALL}
    made.stale = Stale.NOW
    made.warm = {WWW: None}
    return made


def test_what_is_kept_is_read_as_it_was() -> None:
    made, read = filled(), Overrides()
    read.take_back_untrusted(made.octets())
    assert (read.negative, read.stale, read.warm) == (made.negative, made.stale, made.warm)


@pytest.mark.reaches("NEGATIVE_ANCHORS", "WARM_BY_HAND")
@pytest.mark.parametrize("kind", ["negative", "warm"])
def test_more_than_there_may_be_is_damage(kind: str) -> None:
    made = Overrides()
    many = [names.from_text(f"z{number}.") for number in range(NEGATIVE_ANCHORS + 1)]
    assert len(many) > WARM_BY_HAND
    if kind == "negative":
        made.negative = dict.fromkeys(many, WALL)
    else:
        made.warm = {WWW._replace(qname=one): None for one in many}
    with pytest.raises(WireError, match="more entries"):
        Overrides().take_back_untrusted(made.octets())


@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda at, octet: filled().octets()[:at] + octet + filled().octets()[at + 1 :],
            st.integers(0, 120),
            st.binary(max_size=2),
        ),
    )
)
def test_take_back_untrusted(octets: bytes) -> None:
    try:
        Overrides().take_back_untrusted(octets)
    except WireError:
        return
