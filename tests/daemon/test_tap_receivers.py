"""Receivers of dnstap that come late, read nothing, speak something else, or go away."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import trio

from resolver.config.tap_target import TapTarget
from resolver.daemon import tap_sinks, tapping
from resolver.daemon.tap_sinks import opened
from resolver.errors import WireError
from resolver.limits import (
    DNSTAP_HELLO_SECONDS,
    DNSTAP_PAUSE_MOST_SECONDS,
    DNSTAP_PAUSE_SECONDS,
    DNSTAP_SEND_SECONDS,
)
from resolver.telemetry.frame_stream import START
from tests.daemon.test_tapping import HIT, Receiver, tapped, until
from tests.support import set_limit, trio_test, trio_test_real

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.daemon.tapping import Tapping
    from resolver.telemetry.events import Bus


@trio_test_real
async def test_messages_wait_for_a_receiver_that_comes_later_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tapping, "DNSTAP_PAUSE_SECONDS", 0.05)
    path = f"{tmp_path}/tap"
    async with trio.open_nursery() as nursery:
        made, bus = tapped(nursery, f"unix:{path}")
        bus.emit(HIT)
        await until(lambda: "no dnstap messages reach" in caplog.text)
        for _ in range(2):
            receiver = Receiver(path)
            scope = await nursery.start(_within, receiver)
            await until(lambda: made.is_connected)
            bus.emit(HIT)
            await until(partial(_has_heard, receiver))
            scope.cancel()
            await until(lambda: not _is_there(made, bus))
        nursery.cancel_scope.cancel()
    assert receiver.messages[0].identity == b"here"
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == f"no dnstap messages reach unix:{path}: No such file or directory"
    assert said[1] == f"dnstap messages reach unix:{path} again"


async def _within(receiver: Receiver, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            await nursery.start(receiver.serve)
            task_status.started(scope)
            await trio.sleep_forever()


def _has_heard(receiver: Receiver) -> bool:
    return len(receiver.heard) > len(START) and len(receiver.messages) > 1


def _is_there(made: Tapping, bus: Bus) -> bool:
    """Whether the receiver is there, as who sends it a message finds out."""
    if made.is_connected:
        bus.emit(HIT)
    return made.is_connected


@pytest.mark.reaches("DNSTAP_SEND_SECONDS")
@trio_test_real
async def test_a_receiver_that_does_not_read_is_left_and_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_limit(monkeypatch, tap_sinks, "DNSTAP_SEND_SECONDS", DNSTAP_SEND_SECONDS)
    monkeypatch.setattr(tap_sinks, "DNSTAP_SEND_SECONDS", 0.3)
    monkeypatch.setattr(tap_sinks, "DNSTAP_HELLO_SECONDS", 0.3)
    big = HIT._replace(reply=bytes(60_000))
    async with trio.open_nursery() as nursery:
        receiver = Receiver(f"{tmp_path}/tap")
        receiver.reads = False
        await nursery.start(receiver.serve)
        made, bus = tapped(nursery, f"unix:{tmp_path}/tap")
        await until(lambda: made.is_connected)
        for _ in range(100):
            bus.emit(big)
        await until(lambda: "it takes too long" in caplog.text)
        assert made.tap.dropped == 200
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no control frame"),
        (b"\0\0\0\0\0\0\0\4\0\0\0\5", "the receiver does not accept"),
        (b"\0\0\0\0\xff\xff\xff\xff", "a control frame of 4294967295 octets"),
    ],
)
@trio_test_real
async def test_who_is_no_receiver_is_told_of_and_given_nothing(
    tmp_path: Path, says: bytes, why: str
) -> None:
    async with trio.open_nursery() as nursery:
        receiver = Receiver(f"{tmp_path}/tap", says=says)
        await nursery.start(receiver.serve)
        with pytest.raises(WireError) as raised:
            async with opened(TapTarget(socket=f"{tmp_path}/tap"), 0):
                raise AssertionError("opened")
        assert str(raised.value) == why
        assert START not in receiver.heard
        nursery.cancel_scope.cancel()


@pytest.mark.reaches("DNSTAP_HELLO_SECONDS")
@trio_test_real
async def test_a_receiver_that_says_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, tap_sinks, "DNSTAP_HELLO_SECONDS", DNSTAP_HELLO_SECONDS)
    monkeypatch.setattr(tap_sinks, "DNSTAP_HELLO_SECONDS", 0.1)
    async with trio.open_nursery() as nursery:
        await nursery.start(Receiver(f"{tmp_path}/tap", says=b"").serve)
        with pytest.raises(trio.TooSlowError):
            async with opened(TapTarget(socket=f"{tmp_path}/tap"), 0):
                raise AssertionError("opened")
        nursery.cancel_scope.cancel()


@pytest.mark.reaches("DNSTAP_PAUSE_SECONDS", "DNSTAP_PAUSE_MOST_SECONDS")
@trio_test
async def test_who_is_gone_is_tried_ever_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[float] = []

    def refused(*_: object) -> None:
        tries.append(trio.current_time())
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(tap_sinks, "opened", refused)
    async with trio.open_nursery() as nursery:
        tapped(nursery, "unix:/nobody")
        await trio.sleep(1000)
        nursery.cancel_scope.cancel()
    pauses = [later - sooner for sooner, later in pairwise(tries)]
    first, most = DNSTAP_PAUSE_SECONDS, DNSTAP_PAUSE_MOST_SECONDS
    assert pauses[:4] == pytest.approx([first, 2 * first, 4 * first, 8 * first])
    assert pauses[-1] == pytest.approx(most)
    assert max(pauses) == pytest.approx(most)
