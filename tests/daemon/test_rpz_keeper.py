"""Policy zones in force: at the start, when a file changes, when primaries have something newer."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import trio
import trio.lowlevel
from msgspec.structs import replace

from resolver.config.schema import Config, Rpz
from resolver.daemon import rpz_asking, rpz_keeping, rpz_transfer, rpz_work
from resolver.daemon.child import ChildFailed
from resolver.daemon.reload import reload
from resolver.daemon.rpz_job import Job, Outcome
from resolver.daemon.rpz_job import Primary as Server
from resolver.daemon.rpz_keeper import RpzKeeper
from resolver.daemon.rpz_mapping import fresh_file
from resolver.daemon.rpz_work import read, work
from resolver.limits import (
    RPZ_FIRST_SECONDS,
    RPZ_LOOK_SECONDS,
    RPZ_NOTIFY_SECONDS,
    RPZ_PROCESS_SECONDS,
    RPZ_REFRESH_LEAST_SECONDS,
    RPZ_REFRESH_MOST_SECONDS,
    RPZ_SILENCE_SECONDS,
    RPZ_START_SECONDS,
    RPZ_TOGETHER_OCTETS,
)
from resolver.policy.rpz_read import read_untrusted
from resolver.policy.rpz_table import Info, octets_of
from resolver.policy.rpz_zone import PolicyZone
from resolver.protocol.codes import Rcode
from resolver.runtime.clock import SystemClock
from tests.daemon.reloading import ADDRESSES, House, addresses, ask, served
from tests.policy.rpz_making import HEAD, ZONE, zone_of
from tests.recurse.household import house, village
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.runtime.clock import Clock

WWW, MAIL = "www.example.com.", "mail.example.com."
BLOCKS_WWW = HEAD + "www.example.com CNAME .\n"


async def rcode(home: House, name: str) -> int:
    return (await ask(home.port, name)).rcode


async def until(home: House, name: str, wanted: int) -> None:
    with trio.fail_after(60):
        while await rcode(home, name) != wanted:  # noqa: ASYNC110
            await trio.sleep(0.2)


@trio_test_real
async def test_a_file_is_in_force_and_so_is_what_becomes_of_it(tmp_path: Path) -> None:
    """Nothing that was made with the zone before is told any more; nonsense changes nothing."""
    file = tmp_path / "zone"
    file.write_text(BLOCKS_WWW)
    async with served() as home:
        assert addresses(await ask(home.port, WWW)) == [ADDRESSES[WWW]]
        rpz = Rpz(zone="rpz.test", file=str(file))
        await reload(home.daemon, replace(home.config, rpz=(rpz,)))
        await until(home, WWW, Rcode.NXDOMAIN)
        assert await rcode(home, WWW) == Rcode.NXDOMAIN  # a packet's
        assert await rcode(home, MAIL) == Rcode.NOERROR
        file.write_text("<!doctype html>\n" * 9)
        keeping = home.daemon.upkeep.rpz_keeper.zones["rpz.test"]
        await home.daemon.upkeep.rpz_keeper.read_files()
        assert "is not used" in keeping.row.trouble
        assert await rcode(home, WWW) == Rcode.NXDOMAIN
        file.write_text(HEAD.replace(" 7 ", " 8 ") + "mail.example.com CNAME .\n")
        await home.daemon.upkeep.rpz_keeper.read_files()
        assert await rcode(home, WWW) == Rcode.NOERROR
        assert await rcode(home, MAIL) == Rcode.NXDOMAIN
        row = home.daemon.upkeep.rpz_keeper.rows()[0]
        assert (row.serial, row.triggers, row.trouble) == (8, 1, "")
        await reload(home.daemon, home.config)
        await until(home, MAIL, Rcode.NOERROR)


# --- in virtual time -----------------------------------------------------------------------------


class Primary:
    """In the place of processes: says what came of each job, and when it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, text: str = HEAD) -> None:
        self.asked: list[float] = []
        self.text = text
        self.is_there = True
        monkeypatch.setattr(rpz_keeping, "done", self.outcomes)

    async def outcomes(self, _: Clock, jobs: list[Job]) -> list[Outcome]:
        return [await self.outcome(job) for job in jobs]

    async def outcome(self, job: Job) -> Outcome:
        self.asked.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        if not self.is_there:
            return Outcome(troubles=["nobody is there"])
        octets = octets_of(_zone(self.text), Info(b""))
        if job.held >= 0 and os.pread(job.held, len(octets) + 1, 0) == bytes(octets):
            return Outcome(way="same", primary="192.0.2.1")
        os.pwrite(job.out, octets, 0)
        return Outcome(way="axfr", primary="192.0.2.1", octets=100, cpu_s=0.5)


