"""A site with three daemons on one machine, and a Redis on another, joined by a link.

`one` and `two` share by that Redis; `alone` shares nothing. All ask the same authority. Needs root.
"""

from __future__ import annotations

import re
import secrets
import socket
import sys
import time
import urllib.request
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.valkey.servers import REDIS, ROOT, SENTINELS, SERVICE, THERE, Servers
from bench.valkey.truth import ZONE
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor
    from pathlib import Path

HERE: Final = "10.99.0.1"
AUTHORITY, METRICS = 5353, 9153
DAEMONS: Final = {"one": "127.0.0.11", "two": "127.0.0.12", "alone": "127.0.0.13"}
SHARING: Final = ("one", "two")
NOBODY: Final = "02:00:00:00:00:99"
_NUMBER: Final = r"^resolver_(\w+)(?:\{(?:worker=\"\d+\")?\})? (\S+)$"


class Shape(NamedTuple):
    """*delay_ms* of the authority; *workers* of each daemon; are there sentinels?"""

    delay_ms: float = 20.0
    workers: int = 1
    has_sentinels: bool = False

    @property
    def url(self) -> str:
        """Of the Redis, for those who share."""
        if not self.has_sentinels:
            return f"redis://{THERE}:{REDIS}"
        return f"redis+sentinel://{','.join(f'{THERE}:{port}' for port in SENTINELS)}/{SERVICE}"


class Site:
    """What is there, and what can be done to it.

    *hands*: the one thread that does things to Redis. It lives as long as the site.
    """

    def __init__(
        self, here: netns.Namespace, there: netns.Namespace, directory: Path, hands: Executor
    ) -> None:
        self.hands = hands
        self.here = here
        self.there = there
        self.servers = Servers(there, directory)
        self.secret = secrets.token_hex(32).encode()
        self._directory = directory

    def start(self, shape: Shape) -> None:
        """Everything, until all answer. Raises RuntimeError."""
        servers = self.servers
        start = servers.start_with_sentinels if shape.has_sentinels else servers.start
        self.hands.submit(start).result()
        log = self._directory / "authority.log"
        words = ("-m", "bench.valkey.authority", "127.0.0.1", str(AUTHORITY), str(shape.delay_ms))
        authority = self.here.spawn(sys.executable, *words, log=log, cwd=ROOT)
        authority.await_line("ready")
        secret = self._directory / "secret"
        secret.write_bytes(self.secret)
        programs = []
        for name, host in DAEMONS.items():
            config = self._directory / f"{name}.toml"
            shared = f'[valkey]\nurl = "{shape.url}"\nsecret_file = "{secret}"\n'
            config.write_text(
                configuration(
                    host, self._directory / name, f"127.0.0.1:{AUTHORITY}", workers=shape.workers,
                    resolution="prefetch = false", shared=shared if name in SHARING else "",
                )
            )  # fmt: skip
            argv = (sys.executable, "-m", "resolver", "serve", "--config", str(config))
            log = self._directory / f"{name}.log"
            programs.append(self.here.spawn(*argv, log=log, cwd=ROOT))
        ready = [(self.here, host, METRICS) for host in DAEMONS.values()]
        netns.wait_for(ready, programs=programs, patience_s=60.0)
        self._await_sharing(shape.workers)

    def _await_sharing(self, workers: int) -> None:
        give_up = time.monotonic() + 30
        while not all(self.counted(name)["valkey_up"] == workers for name in SHARING):
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

    def cut(self) -> None:
        """Have the link swallow everything: frames go to nobody's address."""
        for place, interface, far in ((self.here, "out", THERE), (self.there, "in", HERE)):
            place.ip(f"neigh replace {far} lladdr {NOBODY} dev {interface} nud permanent")

    def heal(self) -> None:
        """After `cut`."""
        for place, interface, far in ((self.here, "out", THERE), (self.there, "in", HERE)):
            place.ip(f"neigh del {far} dev {interface}")


@contextmanager
def site(directory: Path, shape: Shape | None = None) -> Iterator[Site]:
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
        it.start(shape or Shape())
        yield it


def metrics_of(place: netns.Namespace, host: str) -> dict[str, float]:
    """What the daemon at *host* counts, all workers together, by name without its prefix; those
    without other labels."""
    with place.entered():
        url = f"http://{host}:{METRICS}/metrics"
        with urllib.request.urlopen(url, timeout=20) as page:
            text = page.read().decode()
    counts: dict[str, float] = defaultdict(float)
    for name, value in re.findall(_NUMBER, text, re.MULTILINE):
        counts[name] += float(value)
    return counts


def configuration(
    host: str, state: Path, authority: str, *, shared: str, resolution: str, workers: int = 1
) -> str:
    """Of a daemon at *host* that asks *authority* alone; *shared* is its `[valkey]` table, if any;
    *resolution* what that is set to. Several *workers* share what they know on disk."""
    state.mkdir()
    return f"""
        working_directory = "{state}"
        metrics = {{listen = "{host}:{METRICS}"}}
        control = {{socket = ""}}
        root = {{prime = false, local = false}}
        cache = {{persist = {"true" if workers > 1 else "false"}}}
        dnssec = {{validate = false}}
        resolution = {{{resolution}}}
        [server]
        listen = ["{host}:53"]
        allow_from = ["127.0.0.0/8"]
        user = ""
        workers = {workers}
        [[stub]]
        zone = "{ZONE}"
        addresses = ["{authority}"]
        {shared}
    """


def client(place: netns.Namespace, daemon: str, number: int = 0) -> socket.socket:
    """A socket that asks *daemon*, of the client of that *number*."""
    sock = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((f"127.1.{number}.1", 0))
    sock.connect((DAEMONS[daemon], 53))
    sock.settimeout(0)
    return sock
