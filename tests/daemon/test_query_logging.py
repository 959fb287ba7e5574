"""The query log of a running daemon: begun, changed and ended; and the disk stops nobody."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Config, Log
from resolver.daemon import query_logging
from resolver.daemon.query_logging import QueryLogging
from resolver.daemon.reload import reload
from resolver.limits import (
    QUERY_LOG_AT_ONCE,
    QUERY_LOG_LEAVING_SECONDS,
    QUERY_LOG_LOOK_SECONDS,
    QUERY_LOG_SECONDS,
    QUERY_LOG_WAITING,
)
from resolver.protocol.transport import Transport
from resolver.runtime.clock import SystemClock
from resolver.telemetry.events import Answered, Bus, Recalled
from resolver.telemetry.query_lines import Line, Mark, line_untrusted
from resolver.telemetry.query_log_files import QueryLogFiles, log_files
from resolver.telemetry.shared_counters import SharedCounters, Slot
from tests.asking import CLIENT, octets
from tests.daemon.persisting import life
from tests.making import question
from tests.recurse.household import village
from tests.support import set_limit, trio_test, trio_test_real

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.daemon.persisting import Home

WWW = question("www.example.net. A")


def logged(path: Path) -> list[Line | Mark]:
    octets = b"".join(file.read_bytes() for file in log_files(path / "queries"))
    return [line_untrusted(line) for line in octets.splitlines()]


def queries(path: Path) -> list[tuple[str, str, str]]:
    found = [line for line in logged(path) if isinstance(line, Line)]
    return [(line.name, line.rcode, line.source) for line in found]


def logs(**wanted: str) -> Callable[[Config], Config]:
    return lambda config: replace(config, log=Log(**wanted))  # type: ignore[arg-type]


async def asks(home: Home, text: str) -> None:
    """Over the whole path, and once more from the packet cache if it is there."""
    asked, done = octets(question(text)), trio.Event()
    pipeline = home.daemon.parts.pipeline
    if pipeline.fast_path(Transport.UDP).begin()(asked, b"\x7f\0\0\1") is None:
        pipeline.start(asked, CLIENT, lambda _: done.set())
        await done.wait()


async def written() -> None:
    await trio.sleep(2 * QUERY_LOG_SECONDS)


@trio_test
async def test_every_query_has_a_line_hits_included_between_start_and_stop(tmp_path: Path) -> None:
    async with life(village(), tmp_path, logs(queries="all")) as home:
        for _ in range(2):
            await asks(home, "www.example.net. A")
        await asks(home, "gone.example.net. A")
        await written()
        assert len(logged(tmp_path)) == 4
        assert home.daemon.query_logging.log.written == 4
    begin, *_, end = logged(tmp_path)
    assert isinstance(begin, Mark)
    assert isinstance(end, Mark)
    assert (begin.event, begin.queries, begin.clients) == ("start", "all", "no")
    assert (end.event, end.dropped) == ("stop", 0)
    assert queries(tmp_path) == [
        ("www.example.net.", "NOERROR", "network"),
        ("www.example.net.", "NOERROR", "cache"),
        ("gone.example.net.", "NXDOMAIN", "network"),
    ]


@trio_test
async def test_nobody_is_told_of_unless_asked_for(tmp_path: Path) -> None:
    for clients, told in (("no", ""), ("prefix", "127.0.0.0/24"), ("full", "127.0.0.1")):
        where = tmp_path / clients
        where.mkdir()
        async with life(village(), where, logs(queries="all", clients=clients)) as home:
            for _ in range(2):
                await asks(home, "www.example.net. A")
        lines = [line for line in logged(where) if isinstance(line, Line)]
        assert [line.client for line in lines] == [told, told]
        text = b"".join(file.read_bytes() for file in log_files(where / "queries"))
        assert (b"127.0.0.1" in text) == (clients == "full")


@trio_test
async def test_a_reload_begins_changes_and_ends_it(tmp_path: Path) -> None:
    async with life(village(), tmp_path) as home:
        bus, config = home.daemon.parts.bus, home.daemon.config
        assert not bus.heard
        for queries_, kinds in (
            ("failures", {Answered}), ("all", {Answered, Recalled}), ("off", set()),
        ):  # fmt: skip
            await reload(home.daemon, logs(queries=queries_)(config))
            assert set(bus.heard) == kinds
            await asks(home, "www.example.net. A")
    marks = [(line.event, line.queries) for line in logged(tmp_path) if isinstance(line, Mark)]
    assert marks == [("start", "failures"), ("stop", "failures"), ("start", "all"), ("stop", "all")]
    assert queries(tmp_path) == [("www.example.net.", "NOERROR", "cache")]


@trio_test
async def test_off_makes_no_event_no_file_and_no_task_that_wakes(tmp_path: Path) -> None:
    async with life(village(), tmp_path) as home:
        assert not home.daemon.parts.bus.heard
        await asks(home, "www.example.net. A")
    assert not (tmp_path / "queries").exists()


@pytest.mark.reaches("QUERY_LOG_LOOK_SECONDS")
@trio_test
async def test_what_is_too_old_goes_though_nobody_asks(tmp_path: Path) -> None:
    async with life(village(), tmp_path):
        await trio.sleep(1)  # it looks at the start, too
        old = tmp_path / "queries" / "20200101-000001.jsonl"
        old.parent.mkdir()
        old.write_text("{}\n")
        await trio.sleep(0.9 * QUERY_LOG_LOOK_SECONDS)
        assert old.exists()
        await trio.sleep(0.2 * QUERY_LOG_LOOK_SECONDS)
        assert not old.exists()


@pytest.mark.reaches("QUERY_LOG_SECONDS")
@trio_test
async def test_lines_are_gathered_for_a_moment(tmp_path: Path) -> None:
    async with life(village(), tmp_path, logs(queries="all")) as home:
        await written()
        await asks(home, "www.example.net. A")
        await trio.sleep(0.9 * QUERY_LOG_SECONDS)
        assert queries(tmp_path) == []
        await trio.sleep(0.2 * QUERY_LOG_SECONDS)
        assert len(queries(tmp_path)) == 1


@trio_test
async def test_a_disk_that_fails_is_told_once_counted_and_used_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with life(village(), tmp_path, logs(queries="all")) as home:
        await written()
        with monkeypatch.context() as patched:
            patched.setattr(QueryLogFiles, "write", full)
            for _ in range(3):
                await asks(home, "www.example.net. A")
                await written()
        assert home.daemon.query_logging.log.dropped == 3
        await asks(home, "www.example.net. A")
        await written()
    said = [record.getMessage() for record in caplog.records if "query log" in record.getMessage()]
    assert said == [
        f"no query log is kept in {tmp_path}/queries: No space left on device",
        f"a query log is kept again in {tmp_path}/queries",
    ]
    assert len(queries(tmp_path)) == 1


class Stuck:
    """A disk that stands still until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_free = threading.Event()
        monkeypatch.setattr(QueryLogFiles, "write", lambda *_: self.is_free.wait(20))


