"""The process that transfers the root zone: it keeps what is whole and right, and nothing else."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from resolver import limits
from resolver.daemon import root_fetch, root_sources
from resolver.daemon.root_fetch import fetch
from resolver.daemon.root_job import Job, Outcome
from resolver.daemon.root_sources import in_process
from resolver.daemon.state import ROOT_ZONE, StateDirectory
from resolver.dnssec.algorithms import Sha1Policy
from resolver.iterate.root_form import RootForm
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.daemon.axfr_server import transferring
from tests.dnssec.signed_zones import DAY, WALL, Zone
from tests.dnssec.whole_root import SERIAL, anchor_of, packed, records_of, whole_root
from tests.support import set_limit, trio_test_real

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from resolver.dnssec.zonemd import ZoneRecord


@contextmanager
def directory(path: Path) -> Iterator[StateDirectory]:
    state = StateDirectory(str(path))
    state.open()
    yield state
    state.close()


def job(zone: Zone, *ports: int, **other: object) -> Job:
    """A job for a transfer from *ports* of loopback, by the anchors of *zone*."""
    fields: dict[str, object] = {
        "sources": [("127.0.0.1", port) for port in ports],
        "leave_from": [],
        "ds": list(anchor_of(zone).ds),
        "keys": [],
        "sha1": Sha1Policy.VALIDATE,
        "wall": WALL,
        "is_exact": True,
        "dated": WALL,
        "held": None,
        "directory": -1,
        "parent": os.getpid(),
    }
    return Job(**(fields | other))  # type: ignore[arg-type]


async def fetched(
    path: Path, zone: Zone, records: list[ZoneRecord], *, faults: dict[str, object] | None = None,
    **other: object,
) -> Outcome:  # fmt: skip
    """What came of a transfer of *records*, kept in *path*."""
    with directory(path) as state:
        async with transferring(records, **(faults or {})) as master:
            return await fetch(job(zone, master.port, **other), state)


def files(path: Path) -> list[str]:
    return sorted(one.name for one in path.iterdir())


def kept(path: Path) -> RootForm:
    return RootForm.read_untrusted((path / ROOT_ZONE).read_bytes())


@trio_test_real
async def test_a_zone_that_is_whole_is_kept(tmp_path: Path) -> None:
    zone = whole_root()
    with directory(tmp_path) as state:
        async with transferring(records_of(zone)) as master:
            outcome = await fetch(job(zone, master.port), state)
    assert (outcome.serial, outcome.source, outcome.troubles) == (SERIAL, "127.0.0.1", [])
    assert outcome.octets == master.octets
    assert kept(tmp_path).serial == SERIAL
    com = kept(tmp_path).cut(b"com")
    assert com is not None
    assert com.by_type[RRType.DS] == zone.signed[b"\3com\0", RRType.DS]


@trio_test_real
async def test_a_transfer_is_taken_in_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading is slow, and a server that has to wait hangs up: Knot DNS after 0.5 s."""
    zone, seen, read = whole_root(), [], root_fetch._read
    with directory(tmp_path) as state:
        async with transferring(records_of(zone) * 40, rests_s=0.2) as master:

            def noted(*arguments: object) -> object:
                seen.append(master.has_sent)
                return read(*arguments)  # type: ignore[arg-type]

            monkeypatch.setattr(root_fetch, "_read", noted)
            await fetch(job(zone, master.port), state)
    assert len(seen) > 1
    assert all(seen)


def _damaged(records: list[ZoneRecord]) -> list[ZoneRecord]:
    glue = next(one for one in records if one.rtype == RRType.A)
    return [one._replace(rdata=b"\1\2\3\4") if one is glue else one for one in records]


def _foreign(records: list[ZoneRecord]) -> list[ZoneRecord]:
    return [
        *records,
        records[0]._replace(owner=names.from_text("www.com."), rtype=1, rdata=bytes(4)),
    ]


def _without_zonemd(records: list[ZoneRecord]) -> list[ZoneRecord]:
    return [one for one in records if one.rtype != RRType.ZONEMD]


def _truncated(records: list[ZoneRecord]) -> list[ZoneRecord]:
    return records[:-3]


@pytest.mark.parametrize("spoil", [_damaged, _foreign, _without_zonemd, _truncated])
@trio_test_real
async def test_a_zone_that_is_not_right_leaves_the_one_that_is_kept(
    tmp_path: Path, spoil: object
) -> None:
    before, zone = whole_root(), whole_root(SERIAL + 1)
    file = packed(before)
    (tmp_path / ROOT_ZONE).write_bytes(file)
    records = spoil(records_of(zone))  # type: ignore[operator]
    outcome = await fetched(tmp_path, zone, records, held=SERIAL)
    assert outcome.serial is None
    assert outcome.octets > 0
    assert "127.0.0.1: its zone is not used: " in outcome.troubles[0]
    assert (tmp_path / ROOT_ZONE).read_bytes() == file
    assert files(tmp_path) == [ROOT_ZONE]


@trio_test_real
async def test_a_zone_of_other_keys_an_older_one_and_one_of_another_time_are_not_kept(
    tmp_path: Path,
) -> None:
    zone, other = whole_root(), Zone(names.ROOT)
    other.prepare_keys(14)
    records = records_of(zone)
    stranger = await fetched(tmp_path, other, records)
    older = await fetched(tmp_path, zone, records, held=SERIAL + 1)
    late = await fetched(tmp_path, zone, records, wall=WALL + 30 * DAY)
    for outcome in (stranger, older, late):
        assert (outcome.serial, len(outcome.troubles)) == (None, 1)
    assert files(tmp_path) == []


