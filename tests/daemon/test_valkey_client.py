"""Redis itself, and what only looks like it: as coredis and we speak with them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import trio
import trustme

from resolver.cache.shared_level import Write
from resolver.daemon.valkey_client import connected
from resolver.errors import SharedFailed
from resolver.limits import SHARED_READ_OCTETS, SHARED_VALUE_OCTETS
from resolver.runtime.resp_frames import RespFrames
from tests.daemon.valkey_server import (
    RedisServer,
    collect,
    free_port,
    pretender,
    redis_server,
    terms_of,
)
from tests.support import trio_test_real

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from resolver.daemon.valkey_client import ValkeyClient

# coredis leaves queues open where a connection fails.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning")
# What coredis looks at.
HELLO = b"%3\r\n$5\r\nproto\r\n:3\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$2\r\nid\r\n:5\r\n"


@pytest.fixture(autouse=True, scope="module")
def _collected() -> Iterator[None]:
    """What coredis leaves to the collector warns as it goes, too."""
    yield
    collect()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


def _url(server: RedisServer) -> str:
    return f"redis://127.0.0.1:{server.port}"


def _write(key: bytes, value: bytes | None = b"v", seconds: float = 60.0, **more: bool) -> Write:
    return Write(key, value, seconds, is_weak=more.get("is_weak", False))


# --- one server ------------------------------------------------------------------------------


@trio_test_real
async def test_what_is_written_is_read_and_ends(redis: RedisServer) -> None:
    async with connected(terms_of(_url(redis))) as client:
        assert await client.put([_write(b"a", b"\x00\r\n\xff"), _write(b"b", seconds=0.05)]) == 0
        assert list(await client.get([b"a", b"b", b"c"])) == [b"\x00\r\n\xff", b"v", None]
        await trio.sleep(0.1)
        assert list(await client.get([b"a", b"b"])) == [b"\x00\r\n\xff", None]
        assert 59_000 < int(redis.cli("pttl", "a")) <= 60_000
        assert await client.put([_write(b"a", b"weak", is_weak=True), _write(b"a", None)]) == 0
        assert list(await client.get([b"a"])) == [None]


@trio_test_real
async def test_what_is_weak_takes_nobodys_place(redis: RedisServer) -> None:
    async with connected(terms_of(_url(redis))) as client:
        await client.put([_write(b"a", b"first", is_weak=True)])
        await client.put([_write(b"a", b"weak", is_weak=True)])
        assert list(await client.get([b"a"])) == [b"first"]
        await client.put([_write(b"a", b"strong")])
        assert list(await client.get([b"a"])) == [b"strong"]


@trio_test_real
async def test_its_time_has_a_fraction(redis: RedisServer) -> None:
    """coredis' own reading of TIME is up to a second late."""
    async with connected(terms_of(_url(redis))) as client:
        found = [await client.time() - time.time() for _ in range(20)]
        assert max(map(abs, found)) < 0.5
        assert max(found) - min(found) < 0.4


@trio_test_real
async def test_keys_are_found_by_pattern_and_forgotten(redis: RedisServer) -> None:
    async with connected(terms_of(_url(redis))) as client:
        await client.put([_write(b"r:{%d.}A" % number) for number in range(1200)])
        await client.put([_write(b"other:{1.}A"), _write(b"r:{a*b.}A")])
        some = [keys async for keys in client.scan(b"r:{*")]
        assert sum(map(len, some)) == 1201
        assert len(some) > 1
        assert [keys async for keys in client.scan(b"r:{a\\*b.}*")] == [[b"r:{a*b.}A"]]
        assert await client.forget([b"r:{1.}A", b"r:{none.}A", b"r:{2.}A"]) == 2


@trio_test_real
async def test_values_of_other_types_are_none(redis: RedisServer) -> None:
    redis.cli("lpush", "list", "a")
    redis.cli("hset", "hash", "a", "b")
    async with connected(terms_of(_url(redis))) as client:
        assert list(await client.get([b"list", b"hash"])) == [None, None]
        assert await client.put([_write(b"list", b"ours")]) == 0
        assert list(await client.get([b"list"])) == [b"ours"]


@trio_test_real
async def test_one_that_is_full_refuses_and_goes_on_answering(redis: RedisServer) -> None:
    async with connected(terms_of(_url(redis))) as client:
        await client.put([_write(b"a")])
        redis.cli("config", "set", "maxmemory", "1")
        assert await client.put([_write(b"b"), _write(b"c")]) == 2
        assert list(await client.get([b"a", b"b"])) == [b"v", None]