@pytest.mark.reaches("QUERY_LOG_WAITING", "QUERY_LOG_LEAVING_SECONDS")
@trio_test_real
async def test_a_disk_that_stands_still_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those who are answered nor the end; what there is no room for is counted."""
    disk = Stuck(monkeypatch)
    set_limit(monkeypatch, query_logging, "QUERY_LOG_SECONDS", QUERY_LOG_SECONDS)
    monkeypatch.setattr(query_logging, "QUERY_LOG_SECONDS", 0.0)
    bus = Bus()
    kept = QueryLogging(bus, SystemClock(), str(tmp_path))
    kept.go_by(Log(queries="all"))
    hit = Recalled(octets(WWW), octets(WWW), b"\x7f\0\0\1", Transport.UDP, "", "default")
    with trio.fail_after(5 * QUERY_LOG_LEAVING_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.run)
            while not kept._is_writing:  # noqa: ASYNC110  # a thread's
                await trio.sleep(0.001)
            for _ in range(QUERY_LOG_WAITING + QUERY_LOG_AT_ONCE):
                bus.emit(hit)
            await trio.sleep(0.01)
            assert (kept.log.dropped, kept.log.written) == (QUERY_LOG_AT_ONCE, 0)
            nursery.cancel_scope.cancel()
    assert kept.log.dropped > QUERY_LOG_WAITING
    disk.is_free.set()


@trio_test
async def test_a_directory_that_cannot_be_written_is_no_reason_not_to_serve(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "queries").write_text("not a directory")
    async with life(village(), tmp_path, logs(queries="all")) as home:
        await asks(home, "www.example.net. A")
        await written()
    assert f"no query log is kept in {tmp_path}/queries: it is no directory" in caplog.text


def test_workers_share_the_key_of_the_day_and_one_of_them_complains(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    counters = SharedCounters(2)
    one, other = (
        QueryLogging(Bus(), SystemClock(), str(tmp_path), slot=Slot(counters, number))
        for number in range(2)
    )
    assert one._key.at(0.0) == other._key.at(0.0)
    for kept in (one, other):
        kept._tell("disk full")
    assert len(caplog.records) == 1
