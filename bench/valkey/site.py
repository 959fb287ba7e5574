"""A site with three daemons on one machine, and a Redis on another, joined by a link.

`one` and `two` share by that Redis; `alone` shares nothing. All ask the same authority. Needs root.
"""

from __future__ import annotations

import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.valkey.authority import ZONE
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

ROOT: Final = Path(__file__).resolve().parents[2]
HERE, THERE = "10.99.0.1", "10.99.0.2"
REDIS, AUTHORITY, METRICS = 6379, 5353, 9153
DAEMONS: Final = {"one": "127.0.0.11", "two": "127.0.0.12", "alone": "127.0.0.13"}
SHARING: Final = ("one", "two")
MOST: Final = "64mb"
NOBODY: Final = "02:00:00:00:00:99"


class Site:
    """What is there, and what can be done to its Redis.

    *hands*: the one thread that does it. It lives as long, for what it starts ends with it.
    """

    def __init__(
        self, here: netns.Namespace, there: netns.Namespace, directory: Path, hands: Executor
    ) -> None:
        self.hands = hands
        self.here = here
        self.there = there
        self._directory = directory
        self._redis: list[netns.Program] = []

    def start(self, *, delay_ms: float) -> None:
        """Everything, until all answer. Raises RuntimeError."""
        self.hands.submit(self.start_redis).result()
        log = self._directory / "authority.log"
        module = ("-m", "bench.valkey.authority", "127.0.0.1", str(AUTHORITY), str(delay_ms))
        authority = self.here.spawn(sys.executable, *module, log=log, cwd=ROOT)
        authority.await_line("ready")
        secret = self._directory / "secret"
        secret.write_text(secrets.token_hex(32))
        programs = []
        for name, host in DAEMONS.items():
            config = self._directory / f"{name}.toml"
            config.write_text(_config(name, host, self._directory, secret))
            argv = (sys.executable, "-m", "resolver", "serve", "--config", str(config))
            log = self._directory / f"{name}.log"
            programs.append(self.here.spawn(*argv, log=log, cwd=ROOT))
        ready = [(self.here, host, METRICS) for host in DAEMONS.values()]
        netns.wait_for(ready, programs=programs, patience_s=60.0)
        self._await_sharing()

    def _await_sharing(self) -> None:
        give_up = time.monotonic() + 30
        while not all(self.counted(name).get("valkey_up") for name in SHARING):
            if time.monotonic() > give_up:
                raise RuntimeError((self._directory / "one.log").read_text()[-1500:])
            time.sleep(0.1)

    def counted(self, daemon: str) -> dict[str, float]:
        """Its metrics."""
        return metrics_of(self.here, DAEMONS[daemon])

    def troubles(self) -> list[str]:
        """Tracebacks in the daemons' logs, and daemons that have ended."""
        logs = {name: (self._directory / f"{name}.log").read_text("utf-8") for name in DAEMONS}
        found = [f"{name}: {text[-2000:]}" for name, text in logs.items() if "Traceback" in text]
        ended = [one.name for one in self.here.programs if not one.alive]
        return found + [f"{name} has ended" for name in ended]

    # --- what happens to Redis ---------------------------------------------------------------

    def start_redis(self) -> None:
        """Anew, with nothing in it."""
        options = ("--bind", THERE, "--save", "", "--appendonly", "no", "--maxmemory", MOST,
                   "--maxmemory-policy", "allkeys-lru", "--protected-mode", "no",
                   "--enable-debug-command", "yes")  # fmt: skip
        log = self._directory / "redis.log"
        self._redis = [self.there.spawn("redis-server", *options, log=log, cwd=self._directory)]
        netns.wait_for([(self.there, THERE, REDIS)], programs=self._redis, patience_s=20.0)

    def kill_redis(self) -> None:
        """At once, with all that is in it."""
        self.signal_redis(signal.SIGKILL)
        for program in self._redis:
            program.process.wait()
            self.there.programs.remove(program)
        self._redis = []

    def signal_redis(self, what: signal.Signals) -> None:
        for program in self._redis:
            program.process.send_signal(what)

    def cli(self, *words: str, feed: str | None = None) -> str:
        """What redis-cli says, on that machine."""
        argv = self.there.command("redis-cli", "-h", THERE, *words)
        done = subprocess.run(argv, input=feed, capture_output=True, text=True, check=False)
        return done.stdout

    def cut(self) -> None:
        """Have the link swallow everything: frames go to nobody's address."""
        for place, interface, far in ((self.here, "out", THERE), (self.there, "in", HERE)):
            place.ip(f"neigh replace {far} lladdr {NOBODY} dev {interface} nud permanent")

    def heal(self) -> None:
        """After `cut`."""
        for place, interface, far in ((self.here, "out", THERE), (self.there, "in", HERE)):
            place.ip(f"neigh del {far} dev {interface}")

    def sleep_redis(self, seconds: float, *, times: int) -> None:
        """Have it do nothing for so long, again and again, with a look at its clients between."""
        self.cli("-r", str(times), "debug", "sleep", str(seconds))


@contextmanager
def site(directory: Path, *, delay_ms: float) -> Iterator[Site]:
    """One that runs as long as the block."""
    netns.sweep()
    with (
        netns.namespace("site") as here,
        netns.namespace("store") as there,
        ThreadPoolExecutor(1) as hands,
    ):
        netns.connect(here, there, names=("out", "in"))
        here.ip(f"addr add {HERE}/24 dev out")
        there.ip(f"addr add {THERE}/24 dev in")
        it = Site(here, there, directory, hands)
        it.start(delay_ms=delay_ms)
        yield it


def metrics_of(place: netns.Namespace, host: str) -> dict[str, float]:
    """What the daemon at *host* counts, by name without its prefix; those without labels."""
    with place.entered():
        url = f"http://{host}:{METRICS}/metrics"
        with urllib.request.urlopen(url, timeout=20) as page:
            text = page.read().decode()
    found = re.findall(r"^resolver_(\w+)(?:\{\})? (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def configuration(host: str, state: Path, authority: str, *, shared: str, resolution: str) -> str:
    """Of a daemon at *host* that asks *authority* alone; *shared* is its `[valkey]` table, if any;
    *resolution* what that is set to."""
    state.mkdir()
    return f"""
        working_directory = "{state}"
        server = {{listen = ["{host}:53"], allow_from = ["127.0.0.0/8"], user = ""}}
        metrics = {{listen = "{host}:{METRICS}"}}
        control = {{socket = ""}}
        root = {{prime = false, local = false}}
        cache = {{persist = false}}
        dnssec = {{validate = false}}
        resolution = {{{resolution}}}
        [[stub]]
        zone = "{ZONE}"
        addresses = ["{authority}"]
        {shared}
    """


def _config(name: str, host: str, directory: Path, secret: Path) -> str:
    shared = f'[valkey]\nurl = "redis://{THERE}:{REDIS}"\nsecret_file = "{secret}"\n'
    return configuration(
        host, directory / name, f"127.0.0.1:{AUTHORITY}", resolution="prefetch = false",
        shared=shared if name in SHARING else "",
    )  # fmt: skip


def client(place: netns.Namespace, daemon: str) -> socket.socket:
    """A socket that asks *daemon*."""
    sock = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((DAEMONS[daemon], 53))
    sock.settimeout(0)
    return sock
