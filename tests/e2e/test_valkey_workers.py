"""Several workers, a Redis, a disk: what one of them knows all know. Servers are silent by then."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dns.rcode
import pytest

from tests.daemon.pretended_valkey import secret_beside
from tests.daemon.valkey_server import redis_server
from tests.e2e.test_restart import (
    GONE,
    NAMES,
    WRITTEN_S,
    Authority,
    addresses,
    ask,
    ask_anyone,
    daemon,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.daemon.valkey_server import RedisServer

pytestmark = pytest.mark.timeout(180)
ASKED, TIMES = NAMES[:8], 6  # each from another port: at random of this worker or that
LATE_S = 60.0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def authority() -> Iterator[Authority]:
    found = Authority()
    yield found
    found.close()


@contextmanager
def machine(
    path: Path,
    redis: RedisServer,
    authority: Authority,
    *,
    persists: bool,
) -> Iterator[tuple[int, int]]:
    """One of two workers, connected: its port and pid."""
    before = _connected(redis)
    more = f"""
[cache]
persist = {"true" if persists else "false"}
[valkey]
url = "redis://127.0.0.1:{redis.port}"
secret_file = "{secret_beside(path)}"
timeout_ms = 1000
"""
    with daemon(path, authority, workers=2, more=more) as (port, pid):
        _until(lambda: _connected(redis) >= before + 4)  # two of each worker
        yield port, pid


def _connected(redis: RedisServer) -> int:
    """How many connections daemons have; redis-cli asks by one for this."""
    return len(redis.cli("client", "list").splitlines()) - 1


def _until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + LATE_S
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def _learn(port: int, redis: RedisServer) -> None:
    for name in ASKED:
        assert addresses(ask(port, name)) == ["192.0.2.7"]
    assert ask(port, GONE).rcode() == dns.rcode.NXDOMAIN
    keys = [f"resolver:{{{name}}}A" for name in ASKED] + [f"resolver:{{{GONE}}}NXDOMAIN"]
    _until(lambda: redis.cli("exists", *keys) == str(len(keys)))


def _all_know(port: int) -> None:
    for _ in range(TIMES):
        for name in ASKED:
            assert addresses(ask_anyone(port, name)) == ["192.0.2.7"]
        assert ask_anyone(port, GONE).rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("persists", [True, False])
def test_what_one_worker_knows_all_workers_of_all_machines_know(
    tmp_path: Path,
    redis: RedisServer,
    authority: Authority,
    persists: bool,  # noqa: FBT001
) -> None:
    with (
        machine(tmp_path / "one", redis, authority, persists=persists) as (one, _),
        machine(tmp_path / "two", redis, authority, persists=persists) as (two, _),
    ):
        _learn(one, redis)
        authority.is_up = False
        _all_know(one)
        _all_know(two)


def test_with_a_disk_in_common_workers_ask_neither_redis_nor_servers(
    tmp_path: Path,
    redis: RedisServer,
    authority: Authority,
) -> None:
    """Disk first: of what is there Redis is not asked."""
    with machine(tmp_path / "one", redis, authority, persists=True) as (port, _):
        _learn(port, redis)
        time.sleep(WRITTEN_S)
        redis.cli("config", "resetstat")
        asked = authority.asked
        _all_know(port)
        assert authority.asked == asked
        assert "cmdstat_mget" not in redis.cli("info", "commandstats")


def test_a_worker_that_comes_anew_has_it_from_redis(
    tmp_path: Path,
    redis: RedisServer,
    authority: Authority,
) -> None:
    with machine(tmp_path / "one", redis, authority, persists=False) as (port, pid):
        _learn(port, redis)
        authority.is_up = False
        killed = _children(pid)[:2]
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        _until(lambda: len(set(_children(pid)) - set(killed)) == 2 and _connected(redis) >= 4)
        _all_know(port)


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]