def _zone(text: str) -> PolicyZone:
    zone = PolicyZone(ZONE, 100)
    read_untrusted(text.encode().splitlines(keepends=True), zone)
    return zone


FROM = Rpz(zone="rpz.test", primaries=("192.0.2.1",))


def soa(refresh: int, retry: int = 600, expire: int = 86400, serial: int = 7) -> str:
    return f"@ 300 SOA ns. host. {serial} {refresh} {retry} {expire} 60\n"


@pytest.mark.reaches("RPZ_REFRESH_LEAST_SECONDS", "RPZ_REFRESH_MOST_SECONDS")
@pytest.mark.parametrize(
    ("refresh", "wanted"),
    [(0, RPZ_REFRESH_LEAST_SECONDS), (1200, 1200), (10**9, RPZ_REFRESH_MOST_SECONDS)],
)
@trio_test
async def test_refresh_is_kept_to_and_none_is_no_busy_loop(
    refresh: int, wanted: float, *, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PowerDNS #9299, #8778."""
    primary = Primary(monkeypatch, soa(refresh))
    async with house(village(), Config(rpz=(FROM,))) as home:
        await trio.sleep(wanted * 2.5)
        gaps = [
            after - before for before, after in zip(primary.asked, primary.asked[1:], strict=False)
        ]
        assert gaps == pytest.approx([wanted] * 2)
        assert home.daemon.upkeep.rpz_keeper.loads == 1
        assert home.daemon.upkeep.rpz_keeper.cpu_seconds == 0.5


@pytest.mark.reaches("RPZ_FIRST_SECONDS")
@trio_test
async def test_a_zone_that_was_never_had_is_asked_for_again_soon(
    *, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line may come up after the machine has; nothing is blocked until then."""
    primary = Primary(monkeypatch, soa(86400))
    primary.is_there = False
    async with house(village(), Config(rpz=(FROM,))) as home:
        await trio.sleep(RPZ_FIRST_SECONDS * 2**8 + 2 * RPZ_REFRESH_LEAST_SECONDS)
        gaps = [after - before for before, after in pairwise(primary.asked)]
        doubled = [RPZ_FIRST_SECONDS * 2**at for at in range(len(gaps))]
        assert gaps == pytest.approx([min(one, RPZ_REFRESH_LEAST_SECONDS) for one in doubled])
        assert len(gaps) > 6
        primary.is_there = True
        await trio.sleep(RPZ_REFRESH_LEAST_SECONDS)
        assert home.daemon.upkeep.rpz_keeper.loads == 1


@pytest.mark.reaches("RPZ_NOTIFY_SECONDS")
@trio_test
async def test_notify_is_heeded_soon_and_a_flood_of_it_once(
    *, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary = Primary(monkeypatch, soa(86400))
    async with house(village(), Config(rpz=(FROM,))) as home:
        await trio.sleep(100)
        keeper = home.daemon.upkeep.rpz_keeper
        primary.text = soa(86400, serial=8)
        at = trio.current_time()
        for _ in range(100):
            home.daemon.parts.base.rpzs.tell(b"\3rpz\4test\0")
            home.daemon.parts.base.rpzs.tell(b"\5other\0")
        await trio.sleep(100)
        assert primary.asked[1:] == pytest.approx([at + RPZ_NOTIFY_SECONDS])
        assert (keeper.notified, keeper.rows()[0].serial) == (200, 8)


@pytest.mark.parametrize("on_expiry", ["keep", "drop"])
@trio_test
async def test_a_zone_that_nobody_confirms_goes_on_with_a_warning_or_is_dropped(
    on_expiry: str, *, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    primary = Primary(monkeypatch, soa(3600, 600, 7200) + "www.example.net CNAME .\n")
    entry = replace(FROM, on_expiry=on_expiry)
    async with house(village(), Config(rpz=(entry,))) as home:
        await trio.sleep(60)
        primary.is_there = False
        await trio.sleep(7000)
        row = home.daemon.upkeep.rpz_keeper.rows()[0]
        assert (row.is_expired, row.triggers, row.trouble) == (
            False, 1, "no transfer: nobody is there"
        )  # fmt: skip
        await trio.sleep(400)
        told = [line for line in caplog.messages if "has expired (serial 7)" in line]
        assert len(told) == 1
        row = home.daemon.upkeep.rpz_keeper.rows()[0]
        assert row.triggers == (on_expiry == "keep")
        gaps = [b - a for a, b in zip(primary.asked[2:], primary.asked[3:], strict=False)]
        assert all(gap == pytest.approx(600) for gap in gaps)
        primary.is_there = True
        await trio.sleep(700)
        row = home.daemon.upkeep.rpz_keeper.rows()[0]
        assert (row.is_expired, row.triggers, row.trouble) == (False, 1, "")


@pytest.mark.reaches("RPZ_LOOK_SECONDS")
@trio_test
async def test_a_file_is_looked_at_often(*, tmp_path: Path) -> None:
    file = tmp_path / "zone"
    file.write_text(HEAD)
    entry = Rpz(zone="rpz.test", file=str(file))
    async with house(village(), Config(rpz=(entry,))) as home:
        keeper = home.daemon.upkeep.rpz_keeper
        assert keeper.loads == 1  # in force before anybody is served
        await trio.sleep(100)
        assert keeper.loads == 1
        file.write_text(BLOCKS_WWW)
        await trio.sleep(RPZ_LOOK_SECONDS + 0.1)
        assert (keeper.loads, keeper.rows()[0].triggers) == (2, 1)
        file.unlink()
        await trio.sleep(RPZ_LOOK_SECONDS + 0.1)
        row = keeper.rows()[0]
        assert (row.triggers, "No such file" in row.trouble) == (1, True)


@pytest.mark.reaches("RPZ_START_SECONDS")
@trio_test
async def test_the_start_waits_for_a_file_only_so_long(*, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: RpzKeeper) -> None:
        await trio.sleep(1000)

    monkeypatch.setattr(RpzKeeper, "read_files", hang)
    began = trio.current_time()
    async with house(village(), Config(rpz=(Rpz(zone="rpz.test", file="x"),))):
        assert trio.current_time() - began == pytest.approx(RPZ_START_SECONDS)


@trio_test_real
async def test_what_was_kept_is_in_force_before_any_primary_is_asked(
    *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And when it is damaged it is set aside, and nothing else happens."""
    (tmp_path / "rpz").mkdir()
    kept = tmp_path / "rpz" / "rpz.test.table"
    octets = bytes(octets_of(zone_of("www.example.net CNAME .\n"), Info(b"")))
    primary = Primary(monkeypatch)
    primary.is_there = False
    config = Config(rpz=(FROM,), working_directory=str(tmp_path))
    for written, triggers in ((octets, 1), (octets[:-1], 0)):
        kept.write_bytes(written)
        async with house(village(), config) as home:
            assert home.daemon.upkeep.rpz_keeper.rows()[0].triggers == triggers
            assert kept.exists() == bool(triggers)


@pytest.mark.reaches("RPZ_PROCESS_SECONDS")
@trio_test_real
async def test_a_process_that_hangs_is_stopped(
    *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert RPZ_PROCESS_SECONDS > RPZ_SILENCE_SECONDS
    monkeypatch.setattr(rpz_asking, "RPZ_PROCESS_SECONDS", 0.01)
    file = tmp_path / "zone"
    file.write_text(HEAD)
    async with served() as home:
        rpz = Rpz(zone="rpz.test", file=str(file))
        await reload(home.daemon, replace(home.config, rpz=(rpz,)))
        keeping = home.daemon.upkeep.rpz_keeper.zones["rpz.test"]
        with trio.fail_after(60):
            while not keeping.trouble:  # noqa: ASYNC110
                await trio.sleep(0.1)
        assert "it took too long" in keeping.trouble


# --- the process ---------------------------------------------------------------------------------


@pytest.mark.reaches("RPZ_TOGETHER_OCTETS")
def test_small_files_are_read_by_one_process_each_large_one_by_itself() -> None:
    """A start with sixty-four zones is no half minute of starting processes."""
    small = [Job("a", "a", 9, 0, 1, size=size) for size in (RPZ_TOGETHER_OCTETS, 0, 7)]
    large = [Job("b", "b", 9, 0, 1, size=RPZ_TOGETHER_OCTETS + more) for more in (2, 1)]
    found = rpz_asking.together([*large, *small])
    assert [[one.size for one in jobs] for jobs in found] == [
        [0, 7, RPZ_TOGETHER_OCTETS], [RPZ_TOGETHER_OCTETS + 1], [RPZ_TOGETHER_OCTETS + 2]
    ]  # fmt: skip
    assert rpz_asking.together([]) == []


@trio_test_real
async def test_a_zone_that_brings_the_process_down_takes_no_other_with_it(
    *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads them together is not there: each has its own try, and tells of itself."""
    for name in "ab":
        (tmp_path / name).write_text(HEAD)
    asked: list[list[str]] = []

    async def ask(_: str, jobs: list[Job], *__: object, **___: object) -> list[Outcome]:
        await trio.lowlevel.checkpoint()
        asked.append([one.zone for one in jobs])
        if "a" in asked[-1]:
            raise ChildFailed("it fell")
        return [rpz_work.read(one) for one in jobs]

    monkeypatch.setattr(rpz_asking, "ask_child", ask)
    jobs = [job(zone=name, file=str(tmp_path / name)) for name in "ab"]
    outcomes = await rpz_asking.done(SystemClock(), jobs)
    assert asked == [["a", "b"], ["a"], ["b"]]
    assert [(one.way, one.is_ours) for one in outcomes] == [("", True), ("file", False)]


def job(**keys: object) -> Job:
    given = {
        "zone": "rpz.test",
        "file": "",
        "most": 100,
        "out": fresh_file(),
        "parent": 1,
    }
    return Job(**(given | keys))  # type: ignore[arg-type]


def test_what_cannot_be_read_is_a_trouble(tmp_path: Path) -> None:
    assert read(job(file=str(tmp_path))).troubles == ["Is a directory"]
    assert read(job(file=str(tmp_path / "x"))).troubles == ["No such file or directory"]
    os.mkfifo(tmp_path / "f")
    assert read(job(file=str(tmp_path / "f"))).troubles == ["no file to be read"]
    (tmp_path / "y").write_text("nonsense\n")
    assert read(job(file=str(tmp_path / "y"))).way == ""


@pytest.mark.reaches("RPZ_SILENCE_SECONDS")
@trio_test_real
async def test_a_primary_that_says_nothing_is_given_up(*, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpz_transfer, "RPZ_SILENCE_SECONDS", 0.2)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listeners[0]:
        port = listeners[0].socket.getsockname()[1]
        outcome = await work(job(primaries=[Server("127.0.0.1", port)]))
        assert outcome.troubles == ["127.0.0.1: nothing came for 0 s"]
