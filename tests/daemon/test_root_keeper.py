"""The keeper of the root zone's copy: when it fetches one, uses it, renews it and lets it go."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio
from msgspec.structs import replace

from resolver import limits
from resolver.config.schema import Config, Outgoing, Root
from resolver.daemon import memory_limit
from resolver.daemon.reload import reload
from resolver.daemon.root_job import Job, Outcome
from resolver.daemon.root_sources import in_process, pays, sources_of
from resolver.daemon.state import ROOT_ZONE, StateDirectory
from resolver.iterate.root_copy import RootCopy
from resolver.iterate.root_form import RootForm
from resolver.lab.virtual_time import VirtualClock
from resolver.model import Question
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from tests.daemon.axfr_server import transferring
from tests.iterate.lab_root import packed_root, publish, transferred
from tests.recurse.household import WALL, House, house, name, village
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.lab.world import World


ALWAYS = Root(local=True)
SHARE = limits.ROOT_JITTER_SHARE


@pytest.fixture(autouse=True)
def _threads_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """In virtual time nothing may wait for a thread."""

    async def at_once(function: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return function()

    monkeypatch.setattr(trio.to_thread, "run_sync", at_once)


class Fetcher:
    """In the place of the process: has the zone of *world* as it is, or *trouble*."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.jobs: list[Job] = []
        self.trouble = ""

    async def __call__(self, job: Job) -> Outcome:
        self.jobs.append(job)
        await trio.sleep(1)
        if self.trouble:
            return Outcome(octets=7, cpu_s=0.25, troubles=[self.trouble])
        form = keep(self.world, StateDirectory.at(job.directory), wall=job.dated)
        return Outcome(serial=form.serial, octets=1000, cpu_s=0.5, troubles=[])


def keep(world: World, state: StateDirectory, *, wall: float = WALL) -> RootForm:
    """Put the world's root zone into the directory."""
    octets = packed_root(world, wall=wall)
    assert state.write(ROOT_ZONE, octets)
    state.date(ROOT_ZONE, wall)
    return RootForm.read_untrusted(octets)


@asynccontextmanager
async def keeping(
    world: World, root: Root = ALWAYS, *, held: bytes | None = None, age_s: float = 0.0
) -> AsyncIterator[tuple[House, Fetcher, Path]]:
    """A house whose keeper has a `Fetcher`; *held* lies in its directory, *age_s* old."""
    fetcher = Fetcher(world)
    with tempfile.TemporaryDirectory() as directory:
        if held is not None:
            state = StateDirectory(directory)
            state.open()
            state.write(ROOT_ZONE, held)
            state.date(ROOT_ZONE, WALL - age_s)
            state.close()
        config = Config(working_directory=directory, root=root)
        async with house(world, config, root_fetch=fetcher) as home:
            yield home, fetcher, Path(directory)


def copy_of(home: House) -> RootCopy:
    return home.parts.base.root_copy


def serial_of(home: House) -> int | None:
    form = copy_of(home).form
    return None if form is None else form.serial


def junk(number: int = 0) -> Question:
    return Question(name(f"junk{number}."), RRType.A)


@trio_test
async def test_a_copy_is_fetched_and_answers() -> None:
    world = village(is_signed=True)
    async with keeping(world) as (home, fetcher, _):
        assert home.daemon.registry.values()["resolver_root_copy_live"] == 0
        await trio.sleep(5)
        assert [job.held for job in fetcher.jobs] == [None]
        assert serial_of(home) == 1
        answer = await home.ask(junk())
        assert (answer.rcode, home.sent) == (Rcode.NXDOMAIN, 0)
        values = home.daemon.registry.values()
        assert values["resolver_root_copy_serial"] == 1
        assert values["resolver_root_copy_live"] == 1
        assert values["resolver_root_copy_fetches_total"] == 1
        assert values["resolver_root_copy_fetched_octets_total"] == 1000
        assert values["resolver_root_copy_fetch_cpu_seconds_total"] == 0.5
        assert values["resolver_root_copy_age_seconds"] == pytest.approx(5, abs=1)


@pytest.mark.reaches("ROOT_PAYS_SECONDS", "ROOT_PAYS_QUESTIONS", "ROOT_MEMORY_OCTETS")
@trio_test
async def test_auto_fetches_one_where_it_pays() -> None:
    """After ten minutes, fifty questions or an outage of the root, with memory for it."""
    config, copy = Config(), RootCopy(VirtualClock())
    long_enough, memory = limits.ROOT_PAYS_SECONDS, limits.ROOT_MEMORY_OCTETS

    def is_wanted(uptime_s: float, memory_octets: int | None) -> bool:
        return pays(config, copy, uptime_s=uptime_s, memory_octets=memory_octets)

    copy.passed_over = limits.ROOT_PAYS_QUESTIONS
    assert not is_wanted(long_enough, memory)
    copy.passed_over += 1
    assert is_wanted(long_enough, memory)
    assert is_wanted(long_enough, None)
    assert not is_wanted(long_enough, memory - 1)
    assert not is_wanted(long_enough - 1, memory)
    copy.passed_over, copy.failures = 0, 1
    assert is_wanted(long_enough, memory)
    config = Config(root=ALWAYS)
    assert is_wanted(0, 1)


@trio_test
async def test_auto_in_a_running_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "available_octets", lambda: 2 * limits.ROOT_MEMORY_OCTETS)
    world = village(is_signed=True)
    async with keeping(world, Root()) as (home, fetcher, _):
        for number in range(limits.ROOT_PAYS_QUESTIONS):
            home.parts.memory.denial = None
            await home.ask(junk(number))
        assert copy_of(home).passed_over > limits.ROOT_PAYS_QUESTIONS
        await trio.sleep(limits.ROOT_PAYS_SECONDS / 2)
        assert fetcher.jobs == []
        await trio.sleep(limits.ROOT_PAYS_SECONDS / 2 + limits.ROOT_LOOK_SECONDS)
        assert serial_of(home) == 1