@trio_test_real
async def test_a_clock_that_is_not_set_does_not_keep_a_zone_from_being_kept(
    tmp_path: Path,
) -> None:
    """What is signed after a time that is only known from below may be in force."""
    zone = whole_root()
    outcome = await fetched(tmp_path, zone, records_of(zone), wall=WALL - 400 * DAY, is_exact=False)
    assert outcome.serial == SERIAL
    assert (await trio.Path(tmp_path / ROOT_ZONE).stat()).st_mtime == WALL  # not what is least


@trio_test_real
async def test_a_transfer_that_is_cut_off_anywhere_is_thrown_away(tmp_path: Path) -> None:
    zone = whole_root()
    records = records_of(zone)
    for cut_after in (0, 1, 2, 100, 700, -1):
        outcome = await fetched(tmp_path, zone, records, faults={"cut_after": cut_after})
        assert outcome.troubles == ["127.0.0.1: the transfer failed (it was cut off)"]
    assert files(tmp_path) == []


@trio_test_real
async def test_the_next_source_is_asked_where_one_is_of_no_use(tmp_path: Path) -> None:
    zone = whole_root()
    with directory(tmp_path) as state:
        async with (
            transferring(_damaged(records_of(zone))) as wrong,
            transferring(records_of(zone)) as right,
        ):
            outcome = await fetch(job(zone, 1, wrong.port, right.port), state)
    assert outcome.serial == SERIAL
    assert [trouble.partition(":")[2] for trouble in outcome.troubles] == [
        " all attempts to connect to 127.0.0.1:1 failed",
        " its zone is not used: its ZONEMD digest is wrong",
    ]


@pytest.mark.reaches("ROOT_SOURCE_SECONDS", "ROOT_FETCH_SECONDS")
@trio_test_real
async def test_a_source_that_says_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, root_fetch, "ROOT_SOURCE_SECONDS", limits.ROOT_SOURCE_SECONDS / 300)
    zone = whole_root()
    silent: dict[str, object] = {"hangs": True}
    began = trio.current_time()
    outcome = await fetched(tmp_path, zone, records_of(zone), faults=silent)
    assert outcome.troubles[0].startswith("127.0.0.1: it took longer than")
    assert 0.15 < trio.current_time() - began < 0.35
    set_limit(monkeypatch, root_fetch, "ROOT_FETCH_SECONDS", limits.ROOT_FETCH_SECONDS / 3000)
    began = trio.current_time()
    outcome = await fetched(tmp_path, zone, records_of(zone), faults=silent)
    assert (outcome.serial, outcome.troubles) == (None, [])
    assert 0.08 < trio.current_time() - began < 0.15


@pytest.mark.reaches("ROOT_COPY_OCTETS")
@trio_test_real
async def test_a_source_that_sends_without_end_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a zone over and over: the limit is reached, and not passed by much."""
    zone = whole_root()
    most = limits.ROOT_COPY_OCTETS // 1024
    set_limit(monkeypatch, root_fetch, "ROOT_COPY_OCTETS", most)
    monkeypatch.setattr(root_fetch, "_read", lambda *_: None)
    monkeypatch.setattr(root_fetch, "_soas", lambda _: 0)
    outcome = await fetched(tmp_path, zone, records_of(zone), faults={"endless": True})
    assert outcome.serial is None
    assert most <= outcome.octets <= most + 65_536
    assert outcome.troubles == [f"127.0.0.1: the transfer failed (more than {most} octets)"]


@trio_test_real
async def test_what_cannot_be_kept_is_told(tmp_path: Path) -> None:
    zone = whole_root()
    gone = StateDirectory()
    async with transferring(records_of(zone)) as master:
        outcome = await fetch(job(zone, master.port), gone)
    assert outcome.troubles == ["127.0.0.1: its zone cannot be kept"]
    assert files(tmp_path) == []


# --- as a process ----------------------------------------------------------------------------


@trio_test_real
async def test_a_process_of_its_own_fetches_and_keeps(tmp_path: Path) -> None:
    zone = whole_root()
    with directory(tmp_path) as state:
        async with transferring(records_of(zone)) as master:
            outcome = await in_process(job(zone, master.port, directory=state.descriptor))
    assert (outcome.serial, outcome.troubles) == (SERIAL, [])
    assert outcome.cpu_s > 0
    assert kept(tmp_path).serial == SERIAL


@trio_test_real
async def test_a_process_that_cannot_do_it_is_a_trouble_like_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zone = whole_root()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/nowhere/python")
        outcome = await in_process(job(zone, directory=0))
    assert outcome.troubles == [
        "no process to fetch it (/nowhere/python: No such file or directory)"
    ]
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/bin/false")
        outcome = await in_process(job(zone, directory=0))
    assert outcome.troubles == ["the process that fetches it failed (status 1)"]


@trio_test_real
async def test_a_process_whose_parent_is_gone_ends() -> None:
    zone = whole_root()
    async with transferring(records_of(zone), hangs=True) as master:
        outcome = await in_process(job(zone, master.port, directory=0, parent=1))
    assert outcome.troubles == ["the process that fetches it failed (status 1)"]


@pytest.mark.reaches("ROOT_PROCESS_SECONDS")
@trio_test_real
async def test_a_process_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, root_sources, "ROOT_PROCESS_SECONDS", limits.ROOT_PROCESS_SECONDS / 1650)
    zone, began = whole_root(), trio.current_time()
    async with transferring(records_of(zone), hangs=True) as master:
        outcome = await in_process(job(zone, master.port, directory=0))
    assert outcome.troubles == ["the process that fetches it was stopped: it took too long"]
    assert 0.15 < trio.current_time() - began < 0.35
