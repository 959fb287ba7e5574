"""Sites that announce one address to a router, a client behind it, a core that all sites ask.

    client ── router ─┬─ site a ─┬─ core
                      └─ site b ─┘

Each stands in a namespace of its own. The files of contrib/anycast are used as they are, but for
addresses of a second site and for paths.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e import daemon
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVICE, CORE = "192.0.2.53", "203.0.113.1"
CONTRIB = daemon.PROJECT / "contrib" / "anycast"
FOLLOW = str(CONTRIB / "follow-health")
PATIENCE_S = 40.0
ROUTER = """log stderr all;
router id 10.0.0.1;
protocol device { }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
template bgp site { local as 65000; ipv4 { import all; export none; }; }
protocol bgp site_a from site { neighbor 10.0.1.2 as 65053; }
protocol bgp site_b from site { neighbor 10.0.2.2 as 65053; }
"""


def until(is_so: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    ends_at = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < ends_at, what
        time.sleep(0.1)


@dataclass
class Site:
    """One machine with a resolver; *number* is 1 or 2."""

    number: int
    here: netns.Namespace
    folder: Path
    resolver: netns.Program = field(init=False)

    def file(self, name: str) -> str:
        """That of contrib/anycast, for this site."""
        text = (CONTRIB / name).read_text().replace("10.0.1.", f"10.0.{self.number}.")
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def serve(self) -> None:
        """Start the resolver; all is forwarded to the core."""
        (self.folder / "resolver.toml").write_text(
            f"server.listen = ['{SERVICE}:53', '127.0.0.1:53']\nserver.user = ''\n"
            "server.allow_from = ['0.0.0.0/0']\ndnssec.validate = false\nroot.prime = false\n"
            "health.listen = '127.0.0.1:8054'\nlog.level = 'info'\n"
            f"control.socket = '{self.folder / 'control'}'\n"
            f"[[forward]]\nzone = '.'\naddresses = ['{CORE}']\n"
        )
        words = ("-m", "resolver", "serve", "--config", str(self.folder / "resolver.toml"))
        self.resolver = self.here.spawn(sys.executable, *words, log=self.folder / "log")

    @property
    def health(self) -> int:
        """What a check is told: the status over HTTP, 0 for no answer."""
        url = "http://127.0.0.1:8054/health"
        line = ("curl", "-s", "-m", "1", "-o", "/dev/null", "-w", "%{http_code}", url)
        return int(self.here.run(*line).stdout)

    def control(self, *words: str) -> dict[str, Any]:
        line = ("-m", "resolver", "control", "--socket", str(self.folder / "control"), "--json")
        done = self.here.run(sys.executable, *line, *words, timeout_s=90)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def ask(self, name: str) -> str:
        """So that it has heard of the core."""
        return self.here.run("dig", "@127.0.0.1", "+short", "+tries=1", name).stdout

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        self._send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        """To the resolver: `ip netns exec` and `setpriv` have become it."""
        os.kill(self.resolver.process.pid, number)

    @contextlib.contextmanager
    def cut_off(self) -> Iterator[None]:
        """No way to the core; to the router there is."""
        self.here.ip("link set dev core down")
        try:
            yield
        finally:
            self.here.ip(
                "link set dev core up",
                f"route replace {CORE}/32 via 10.1.{self.number}.1 dev core",
            )


@dataclass
class Network:
    """All of it. *router* and *client* are namespaces."""

    router: netns.Namespace
    client: netns.Namespace
    sites: list[Site]
    folder: Path

    def route(self) -> int:
        """The site that queries of the client go to: 1 or 2; 0 for none."""
        told = self.router.run("ip", "-json", "route", "show", SERVICE).stdout
        routes = json.loads(told or "[]")
        return int(routes[0]["gateway"].split(".")[2]) if routes else 0

    def leads_to(self, number: int, why: str) -> None:
        until(lambda: self.route() == number, f"route to site {self.route()}: {why}")


@contextlib.contextmanager
def network(folder: Path, count: int = 1) -> Iterator[Network]:
    """With *count* sites, whose resolvers run and whose routes nobody announces yet."""
    with contextlib.ExitStack() as stack:
        router, client, core = (
            stack.enter_context(netns.namespace(name)) for name in ("router", "client", "core")
        )
        router.sysctl({"net.ipv4.ip_forward": "1"})
        netns.connect(client, router, names=("net", "clients"))
        client.ip("addr add 198.51.100.2/24 dev net", "route add default via 198.51.100.1")
        router.ip("addr add 198.51.100.1/24 dev clients")
        core.ip(f"addr add {CORE}/32 dev lo")
        words = ("-m", "resolver", "serve", "--lab", "--config", str(_core(folder)))
        core.spawn(sys.executable, *words, log=folder / "core.log")
        sites = [_site(stack, number, router, core, folder) for number in range(1, count + 1)]
        (folder / "router.conf").write_text(ROUTER)
        bird(router, str(folder / "router.conf"), folder)
        for site in sites:
            site.serve()
        for site in sites:
            until(lambda one=site: one.health == 200, f"site {site.number} is well", 120)  # type: ignore[misc]
            assert site.ask("www.example.com")
        yield Network(router, client, sites, folder)


def _core(folder: Path) -> Path:
    path = folder / "core.toml"
    path.write_text(
        f"server.listen = ['{CORE}:53']\nserver.user = ''\nserver.allow_from = ['0.0.0.0/0']\n"
        f"control.socket = ''\n"
    )
    return path


def _site(
    stack: contextlib.ExitStack,
    number: int,
    router: netns.Namespace,
    core: netns.Namespace,
    folder: Path,
) -> Site:
    here = stack.enter_context(netns.namespace(f"site{number}"))
    netns.connect(here, router, names=("uplink", f"site{number}"))
    netns.connect(here, core, names=("core", f"site{number}"))
    router.ip(f"addr add 10.0.{number}.1/24 dev site{number}")
    core.ip(f"addr add 10.1.{number}.1/24 dev site{number}")
    here.ip(
        f"addr add 10.0.{number}.2/24 dev uplink", f"addr add 10.1.{number}.2/24 dev core",
        f"addr add {SERVICE}/32 dev lo", f"route add 198.51.100.0/24 via 10.0.{number}.1",
        f"route add {CORE}/32 via 10.1.{number}.1",
    )  # fmt: skip
    own = folder / f"site{number}"
    own.mkdir()
    return Site(number, here, own)


def bird(place: netns.Namespace, conf: str, folder: Path) -> str:
    """BIRD with *conf*; the words of birdc to it."""
    socket = str(folder / "bird.ctl")
    words = ("-f", "-c", conf, "-s", socket, "-P", str(folder / "bird.pid"))
    place.spawn(netns.find("bird") or "bird", *words, log=folder / "bird.log")
    until(lambda: Path(socket).exists(), "BIRD runs")
    return shlex.join((netns.find("birdc") or "birdc", "-s", socket))
