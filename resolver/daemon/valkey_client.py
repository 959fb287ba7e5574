"""Valkey or Redis, asked by coredis: one server, what sentinels know of, or a cluster.

Loaded only where one is configured. What it sends is looked at before coredis reads it
(`runtime.resp_frames`); coredis and what it raises stay in here: whatever goes wrong is
`SharedFailed`.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import coredis
import coredis.cluster._node
import trio
from anyio.abc import ByteStream
from coredis.connection import (
    ClusterConnection,
    SentinelManagedConnection,
    TCPConnection,
    TCPLocation,
    UnixDomainSocketConnection,
    UnixDomainSocketLocation,
)
from coredis.pool import ClusterConnectionPool, ConnectionPool, SentinelConnectionPool
from coredis.retry import NoRetryPolicy
from coredis.tokens import PureToken

from resolver.errors import SharedFailed, drop_frames
from resolver.limits import SHARED_READ_OCTETS, SHARED_SCAN, SHARED_WRITE_SECONDS
from resolver.runtime.resp_frames import RespFrames

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Iterable,
        Iterator,
        Sequence,
    )

    from coredis.connection import BaseConnection
    from coredis.connection._request import Request

    from resolver.cache.shared_level import Write
    from resolver.config.valkey_url import ValkeyUrl
    from resolver.daemon.shared_terms import SharedTerms

    Client: TypeAlias = "coredis.Redis[bytes] | coredis.RedisCluster[bytes]"

_CONNECTIONS: Final = 3  # of each kind, one for look-ups; requests follow one another on them
_MOST_CONNECTIONS: Final = 64  # to all nodes of a cluster
logging.getLogger("coredis").disabled = True  # a traceback for each refusal; we tell of it once


# --- what is looked at before it is read ---------------------------------------------------------


class _Guarded(ByteStream):
    """*stream* of *connection*, of which nothing comes through that may not be read."""

    def __init__(self, stream: ByteStream, connection: BaseConnection) -> None:
        self._stream = stream
        self._frames = RespFrames(lambda: connection.statistics.requests_pending)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        data = await self._stream.receive(min(max_bytes, SHARED_READ_OCTETS))
        self._frames.feed_untrusted(data)
        return data

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Tcp(TCPConnection):
    async def _connect(self) -> ByteStream:
        return _Guarded(await super()._connect(), self)


class _Unix(UnixDomainSocketConnection):
    async def _connect(self) -> ByteStream:
        return _Guarded(await super()._connect(), self)


class _OfService(SentinelManagedConnection):
    async def _connect(self) -> ByteStream:
        return _Guarded(await super()._connect(), self)


class _OfCluster(ClusterConnection):
    async def _connect(self) -> ByteStream:
        return _Guarded(await super()._connect(), self)


class _SentinelPool(ConnectionPool[_Tcp]):
    """Of one sentinel."""

    def __init__(self, **terms: Any) -> None:
        super().__init__(**(terms | {"connection_class": _Tcp}))


class _ServicePool(SentinelConnectionPool):
    """Of the server, or the replicas, that sentinels name."""

    async def _construct_connection(self) -> SentinelManagedConnection:
        where = await self.get_primary_location() if self.is_primary else await self.get_replica()
        return _OfService(where, self.service_name, self.is_primary, **self.connection_kwargs)


# By this name coredis asks a cluster's nodes for its layout, with connections of its own.
coredis.cluster._node.ClusterConnection = _OfCluster  # type: ignore[attr-defined]  # noqa: SLF001


# --- clients -------------------------------------------------------------------------------------


async def _clients(stack: AsyncExitStack, terms: SharedTerms) -> tuple[Client, Client]:
    """Who is asked, and who is written to."""
    url = terms.url
    if url.shape == "sentinel":
        return await _of_service(stack, terms)
    if url.shape == "cluster":
        writes: Client = await stack.enter_async_context(_cluster(terms, from_replicas=False))
        if not terms.from_replicas:
            return writes, writes
        return await stack.enter_async_context(_cluster(terms, from_replicas=True)), writes
    writes = await stack.enter_async_context(_one(url, terms))
    return await stack.enter_async_context(_one(terms.reads or url, terms)), writes


def _one(url: ValkeyUrl, terms: SharedTerms) -> coredis.Redis[bytes]:
    common = _common(url, terms)
    if url.path:
        where = UnixDomainSocketLocation(url.path)
        pool: ConnectionPool[Any] = ConnectionPool(
            connection_class=_Unix, location=where, db=url.database, **common
        )
    else:
        context = terms.context if url.is_tls else None
        pool = ConnectionPool(
            connection_class=_Tcp, location=TCPLocation(*url.hosts[0]), ssl_context=context,
            db=url.database, **common,
        )  # fmt: skip
    return coredis.Redis(connection_pool=pool, retry_policy=NoRetryPolicy(), verify_version=False)


async def _of_service(stack: AsyncExitStack, terms: SharedTerms) -> tuple[Client, Client]:
    url = terms.url
    asked = {
        "connect_timeout": SHARED_WRITE_SECONDS, "connection_pool_cls": _SentinelPool,
        "ssl_context": terms.context, "stream_timeout": SHARED_WRITE_SECONDS,
        "verify_version": False,
    }  # fmt: skip
    sentinel = await stack.enter_async_context(
        coredis.Sentinel(
            [TCPLocation(*host) for host in url.hosts], sentinel_kwargs=asked,
            db=url.database, ssl_context=terms.context, **_common(url, terms),
        )
    )  # fmt: skip
    writes = await stack.enter_async_context(
        sentinel.primary_for(url.service, connection_pool_class=_ServicePool)
    )
    if not terms.from_replicas:
        return writes, writes
    reads = sentinel.replica_for(url.service, connection_pool_class=_ServicePool)
    return await stack.enter_async_context(reads), writes


def _cluster(terms: SharedTerms, *, from_replicas: bool) -> coredis.RedisCluster[bytes]:
    url = terms.url
    common = _common(url, terms) | {"max_connections": _MOST_CONNECTIONS}
    pool = ClusterConnectionPool(
        [TCPLocation(*host) for host in url.hosts], connection_class=_OfCluster,
        ssl_context=terms.context, read_from_replicas=from_replicas,
        skip_full_coverage_check=True, **common,
    )  # fmt: skip
    return coredis.RedisCluster(
        connection_pool=pool, retry_policy=NoRetryPolicy(), verify_version=False
    )


def _common(url: ValkeyUrl, terms: SharedTerms) -> dict[str, Any]:
    return {
        "username": url.user or None,
        "password": url.password or terms.password or None,
        "connect_timeout": SHARED_WRITE_SECONDS,
        "timeout": SHARED_WRITE_SECONDS,
        "max_connections": _CONNECTIONS,
    }


# --- what the daemon does with them --------------------------------------------------------------


class ValkeyClient:
    """Connected. Every request raises SharedFailed, and nothing else."""

    def __init__(self, reads: Client, writes: Client) -> None:
        self._reads = reads
        self._writes = writes
        self._line: BaseConnection | None = None  # for look-ups alone; of a cluster there is none

    def __repr__(self) -> str:
        return f"<ValkeyClient {self._writes}>"

    def get(self, keys: Sequence[bytes]) -> Awaitable[Sequence[object]]:
        """Ask what lies at each of *keys*, now; it is awaited, None where nothing does; untrusted.

        Not by a command of coredis', whose way through pool and retries is half of what a look-up
        takes.
        """
        if self._line is None:
            return self._get_apart(keys)
        with _translated():
            request = self._line.create_request(b"MGET", *keys, decode=False)
        return self._replied(request, len(keys))

    async def _replied(self, request: Request, count: int) -> Sequence[object]:
        with _translated():
            values = await request
            if not isinstance(values, list) or len(values) != count:
                raise SharedFailed("it says of other keys than were asked for")
            return values

    async def _get_apart(self, keys: Sequence[bytes]) -> Sequence[object]:
        """Of several names, which lie apart: their order is kept by no MGET."""
        with _translated():
            pipe: Any = self._reads.pipeline(transaction=False, raise_on_error=True)
            async with pipe:
                for key in keys:
                    pipe.get(key)
            values: Sequence[object] = pipe.results
            return values

    async def put(self, writes: Iterable[Write]) -> int:
        """Do *writes*, one after another. How many were refused."""
        with _translated():
            pipe: Any = self._writes.pipeline(transaction=False, raise_on_error=False)
            async with pipe:
                for one in writes:
                    if one.value is None:
                        pipe.delete([one.key])
                        continue
                    condition = PureToken.NX if one.is_weak else None
                    until = max(int(one.seconds * 1000), 1)
                    pipe.set(one.key, one.value, px=until, condition=condition)
            return sum(isinstance(one, Exception) for one in pipe.results or ())

    async def time(self) -> float:
        """Unix seconds by its clock."""
        with _translated():
            if isinstance(self._writes, coredis.Redis):
                return await self._writes.create_request(b"TIME", callback=_seconds)
            async with next(iter(self._writes.primaries)) as node:  # whoever it is
                return await node.create_request(b"TIME", callback=_seconds)

    async def warm(self) -> None:
        """Have connections, so that no look-up waits for one."""
        with _translated():
            if isinstance(self._reads, coredis.Redis):
                self._line = await self._reads.connection_pool.get_connection()
            await self._reads.ping()
            await self._writes.ping()

    async def scan(self, pattern: bytes) -> AsyncGenerator[list[bytes], None]:
        """All keys of that *pattern*, some at a time."""
        with _translated():
            some: list[bytes] = []
            async for key in self._writes.scan_iter(match=pattern, count=SHARED_SCAN):
                some.append(key)
                if len(some) >= SHARED_SCAN:
                    yield some
                    some = []
            if some:
                yield some

    async def forget(self, keys: Sequence[bytes]) -> int:
        """How many were there."""
        with _translated():
            return await self._writes.unlink(keys)


def _seconds(response: Any, **_: Any) -> float:
    """coredis' own reading loses the fraction of the second."""
    seconds, microseconds = response
    return int(seconds) + int(microseconds) / 1e6


