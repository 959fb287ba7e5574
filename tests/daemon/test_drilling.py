"""The process of a drill: it reads the cache on disk, sends nothing, and may fail without harm."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trio

from resolver.daemon import child, drill_work, drilling
from resolver.daemon.drilling import store_at
from resolver.drill.closure import Closure
from resolver.drill.facts import Facts, Used
from resolver.drill.job import Done, Job
from resolver.limits import CONTROL_WORK_SECONDS, DRILL_FACTS, DRILL_SECONDS, STORE_COMMIT_SECONDS
from resolver.operate.drill import DRILL, job_of
from resolver.operate.drill_facts import Remembered
from resolver.operate.drill_keep import kept_of
from resolver.operate.verb import Refused
from resolver.protocol import names
from resolver.protocol.codes import RRType
from tests.daemon.persisting import first_life, life
from tests.daemon.reloading import ask, served
from tests.operate.operated import Desk
from tests.recurse.household import WALL, village
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from pathlib import Path

    from tests.daemon.persisting import Home

ALL = ["0.0.0.0/0", "::/0"]
NAMES = ("www.example.net.", "alias.example.net.", "gone.example.net.", "new.example.net.")


def job_for(home: Home, *, keep: list[str] = ALL) -> Job:
    """A drill of NAMES, of which memory has nothing."""
    parts = home.daemon.parts
    used = [Used(names.from_text(one), RRType.A) for one in NAMES]
    used[1] = Used(used[1].name, RRType.AAAA)
    closure = Closure(Remembered(parts), DRILL_FACTS)
    for one in used:
        closure.follow(one.asked)
    assert closure.facts.facts == []
    kept = kept_of(parts, keep_only=keep)
    job = job_of(parts, used, [closure.take()], kept, [0.0, 400.0], is_cold=False)
    job.store = store_at(parts, home.daemon.persistence)
    return job


@trio_test
async def test_what_only_the_disk_knows_is_known_to_a_drill(tmp_path: Path) -> None:
    """Data, an alias, a denial, delegations; memory is empty after a start."""
    world = village()
    await first_life(world, tmp_path)
    async with life(world, tmp_path, wall=WALL + 10) as home:
        outcome = drill_work.work(job_for(home, keep=["203.0.113.0/24"]))
        assert [(one.fresh, one.stale, one.failed) for one in outcome.moments] == [
            (0.75, 0.0, 0.25), (0.0, 0.75, 0.25),
        ]  # fmt: skip
        assert [(one.name, one.cut) for one in outcome.failing] == [
            ("new.example.net.", "example.net.")
        ]
        outcome = drill_work.work(job_for(home))
        assert [one.fresh for one in outcome.moments] == [1.0, 1.0]
        assert home.sent == []


@trio_test
async def test_the_file_is_left_as_it_was(tmp_path: Path) -> None:
    world = village()
    await first_life(world, tmp_path)
    async with life(world, tmp_path, wall=WALL + 10) as home:
        await trio.sleep(STORE_COMMIT_SECONDS * 3)
        job = job_for(home)
        assert job.store is not None
        before = {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()}
        drill_work.work(job)
        after = {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()}
        assert {name: after[name] == before[name] for name in ("store.sqlite", "key")} == {
            "store.sqlite": True, "key": True,
        }  # fmt: skip
        assert after.keys() == before.keys()


@pytest.mark.parametrize("octets", [b"", b"no database", b"SQLite format 3\0" + bytes(5000)])
@trio_test
async def test_a_damaged_file_is_done_without(tmp_path: Path, octets: bytes) -> None:
    world = village()
    await first_life(world, tmp_path)
    async with life(world, tmp_path, wall=WALL + 10) as home:
        job = job_for(home)
        other = tmp_path / "other"
        other.write_bytes(octets)
        assert job.store is not None
        for path in (other, tmp_path / "missing"):
            job.store = msgspec.structs.replace(job.store, path=str(path))
            assert [one.fresh for one in drill_work.work(job).moments] == [0.0, 0.0]


@trio_test
async def test_records_under_another_key_are_none(tmp_path: Path) -> None:
    world = village()
    await first_life(world, tmp_path)
    async with life(world, tmp_path, wall=WALL + 10) as home:
        job = job_for(home)
        assert job.store is not None
        job.store = msgspec.structs.replace(job.store, key=bytes(32))
        assert [one.fresh for one in drill_work.work(job).moments] == [0.0, 0.0]


@trio_test
async def test_without_a_directory_there_is_no_disk_to_read(tmp_path: Path) -> None:
    async with life(village(), tmp_path) as home:
        home.daemon.persistence.close()
        assert store_at(home.daemon.parts, home.daemon.persistence) is None


# --- the process ---------------------------------------------------------------------------------


def empty_job() -> Job:
    return Job(
        [Facts()], [Used(b"\3www\0", RRType.A)], [], [], [], [0.0], local_root=True,
        keeps_warm=True, stale_s=60.0, anchors=[], waived=[], never_stale=[],
        past_signatures=True, is_cold=False, most=10, parent=os.getpid(),
    )  # fmt: skip


def test_it_reads_a_job_and_writes_an_outcome() -> None:
    """With a root zone of its own, who serves www. below it would be asked there."""
    job = empty_job()
    pieces, job.facts = [*job.facts, Facts()], []
    octets = b"\n".join(msgspec.json.encode(one) for one in (job, *pieces))
    done = subprocess.run(
        [sys.executable, "-m", "resolver.daemon.drill_work"],
        input=octets, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    outcome = msgspec.json.decode(done.stdout, type=Done).outcome
    assert (outcome.names, [one.unknown for one in outcome.moments]) == (1, [1.0])
    assert outcome.cpu_s > 0
    assert outcome.peak_octets > 0


@trio_test_real
async def test_a_running_daemon_is_drilled_by_a_process_of_its_own() -> None:
    async with served() as home:
        await ask(home.port, "www.example.com.")
        desk = Desk(home)  # type: ignore[arg-type]
        items = await desk.items(DRILL, keep_only=("0.0.0.0/0", "::/0"))
        report = next(item["report"] for item in items if "report" in item)
        assert (report["names"], [one["fresh"] for one in report["moments"]]) == (1, [1.0] * 4)
        assert report["cpu_s"] > 0  # of that process
        items = await desk.items(DRILL, keep_only=("203.0.113.0/24",), after="8d")
        failing = [row for item in items for row in item.get("failing", ())]
        assert [(row["name"], row["type"]) for row in failing] == [("www.example.com.", "A")]


@trio_test_real
async def test_the_process_comes_last_before_it_has_loaded_anything() -> None:
    command = "import os\nwhile os.getpriority(os.PRIO_PROCESS, 0) != 19: pass"

    async def run(**given: Any) -> subprocess.CompletedProcess[bytes]:
        return await trio.run_process([sys.executable, "-c", command], **given)

    with trio.fail_after(60):
        assert (await child._ended_last(run)).returncode == 0

    async def fail(**_: Any) -> subprocess.CompletedProcess[bytes]:
        raise FileNotFoundError(2, "no such interpreter")

    with pytest.raises(FileNotFoundError):
        await child._ended_last(fail)


@pytest.mark.reaches("DRILL_SECONDS")
@trio_test_real
async def test_one_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DRILL_SECONDS < CONTROL_WORK_SECONDS
    monkeypatch.setattr(drilling, "DRILL_SECONDS", 0.01)
    async with served() as home:
        await ask(home.port, "www.example.com.")
        desk = Desk(home)  # type: ignore[arg-type]
        with pytest.raises(Refused, match="no drill: the process that does it was stopped"):
            await desk.items(DRILL)
