"""Real servers of Redis on loopback, and servers that only look like one."""

from __future__ import annotations

import gc
import signal
import socket
import subprocess
import time
import warnings
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import trio

from resolver.config.valkey_url import valkey_url
from resolver.daemon.shared_terms import SharedTerms

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class RedisServer:
    """A process, and where it listens. *where*: arguments of redis-cli to get there."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, where: list[str]) -> None:
        self.process = process
        self.port = port
        self._where = where

    def cli(self, *words: str) -> str:
        """What redis-cli is told."""
        done = subprocess.run(
            ["redis-cli", *self._where, *words], capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip
        return (done.stdout + done.stderr).strip()

    def stop(self) -> None:
        """It hangs, its connections open."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def redis_server(
    path: Path, *options: str, port: int = 0, cli: tuple[str, ...] = (), sentinel: bool = False
) -> Iterator[RedisServer]:
    """One in the directory *path*, without a file of its own. *cli*: what redis-cli takes more."""
    port = port or free_port()
    home = path / f"redis-{port}"
    home.mkdir(exist_ok=True)
    common = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
    kept = ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"]
    told = [str(home / "sentinel.conf"), "--sentinel"] if sentinel else [*common, *kept]
    process = subprocess.Popen(
        ["redis-server", *told, *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    server = RedisServer(process, port, ["-h", "127.0.0.1", "-p", str(port), *cli])
    try:
        deadline = time.monotonic() + SECONDS
        while "PONG" not in server.cli("ping"):
            assert time.monotonic() < deadline, server.cli("ping")
            assert process.poll() is None
            time.sleep(0.02)
        yield server
    finally:
        process.kill()
        process.wait()


def terms_of(
    url: str, *, read_from: str = "", password: str = "", context: ssl.SSLContext | None = None
) -> SharedTerms:
    """As the configuration would have it."""
    reads = valkey_url(read_from) if read_from not in ("", "replicas") else None
    return SharedTerms(
        valkey_url(url), reads, read_from == "replicas", b"s" * 32, password, context
    )


@asynccontextmanager
async def pretender(answer: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    """A server of *answer* to whatever comes; the port that it listens on."""

    async def serve(stream: trio.SocketStream) -> None:
        try:
            async for data in stream:
                said = answer(bytes(data))
                if not said:
                    return
                await stream.send_all(said)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serve, 0)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def collect() -> None:
    """What coredis leaves to the collector; that warns as it goes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