@trio_test_real
async def test_a_value_that_is_too_large_ends_the_connection(redis: RedisServer) -> None:
    redis.cli("set", "large", "x" * (SHARED_VALUE_OCTETS + 1))
    async with connected(terms_of(_url(redis))) as client:
        with pytest.raises(SharedFailed, match="too large"):
            await client.get([b"large"])


@trio_test_real
async def test_after_a_hundred_given_up_no_reply_is_mixed_up(redis: RedisServer) -> None:
    async with connected(terms_of(_url(redis))) as client:
        await client.put([_write(b"k%d" % number, b"v%d" % number) for number in range(100)])
        redis.stop()
        for number in range(100):
            with trio.move_on_after(0.0005):
                await client.get([b"k%d" % number])
        redis.go_on()
        for number in range(100):
            assert list(await client.get([b"k%d" % number])) == [b"v%d" % number]


@trio_test_real
async def test_one_that_is_killed_is_a_failure_and_no_more(redis: RedisServer) -> None:
    async with connected(terms_of(_url(redis))) as client:
        await client.get([b"a"])
        redis.kill()
        for _ in range(3):
            with pytest.raises(SharedFailed):
                await client.get([b"a"])
        with pytest.raises(SharedFailed):
            await client.put([_write(b"a")])
    with pytest.raises(SharedFailed):
        async with connected(terms_of(_url(redis))) as client:
            await client.time()