@trio_test
async def test_a_copy_that_is_held_is_used_at_once_and_not_fetched_again() -> None:
    """In "auto" too: it is there, and costs nothing."""
    world = village(is_signed=True)
    async with keeping(world, Root(), held=packed_root(world, wall=WALL), age_s=600) as (
        home, fetcher, _,
    ):  # fmt: skip
        await trio.sleep(1)
        assert (serial_of(home), fetcher.jobs) == (1, [])
        assert home.parts.clock.now() - copy_of(home).confirmed_at == pytest.approx(601)
        await home.ask(junk())
        assert home.sent == 0


@pytest.mark.reaches("ROOT_REFRESH_SECONDS", "ROOT_JITTER_SHARE")
@trio_test
async def test_it_is_renewed_when_its_soa_says_so() -> None:
    """A question for the SOA in between; a transfer only where that is newer."""
    world = village(is_signed=True)
    publish(world, 5, refresh=60, retry=30)
    async with keeping(world) as (home, fetcher, _):
        await trio.sleep(5)
        keeper = home.daemon.upkeep.root_keeper
        assert keeper is not None
        began, looks = trio.current_time(), list[float]()
        while len(looks) < 24:
            await trio.sleep(1)
            if keeper.looks > len(looks):
                looks.append(trio.current_time())
        gaps = [after - before for before, after in zip([began, *looks], looks, strict=False)]
        every, step = limits.ROOT_REFRESH_SECONDS, limits.ROOT_LOOK_SECONDS
        assert all(every * (1 - SHARE) - 6 <= gap <= every * (1 + SHARE) + step for gap in gaps)
        assert max(gaps) - min(gaps) > 1.4 * every * SHARE  # of 2, and a look's granularity
        assert len(fetcher.jobs) == 1
        await trio.sleep(1)  # until the look that was seen to begin is over
        assert copy_of(home).confirmed_at >= home.parts.clock.now() - 3
        publish(world, 6)
        await trio.sleep(every * (1 + SHARE) + step + 2)
        assert [job.held for job in fetcher.jobs] == [None, 5]
        assert serial_of(home) == 6


@pytest.mark.reaches("ROOT_RETRY_SECONDS")
@trio_test
async def test_what_fails_is_told_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    world, trouble = village(is_signed=True), "192.0.2.1: ZONEMD is missing"
    async with keeping(world) as (home, fetcher, _):
        fetcher.trouble = trouble
        every, step = limits.ROOT_RETRY_SECONDS, limits.ROOT_LOOK_SECONDS
        await trio.sleep(every * (1 - SHARE) - 1)
        assert len(fetcher.jobs) == 1
        await trio.sleep(every * 2 * SHARE + step + 2)
        assert len(fetcher.jobs) == 2
        assert serial_of(home) is None
        fetcher.trouble = ""
        await trio.sleep(every * (1 + SHARE) + step + 2)
        assert serial_of(home) == 1
        values = home.daemon.registry.values()
        assert values["resolver_root_copy_fetches_failed_total"] == 2
        assert values["resolver_root_copy_fetched_octets_total"] == 1014
    told = [one.getMessage() for one in caplog.records if "root zone" in one.getMessage()]
    assert told == [
        f"no newer copy of the root zone: {trouble}",
        "the copy of the root zone is renewed again",
    ]


@trio_test
async def test_switched_off_by_a_reload_it_is_gone_and_switched_on_it_is_back() -> None:
    world = village(is_signed=True)
    async with keeping(world) as (home, fetcher, _):
        await trio.sleep(5)
        config = home.daemon.config
        await reload(home.daemon, replace(config, root=replace(config.root, local=False)))
        assert serial_of(home) is None
        await trio.sleep(2 * limits.ROOT_LOOK_SECONDS)
        assert serial_of(home) is None
        await reload(home.daemon, config)
        await trio.sleep(1)
        assert serial_of(home) == 1
        assert len(fetcher.jobs) == 1  # the file was there


def test_sources_are_those_configured_or_those_that_offer_it() -> None:
    hints = [(name("a.root-servers.net."), "198.41.0.4"), (name("b.root-servers.net."), "2001::b")]
    built_in = sources_of(Config(), hints)
    assert ("2001::b", 53) in built_in
    assert ("198.41.0.4", 53) not in built_in
    only = Config(root=Root(sources=("192.0.2.1", "[2001:db8::1]:5353")))
    assert sources_of(only, hints) == [("192.0.2.1", 53), ("2001:db8::1", 5353)]
    narrow = replace(only, outgoing=Outgoing(ipv6=False))
    assert sources_of(narrow, hints) == [("192.0.2.1", 53)]


@trio_test_real
async def test_the_whole_way_by_a_process_and_a_transfer() -> None:
    """On a real clock: daemon, process, transfer, file, mapping, answer."""
    world = village(is_signed=True)
    async with transferring(transferred(world)) as master:
        with tempfile.TemporaryDirectory() as directory:
            root = Root(local=True, sources=(f"127.0.0.1:{master.port}",))
            config = Config(working_directory=directory, root=root)
            async with house(world, config, root_fetch=in_process) as home:
                with trio.fail_after(20):
                    while serial_of(home) is None:  # noqa: ASYNC110  # nobody tells
                        await trio.sleep(0.05)
                answer = await home.ask(junk())
                assert (answer.rcode, home.sent) == (Rcode.NXDOMAIN, 0)
                assert answer.authority[0].owner == names.ROOT
                assert master.transfers == 1
