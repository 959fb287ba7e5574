"""Two machines and a real Redis: daemons as they are started, asked over real sockets."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.daemon.pretended_valkey import secret_beside
from tests.daemon.valkey_server import RedisServer, redis_server
from tests.e2e.lab_daemon import Served, serving
from tests.e2e.test_dot import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LATE_S = 60.0


def _asked(served: Served, name: str, rtype: str = "A") -> dns.message.Message:
    query = dns.message.make_query(name, rtype, want_dnssec=True)
    return dns.query.udp(query, HOST, port=served.port, timeout=20)


def _is_secure(reply: dns.message.Message) -> bool:
    return bool(reply.flags & dns.flags.AD)


@contextmanager
def _machine(path: Path, redis: RedisServer, more: str = "") -> Iterator[Served]:
    secret = secret_beside(path)
    head = f"""
        [valkey]
        url = "redis://{HOST}:{redis.port}"
        secret_file = "{secret}"
        {more}
    """
    with serving(path, head=head, scheme="udp+tcp") as served:
        yield served


def _wait(is_so: Callable[[], bool]) -> None:
    """Until it is."""
    ends_at = time.monotonic() + LATE_S
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def _until_up(served: Served) -> None:
    _wait(lambda: served.counted()["valkey_up"] == 1)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


def test_what_one_machine_validated_the_other_tells(tmp_path: Path, redis: RedisServer) -> None:
    """Its own servers would have signed it otherwise: each lab has its own."""
    with (
        _machine(tmp_path / "one", redis, "timeout_ms = 1000") as one,
        _machine(tmp_path / "two", redis, "timeout_ms = 1000") as two,
    ):
        _until_up(two)
        first = _asked(one, "www.example.com.")
        _wait(lambda: redis.cli("exists", "resolver:{www.example.com.}A") == "1")
        second = _asked(two, "www.example.com.")
        assert _is_secure(first)
        assert _is_secure(second)
        assert [rrset.to_rdataset() for rrset in second.answer] == [
            rrset.to_rdataset() for rrset in first.answer
        ]
        assert two.counted()["valkey_hits_total"] >= 1


def test_a_redis_that_hangs_or_dies_or_forgets_is_nobodys_trouble(
    tmp_path: Path, redis: RedisServer
) -> None:
    with _machine(tmp_path / "one", redis) as one:
        _until_up(one)
        assert _asked(one, "www.example.com.").rcode() == dns.rcode.NOERROR
        redis.cli("flushall")
        assert _asked(one, "mail.example.com.").rcode() == dns.rcode.NOERROR
        redis.stop()
        for number in range(8):
            assert _asked(one, f"n{number}.example.com.").rcode() == dns.rcode.NXDOMAIN
        redis.go_on()
        _until_up(one)
        redis.kill()
        for number in range(8):
            assert _asked(one, f"m{number}.example.com.").rcode() == dns.rcode.NXDOMAIN
        _wait(lambda: "nothing is shared by" in one.log.read_text())
