"""Redis as docs/valkey.md says that it may be: TLS, logins, sentinels, a cluster, promotions."""

from __future__ import annotations

import ssl
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest
import trio
import trustme

from resolver.cache.shared_level import Write
from resolver.config.schema import Config, Valkey
from resolver.daemon.shared_terms import shared_terms
from resolver.daemon.valkey_client import connected
from resolver.errors import SharedFailed
from tests.daemon.valkey_server import RedisServer, collect, free_port, redis_server, terms_of
from tests.support import trio_test_real

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from resolver.daemon.shared_terms import SharedTerms
    from resolver.daemon.valkey_client import ValkeyClient

# coredis leaves queues open where a connection fails.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning"),
    pytest.mark.timeout(180),
]
HOST, PATIENCE_S = "127.0.0.1", 60.0
LOGIN = ("dns", "on", ">secret", "~resolver:*")
OF_ONE = ("+@read", "+@write", "+@connection", "+time")
KEYS = [b"resolver:{n%d.}A" % number for number in range(40)]


@pytest.fixture(autouse=True, scope="module")
def _collected() -> Iterator[None]:
    """What coredis leaves to the collector warns as it goes, too."""
    yield
    collect()


class Certificates(NamedTuple):
    """Options of redis-server and redis-cli that have it speak TLS only; who signed *authority*."""

    authority: str
    options: tuple[str, ...]
    cli: tuple[str, ...]
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    path = tmp_path_factory.mktemp("tls")
    signs = trustme.CA()
    issued = signs.issue_cert(HOST)
    files = {name: str(path / f"{name}.pem") for name in ("ca", "chain", "key")}
    signs.cert_pem.write_to_path(files["ca"])
    issued.private_key_pem.write_to_path(files["key"])
    issued.cert_chain_pems[0].write_to_path(files["chain"])
    options = (
        "--tls-cert-file", files["chain"], "--tls-key-file", files["key"],
        "--tls-ca-cert-file", files["ca"], "--tls-auth-clients", "no", "--tls-replication", "yes",
        "--tls-cluster", "yes",
    )  # fmt: skip
    context = ssl.create_default_context(cafile=files["ca"])
    return Certificates(files["ca"], options, ("--tls", "--cacert", files["ca"]), context)


def _write(key: bytes, value: bytes = b"v") -> Write:
    return Write(key, value, 60.0, is_weak=False)


def _spoken(tls: Certificates | None, port: int) -> tuple[str, ...]:
    return () if tls is None else ("--port", "0", "--tls-port", str(port), *tls.options)


@contextmanager
def _server(
    path: Path, *options: str, tls: Certificates | None = None, sentinel: bool = False,
    port: int = 0,
) -> Iterator[RedisServer]:  # fmt: skip
    port = port or free_port()
    options = (*options, *_spoken(tls, port))
    cli = () if tls is None else tls.cli
    with redis_server(path, *options, port=port, cli=cli, sentinel=sentinel) as server:
        yield server


async def _all_can_be_done(client: ValkeyClient) -> None:
    """What the daemon does, for names of its prefix."""
    assert await client.put([_write(key, key) for key in KEYS]) == 0
    assert await client.put([Write(KEYS[0], b"weak", 60.0, is_weak=True)]) == 0
    assert list(await client.get([*KEYS, b"resolver:{none.}A"])) == [*KEYS, None]
    assert abs(await client.time() - time.time()) < 1
    found = [key async for some in client.scan(b"resolver:*") for key in some]
    assert sorted(found) == sorted(KEYS)
    assert await client.forget(KEYS[:30]) == 30
    assert await client.put([Write(KEYS[30], None, 0.0, is_weak=False)]) == 0
    assert list(await client.get(KEYS[29:32])) == [None, None, KEYS[31]]


