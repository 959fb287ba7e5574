"""Known runs out: one question is lost, the caches are given up, the daemon lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver import pipeline
from resolver.limits import SHORTAGE_LOG_SECONDS
from resolver.listen.tcp import TcpSlots
from resolver.runtime.shortage import Shortage
from resolver.telemetry.path_counters import PathCounters
from tests.listen.echo import answered, question
from tests.listen.test_stream import Mute
from tests.listen.test_tcp import house
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.protocol.transport import Client


@pytest.mark.reaches("SHORTAGE_LOG_SECONDS")
@trio_test
async def test_caches_are_given_up_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    given: list[str] = []
    shortage = Shortage(lambda: given.append("packets"), lambda: given.append("records"))
    for _ in range(3):
        shortage.note()
    assert given == ["packets", "records"] * 3
    assert shortage.shortages == 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    await trio.sleep(SHORTAGE_LOG_SECONDS - 1)
    shortage.note()
    assert len(caplog.records) == 1
    await trio.sleep(1)
    shortage.note()
    assert len(caplog.records) == 2


@trio_test
async def test_giving_up_that_fails_itself_is_not_felt() -> None:
    def fail() -> None:
        raise MemoryError

    Shortage(fail).note()


@trio_test
async def test_a_client_whose_octets_find_no_memory_is_alone_in_it() -> None:
    class Starved(Mute):
        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            await trio.lowlevel.checkpoint()
            raise MemoryError(max_bytes)

    places = TcpSlots()
    async with house(slots=places) as it:
        it.door.admit(Starved(b""))
        await trio.sleep(0.01)
        assert len(places) == 0
        assert it.handler.shortage.shortages == 1
        stream = it.door.connect()
        await stream.send_all(b"\0" + bytes([len(question())]) + question())
        assert (await stream.receive_some(100))[2:] == answered(question())


@pytest.mark.interpreted
@trio_test
async def test_a_query_that_finds_no_memory_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its place is given back, the rest of the batch goes on."""

    def starve(_: bytes) -> None:
        raise MemoryError

    monkeypatch.setattr(pipeline, "parse_untrusted", starve)
    path = object.__new__(pipeline.Pipeline)
    path.counters = PathCounters()
    path.shortage = Shortage()
    replies: list[bytes | None] = []
    start: Callable[[bytes, Client, Callable[[bytes | None], None]], None] = path.start
    start(question(), None, replies.append)  # type: ignore[arg-type]
    assert replies == [None]
    assert path.shortage.shortages == 1