@asynccontextmanager
async def connected(terms: SharedTerms) -> AsyncIterator[ValkeyClient]:
    """A client for as long as the block runs. Raises SharedFailed, and what the block does."""
    ours: list[BaseException] = []
    try:
        with _translated():
            async with AsyncExitStack() as stack:
                client = ValkeyClient(*await _clients(stack, terms))
                await client.warm()
                try:
                    yield client
                except (Exception, BaseExceptionGroup) as error:
                    ours.append(error)
                    raise
    except (SharedFailed, BaseExceptionGroup):
        if ours:
            raise ours[0] from None
        raise


@contextmanager
def _translated() -> Iterator[None]:
    """Whatever a library makes of what it was sent is a failure, and no more.

    What fails as it is cancelled is cancelled: were both raised, the failure would be left, in a
    group that nobody expects, where the cancelling ends.
    """
    try:
        yield
    except SharedFailed:
        raise
    except Exception as error:  # noqa: BLE001  # anything: it reads what anybody may send
        reason = _reason(error)
        drop_frames(error)
        raise SharedFailed(reason) from None
    except BaseExceptionGroup as group:
        _, cancelled = group.split(Exception)
        drop_frames(group)
        raise cancelled or group from None


def _reason(error: BaseException) -> str:
    """In one line: of several the first, of a chain the one that it began with."""
    cause: BaseException | None = error
    while cause is not None:
        error = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
        cause = error if isinstance(cause, BaseExceptionGroup) else error.__cause__
    if isinstance(error, TimeoutError | trio.TooSlowError):
        return "no reply in time"
    return " ".join(str(error).split()) or type(error).__name__