async def _again(terms: SharedTerms) -> None:
    """Until it can be connected to and written to once more."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                with trio.fail_after(2):
                    async with connected(terms) as client:
                        if await client.put([_write(KEYS[0], b"again")]) == 0:
                            assert list(await client.get(KEYS[:1])) == [b"again"]
                            return
            except (SharedFailed, trio.TooSlowError):
                await trio.sleep(0.2)


@trio_test_real
async def test_tls_and_the_login_of_the_manual_by_files(tmp_path: Path, tls: Certificates) -> None:
    """`valkey.ca_file` and `password_file`; what its user need not may not be done."""
    (tmp_path / "secret").write_text("s" * 32)
    (tmp_path / "password").write_text("secret\n")
    with _server(tmp_path, tls=tls) as server:
        server.cli("acl", "setuser", *LOGIN, *OF_ONE)
        server.cli("acl", "setuser", "default", "off")

        def terms(ca_file: str) -> SharedTerms:
            valkey = Valkey(
                url=f"rediss://dns@{HOST}:{server.port}", ca_file=ca_file,
                secret_file=str(tmp_path / "secret"), password_file=str(tmp_path / "password"),
            )  # fmt: skip
            found = shared_terms(msgspec.structs.replace(Config(), valkey=valkey))
            assert found is not None
            return found

        async with connected(terms(tls.authority)) as client:
            await _all_can_be_done(client)
            assert await client.put([_write(b"elsewhere")]) == 1
        with pytest.raises(SharedFailed, match="certificate verify failed"):
            async with connected(terms("")):
                pass


@contextmanager
def _watched(path: Path, tls: Certificates | None) -> Iterator[tuple[str, list[RedisServer]]]:
    """A primary and its replica, and a sentinel that may decide alone; where it is."""
    port = free_port()
    home = path / f"redis-{port}"
    home.mkdir()
    with ExitStack() as stack:
        primary = stack.enter_context(_server(path, tls=tls))
        more = ("--replicaof", f"{HOST} {primary.port}")
        replica = stack.enter_context(_server(path, *more, tls=tls))
        for one in (primary, replica):
            one.cli("acl", "setuser", *LOGIN, "+@all")
        (home / "sentinel.conf").write_text(
            f"bind {HOST}\ndir {home}\nport {port if tls is None else 0}\n"
            f"sentinel monitor dns {HOST} {primary.port} 1\n"
            "sentinel down-after-milliseconds dns 500\nsentinel failover-timeout dns 3000\n"
        )
        stack.enter_context(_server(path, tls=tls, sentinel=True, port=port))
        while "slave0" not in primary.cli("info", "replication"):
            time.sleep(0.1)
        yield f"{HOST}:{port}", [primary, replica]


@pytest.mark.parametrize("has_tls", [False, True])
@trio_test_real
async def test_the_one_that_sentinels_promote_is_asked(
    tmp_path: Path, tls: Certificates, has_tls: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    with _watched(tmp_path, tls if has_tls else None) as (where, (primary, replica)):
        scheme = "rediss" if has_tls else "redis"
        terms = terms_of(
            f"{scheme}+sentinel://dns:secret@{where}/dns", context=tls.context if has_tls else None
        )
        async with connected(terms) as client:
            await _all_can_be_done(client)
        primary.kill()
        await _again(terms)
        assert "role:master" in replica.cli("info", "replication")


@contextmanager
def _cluster(path: Path, tls: Certificates | None, count: int) -> Iterator[list[RedisServer]]:
    """Three primaries, the others their replicas."""
    ports = _ports(count)
    with ExitStack() as stack:
        more = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
        nodes = [stack.enter_context(_server(path, *more, tls=tls, port=port)) for port in ports]
        hosts = [f"{HOST}:{port}" for port in ports]
        each = str(count // 3 - 1)
        said = nodes[0].cli(
            "--cluster", "create", *hosts, "--cluster-replicas", each, "--cluster-yes"
        )
        assert "All 16384 slots covered" in said, said
        while not all("cluster_state:ok" in node.cli("cluster", "info") for node in nodes):
            time.sleep(0.1)
        for node in nodes:
            node.cli("acl", "setuser", *LOGIN, "+@all")
        yield nodes


def _ports(count: int) -> list[int]:
    """A cluster has a bus 10,000 above each port."""
    found: list[int] = []
    while len(found) < count:
        port = free_port()
        if port < 55_000 and port not in found:
            found.append(port)
    return found


@trio_test_real
async def test_a_cluster_over_tls_with_a_login(tmp_path: Path, tls: Certificates) -> None:
    with _cluster(tmp_path, tls, 3) as nodes:
        url = f"rediss+cluster://dns:secret@{HOST}:{nodes[0].port}"
        async with connected(terms_of(url, context=tls.context)) as client:
            await _all_can_be_done(client)


@trio_test_real
async def test_a_cluster_of_which_a_replica_was_promoted_is_shared_by_again(
    tmp_path: Path,
) -> None:
    with _cluster(tmp_path, None, 6) as nodes:
        url = f"redis+cluster://dns:secret@{HOST}:{nodes[1].port},{HOST}:{nodes[2].port}"
        terms = terms_of(url)
        async with connected(terms) as client:
            await _all_can_be_done(client)
        nodes[0].kill()
        await _again(terms)
        with trio.fail_after(PATIENCE_S):
            while "cluster_state:ok" not in nodes[1].cli("cluster", "info"):  # noqa: ASYNC110
                await trio.sleep(0.1)  # other processes' doing
        async with connected(terms) as client:
            await client.forget(KEYS)
            await _all_can_be_done(client)


async def _seen(client: ValkeyClient, keys: list[bytes], wanted: list[object]) -> None:
    """Is *wanted* read? A replica is a moment behind."""
    for _ in range(200):
        if list(await client.get(keys)) == wanted:
            return
        await trio.sleep(0.05)
    raise AssertionError(f"nobody has {wanted}")


@trio_test_real
async def test_a_replica_is_asked_and_the_primary_written_to(tmp_path: Path) -> None:
    with (
        redis_server(tmp_path) as primary,
        redis_server(tmp_path, "--replicaof", f"127.0.0.1 {primary.port}") as replica,
    ):
        where, near = (f"redis://{HOST}:{one.port}" for one in (primary, replica))
        async with connected(terms_of(where, read_from=near)) as client:
            assert await client.put([_write(b"a")]) == 0
            await _seen(client, [b"a"], [b"v"])
            primary.stop()
            assert list(await client.get([b"a"])) == [b"v"]
            primary.go_on()


@trio_test_real
async def test_sentinels_name_the_primary_and_its_replicas(tmp_path: Path) -> None:
    port = free_port()
    with (
        redis_server(tmp_path) as primary,
        redis_server(tmp_path, "--replicaof", f"127.0.0.1 {primary.port}"),
    ):
        home = tmp_path / f"redis-{port}"
        home.mkdir()
        (home / "sentinel.conf").write_text(
            f"port {port}\nbind 127.0.0.1\ndir {home}\n"
            f"sentinel monitor dns 127.0.0.1 {primary.port} 1\n"
        )
        with redis_server(tmp_path, port=port, sentinel=True):
            url = f"redis+sentinel://127.0.0.1:{port},127.0.0.1:1/dns"
            async with connected(terms_of(url)) as client:
                assert await client.put([_write(b"a")]) == 0
                assert list(await client.get([b"a"])) == [b"v"]
                assert abs(await client.time() - time.time()) < 1
            async with connected(terms_of(url, read_from="replicas")) as client:
                await _seen(client, [b"a"], [b"v"])
            with pytest.raises(SharedFailed):
                async with connected(terms_of(f"redis+sentinel://127.0.0.1:{port}/none")):
                    pass


@trio_test_real
async def test_a_cluster_keeps_each_name_somewhere(tmp_path: Path) -> None:
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(redis_server(tmp_path, "--cluster-enabled", "yes", port=port))
            for port in _ports(3)
        ]
        hosts = [f"127.0.0.1:{node.port}" for node in nodes]
        said = nodes[0].cli("--cluster", "create", *hosts, "--cluster-yes")
        assert "All 16384 slots covered" in said, said
        while not all("cluster_state:ok" in node.cli("cluster", "info") for node in nodes):  # noqa: ASYNC110
            await trio.sleep(0.1)  # other processes' doing
        url = f"redis+cluster://{hosts[0]},{hosts[1]}"
        async with connected(terms_of(url)) as client:
            keys = [b"r:{n%d.}A" % number for number in range(60)]
            await client.put([_write(key, key) for key in keys])
            assert list(await client.get([*keys, b"r:{none.}A"])) == [*keys, None]
            assert abs(await client.time() - time.time()) < 1
            found = [key async for some in client.scan(b"r:*") for key in some]
            assert sorted(found) == sorted(keys)
            assert await client.forget(keys[:30]) == 30
        async with connected(terms_of(url, read_from="replicas")) as client:
            assert list(await client.get(keys[28:32])) == [None, None, *keys[30:32]]
        assert len({node.cli("dbsize") for node in nodes}) >= 1
