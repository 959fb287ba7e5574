"""The Redis of a site, on a machine of its own: one server, or two of which sentinels name one.

What is done to them is done by the one thread that started them: they end with it.
"""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
THERE: Final = "10.99.0.2"
REDIS, BEHIND, SENTINELS = 6379, 6380, (26379, 26380, 26381)
SERVICE: Final = "dns"
MOST: Final = "64mb"
_SENTINEL: Final = f"""bind {THERE}
sentinel monitor {SERVICE} {THERE} {REDIS} 2
sentinel down-after-milliseconds {SERVICE} 1000
sentinel failover-timeout {SERVICE} 4000
"""


class Servers:
    """In the namespace *place*; files in *directory*."""

    def __init__(self, place: netns.Namespace, directory: Path) -> None:
        self.place = place
        self._directory = directory
        self._running: dict[int, netns.Program] = {}

    def start(self, port: int = REDIS, *more: str) -> None:
        """A Redis, with nothing in it."""
        options = (
            "--bind", THERE, "--port", str(port), "--save", "", "--appendonly", "no",
            "--maxmemory", MOST, "--maxmemory-policy", "allkeys-lru", "--protected-mode", "no",
            "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0",
        )  # fmt: skip
        self._spawn(port, ("redis-server", *options, *more))

    def start_with_sentinels(self) -> None:
        """A primary, its replica, three who watch them."""
        self.start()
        self.start(BEHIND, "--replicaof", f"{THERE} {REDIS}")
        for port in SENTINELS:
            path = self._directory / f"sentinel-{port}.conf"
            path.write_text(f"port {port}\n{_SENTINEL}")
            self._spawn(port, ("redis-server", str(path), "--sentinel"))

    def start_pretender(self) -> None:
        """Who passes half of what Redis says, in its place; Redis itself is behind."""
        self.start(BEHIND)
        ports = (str(REDIS), str(BEHIND))
        self._spawn(REDIS, (sys.executable, "-m", "bench.valkey.halves", THERE, *ports), cwd=ROOT)

    def _spawn(self, port: int, words: Sequence[str], cwd: Path | None = None) -> None:
        log = self._directory / f"redis-{port}.log"
        program = self.place.spawn(*words, log=log, cwd=cwd or self._directory)
        self._running[port] = program
        netns.wait_for([(self.place, THERE, port)], programs=[program], patience_s=20.0)

    def kill(self, port: int = REDIS) -> None:
        """At once, with all that is in it."""
        self.signal(signal.SIGKILL, port)
        program = self._running.pop(port)
        program.process.wait()
        self.place.programs.remove(program)

    def signal(self, what: signal.Signals, port: int = REDIS) -> None:
        self._running[port].process.send_signal(what)

    def cli(self, *words: str, feed: str | None = None, port: int = REDIS) -> str:
        """What redis-cli says, on that machine."""
        argv = self.place.command("redis-cli", "-h", THERE, "-p", str(port), *words)
        done = subprocess.run(argv, input=feed, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def value(self, key: str) -> bytes:
        """What lies at *key*, b"" if nothing does."""
        said = self.cli("--no-raw", "get", key)
        return bytes(ast.literal_eval(f"b{said}")) if said.startswith('"') else b""

    def primary(self) -> int:
        """The port of whom sentinels name."""
        said = self.cli("sentinel", "get-master-addr-by-name", SERVICE, port=SENTINELS[0])
        return int(said.split()[-1])

    def await_primary_but(self, port: int, patience_s: float = 20.0) -> None:
        """Until they name another. Raises RuntimeError if they do not."""
        give_up = time.monotonic() + patience_s
        while self.primary() == port:
            if time.monotonic() > give_up:
                raise RuntimeError("no replica was promoted")
            time.sleep(0.1)
