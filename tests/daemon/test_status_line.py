"""What `systemctl status` shows of a daemon, and when it is told."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.daemon import draining, status_line
from resolver.daemon.status_line import keep_telling, serving
from resolver.upstream.way import Way
from tests.daemon.reloading import HOST, ask, served
from tests.support import set_limit, trio_test_real

if TYPE_CHECKING:
    from pathlib import Path


def test_where_questions_are_taken() -> None:
    places = [("127.0.0.1", 53), ("::1", 53)]
    assert serving(places) == "serving on 127.0.0.1:53, [::1]:53"
    assert serving(places[:1], 3) == "serving on 127.0.0.1:53, 3 processes"
    assert serving(()) == "serving on nowhere"


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0"), (7, "7"), (99, "99"), (123, "120"), (48_210, "48,000")]
)
def test_numbers_are_round_so_that_few_lines_are_sent(count: int, expected: str) -> None:
    assert status_line._about(count) == expected


def test_the_network_is_away_and_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    @trio_test_real
    async def body() -> None:
        async with served() as house:
            way, now = house.daemon.parts.dispatcher.ways.public, trio.current_time()
            said = status_line.status_line(house.daemon, now)
            assert said.startswith(f"serving on {HOST}:{house.port}; ")
            assert said.endswith(" records in the cache")
            way.cut_since = now - 150.0
            monkeypatch.setattr(Way, "is_cut", lambda *_: True)
            said = status_line.status_line(house.daemon, now)
            assert said.endswith("the network is away for 2 min")

    body()


@pytest.mark.reaches("STATUS_SECONDS")
def test_a_service_manager_is_told_what_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, status_line, "STATUS_SECONDS", 0.01)
    path = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(5)

        @trio_test_real
        async def body() -> None:
            async with served() as house:
                await ask(house.port, "www.example.com.")
                house.daemon.nursery.start_soon(keep_telling, house.daemon)
                first = await trio.to_thread.run_sync(manager.recv, 4096)
                assert first.startswith(b"STATUS=serving on ")
                await trio.sleep(0.1)
                await draining.drain(house.daemon)
                second = await trio.to_thread.run_sync(manager.recv, 4096)
                assert second.startswith(b"STATUS=drained; ")
                await trio.sleep(0.1)
                manager.setblocking(False)  # noqa: FBT003
                with pytest.raises(BlockingIOError):
                    manager.recv(4096)

        body()