@trio_test_real
async def test_a_unix_socket_and_a_database(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with redis_server(tmp_path, "--unixsocket", str(path)) as server:
        async with connected(terms_of(f"unix://{path}")) as client:
            await client.put([_write(b"a")])
        async with connected(terms_of(_url(server))) as client:
            assert list(await client.get([b"a"])) == [b"v"]
        async with connected(terms_of(f"{_url(server)}/3")) as client:
            assert list(await client.get([b"a"])) == [None]


@trio_test_real
async def test_login_by_url_or_by_file(redis: RedisServer) -> None:
    redis.cli("acl", "setuser", "dns", "on", ">se/cret", "~r:*", "+@all")
    redis.cli("acl", "setuser", "default", "off")
    host = f"127.0.0.1:{redis.port}"
    for terms in (
        terms_of(f"redis://dns:se%2Fcret@{host}"),
        terms_of(f"redis://dns@{host}", password="se/cret"),
    ):
        async with connected(terms) as client:
            assert await client.put([_write(b"r:a"), _write(b"elsewhere")]) == 1
    for terms in (terms_of(f"redis://dns:wrong@{host}"), terms_of(f"redis://{host}")):
        with pytest.raises(SharedFailed, match=r"(?i)(invalid username|auth)"):
            async with connected(terms) as client:
                await client.time()


@trio_test_real
async def test_tls_is_believed_for_its_certificate(tmp_path: Path) -> None:
    import ssl  # noqa: PLC0415

    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(chain)
    port = free_port()
    options = (
        "--tls-port", str(port), "--tls-cert-file", str(chain), "--tls-key-file", str(key),
        "--tls-auth-clients", "no", "--tls-ca-cert-file", str(chain),
    )  # fmt: skip
    good, other = ssl.create_default_context(), ssl.create_default_context()
    authority.configure_trust(good)
    with redis_server(tmp_path, *options):
        async with connected(terms_of(f"rediss://127.0.0.1:{port}", context=good)) as client:
            await client.put([_write(b"a")])
            assert list(await client.get([b"a"])) == [b"v"]
        for host, context in (("127.0.0.1", other), ("localhost", good)):
            with pytest.raises(SharedFailed, match="certificate verify failed"):
                async with connected(
                    terms_of(f"rediss://{host}:{port}", context=context)
                ) as client:
                    await client.time()


# --- what only looks like one ----------------------------------------------------------------

DEEP = b"%1\r\n" + b"*1\r\n" * 250_000 + b":1\r\n:2\r\n"


@pytest.mark.parametrize("reply", [
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x01\x00", b"$99999999999\r\n", b"$-7\r\n",
    b">2\r\n+invalidate\r\n_\r\n", b":5\r\n", b"+OK\r\n" * 100_000, b"*1\r\n$1\r\nx\r\n",
    b"*4\r\n:1\r\n%0\r\n,nan\r\n#t\r\n", b"-LOADING wait\r\n", b"-\xff\xfe\r\n", b"_\r\n", DEEP,
    b"*1000000000\r\n", b":" + b"9" * 4000 + b"\r\n", b"",
])  # fmt: skip
@trio_test_real
async def test_whatever_comes_in_the_place_of_values_is_a_failure(reply: bytes) -> None:
    """Bounded, at once or at the deadline, and never more than that."""

    def answer(data: bytes) -> bytes:
        if b"HELLO" in data:
            return HELLO
        return b"+PONG\r\n" if b"PING" in data else reply

    await _fails(answer)


@pytest.mark.parametrize("reply", [b"+OK\r\n", b"%0\r\n", b"garbage\r\n", DEEP, b"", b"$5\r\nab"])
@trio_test_real
async def test_whatever_comes_in_the_place_of_a_greeting_is_a_failure(reply: bytes) -> None:
    await _fails(lambda _: reply)


async def _fails(answer: Callable[[bytes], bytes]) -> None:
    """A server that answers so is given up, at the deadline at the latest."""
    failed = False
    async with pretender(answer) as port:
        try:
            with trio.fail_after(0.5):
                async with connected(terms_of(f"redis://127.0.0.1:{port}")) as client:
                    values = await client.get([b"a", b"b"])
                    failed = not any(isinstance(value, bytes) for value in values)
        except (SharedFailed, trio.TooSlowError):
            failed = True
    assert failed


@pytest.mark.reaches("SHARED_READ_OCTETS")
@trio_test_real
async def test_what_a_server_sends_is_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as it can, with the smallest values: others have their turn between."""
    sizes: list[int] = []
    feed = RespFrames.feed_untrusted

    def fed(frames: RespFrames, data: bytes) -> None:
        sizes.append(len(data))
        feed(frames, data)

    monkeypatch.setattr(RespFrames, "feed_untrusted", fed)

    def answer(data: bytes) -> bytes:
        if b"HELLO" in data:
            return HELLO
        return b"+PONG\r\n" if b"PING" in data else b"*8000\r\n" + b"$9\r\nabcdefghi\r\n" * 8001

    async with (
        pretender(answer) as port,
        connected(terms_of(f"redis://127.0.0.1:{port}")) as client,
    ):
        await trio.sleep(0.05)
        with pytest.raises(SharedFailed, match="nobody had asked"):
            await client.get([b"a"])
    assert max(sizes) == SHARED_READ_OCTETS


@trio_test_real
async def test_who_stops_waiting_while_it_fails_is_only_cancelled() -> None:
    """The end of the daemon, at any moment of a connection."""
    for wait in (0.0, 0.001, 0.01, 0.05):
        async with pretender(lambda data: HELLO if b"HELLO" in data else b"x") as port:
            with trio.move_on_after(wait) as scope:
                try:
                    async with connected(terms_of(f"redis://127.0.0.1:{port}")) as client:
                        await client.time()
                except SharedFailed:
                    await trio.sleep_forever()
            assert scope.cancelled_caught


async def _fail_as_cancelled(error: Exception) -> None:
    """One task fails with *error* as another is cancelled: both in one group."""

    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise error

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail)
        nursery.start_soon(trio.sleep_forever)


@trio_test_real
async def test_what_fails_as_it_is_cancelled_is_only_cancelled(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadline comes as a connection ends: a group of the failure alone would end the daemon."""

    async def warm(_: ValkeyClient) -> None:
        scope.deadline = trio.current_time()
        await _fail_as_cancelled(OSError("it failed"))

    monkeypatch.setattr("resolver.daemon.valkey_client.ValkeyClient.warm", warm)
    with trio.CancelScope() as scope:
        async with connected(terms_of(_url(redis))):
            raise AssertionError("it cannot connect")
    assert scope.cancelled_caught


@trio_test_real
async def test_a_fault_of_ours_is_told_though_we_are_cancelled(redis: RedisServer) -> None:
    async def fail() -> None:
        with trio.CancelScope() as scope:
            async with connected(terms_of(_url(redis))):
                scope.deadline = trio.current_time()
                await _fail_as_cancelled(ValueError("a fault of ours"))

    with pytest.raises(ExceptionGroup) as caught:
        await fail()
    assert caught.group_contains(ValueError)
