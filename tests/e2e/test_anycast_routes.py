"""The route to a resolver goes where it is well: recipes of contrib/anycast, with real speakers."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.wire import build_query
from tests.e2e import daemon
from tests.e2e.anycast_sites import FOLLOW, SERVICE, bird, network, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.anycast_sites import Network, Site
    from tests.simulation import netns

FRR = Path("/var/run/frr")
pytestmark = [pytest.mark.netns, pytest.mark.timeout(300), pytest.mark.heavy]


def by_bird(site: Site) -> str:
    """The route is of a protocol that is enabled and disabled. Returns the words of birdc."""
    birdc = bird(site.here, site.file("bird.conf"), site.folder)
    follow(site, birdc, "anycast_dns")
    return birdc


def follow(site: Site, birdc: str, protocol: str, path: str = "/health") -> None:
    up, down = (f"{birdc} {word} {protocol}" for word in ("enable", "disable"))
    url = f"http://127.0.0.1:8054{path}"
    site.here.spawn(FOLLOW, up, down, url, log=site.folder / f"{protocol}.log")


def by_frr(site: Site) -> None:
    """zebra and bgpd, in files of their own; as the account that Debian makes for them."""
    space = site.here.name
    runs = FRR / space
    runs.mkdir(parents=True, exist_ok=True)
    shutil.chown(runs, "frr", "frr")
    conf = str(shutil.copy(site.file("frr.conf"), runs))
    usual = ("-N", space, "-A", "127.0.0.1", "--log", "stdout")
    for name, its in (("zebra", "/dev/null"), ("bgpd", conf)):
        words = (f"/usr/lib/frr/{name}", *usual, "-f", its)
        site.here.spawn(*words, log=site.folder / f"{name}.log")
    vtysh = f"vtysh -N {space} -c 'configure terminal' -c 'router bgp 65053' -c"
    until((runs / "bgpd.vty").exists, "bgpd runs")
    line = (FOLLOW, f"{vtysh} 'network {SERVICE}/32'", f"{vtysh} 'no network {SERVICE}/32'")
    site.here.spawn(*line, log=site.folder / "follow.log")


def by_exabgp(site: Site) -> None:
    """Its own health check asks over HTTP."""
    env = os.environ | {
        "exabgp.daemon.user": "root", "exabgp.api.cli": "false", "exabgp.log.level": "INFO",
        "exabgp.daemon.daemonize": "false", "exabgp.daemon.drop": "false",
        "PYTHONPATH": "", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }  # fmt: skip
    words = ("/usr/sbin/exabgp", site.file("exabgp.conf"))
    site.here.spawn(*words, log=site.folder / "exabgp.log", env=env)


SPEAKERS: dict[str, tuple[Callable[[Site], object], tuple[str, ...]]] = {
    "bird": (by_bird, ("bird", "birdc")),
    "frr": (by_frr, ("vtysh",)),
    "exabgp": (by_exabgp, ("exabgp",)),
}


@pytest.mark.long
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_the_route_is_there_while_the_resolver_is_well(speaker: str, tmp_path: Path) -> None:
    """It goes where the resolver hangs, is cut off, drains; and comes back after each."""
    announce, programs = SPEAKERS[speaker]
    daemon.require("bird", "dig", "curl", *programs)
    with network(tmp_path) as net:
        site = net.sites[0]
        announce(site)
        net.leads_to(1, "it is well")
        with site.hanging():
            net.leads_to(0, "it hangs")
        net.leads_to(1, "it goes on")
        with site.cut_off():
            net.leads_to(0, "it is cut off")
        net.leads_to(1, "its link is back")
        site.control("drain")
        net.leads_to(0, "it is drained")
        site.control("drain", "--undo")
        net.leads_to(1, "it listens again")
        site.resolver.stop()
        net.leads_to(0, "it has ended")
    shutil.rmtree(FRR / site.here.name, ignore_errors=True)


class Asking(threading.Thread):
    """A client that asks each hundredth of a second, never twice, and counts what is answered.

    Each is another name: the site asks the core for it, and so some are on their way at any time.
    """

    def __init__(self, place: netns.Namespace) -> None:
        super().__init__(daemon=True)
        self._socket = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("198.51.100.2", 0))
        self._socket.settimeout(0.01)
        self._is_over = threading.Event()
        self.waiting: dict[int, float] = {}
        self.sent = 0

    def run(self) -> None:
        ends_at = float("inf")
        while self.waiting or not self._is_over.is_set():
            if not self._is_over.is_set():
                self.sent += 1
                number = self.sent % 65_536
                self.waiting[number] = time.monotonic()
                name = names.from_text(f"n{self.sent}.example.com.")
                query = build_query(id=number, qname=name, qtype=RRType.A)
                self._socket.sendto(query, (SERVICE, 53))
            else:
                ends_at = min(ends_at, time.monotonic() + 5)
                if time.monotonic() > ends_at:
                    break
            self._hear()
        self._socket.close()

    def _hear(self) -> None:
        until_s = time.monotonic() + 0.01
        while time.monotonic() < until_s:
            try:
                reply = self._socket.recv(4096)
            except TimeoutError:
                return
            self.waiting.pop(int.from_bytes(reply[:2], "big"), None)

    def stop(self) -> int:
        """Ask no more; how many were never answered."""
        self._is_over.set()
        self.join()
        return len(self.waiting)


@pytest.fixture
def two_sites(tmp_path: Path) -> Iterator[Network]:
    daemon.require("bird", "birdc", "dig", "curl")
    with network(tmp_path, 2) as net:
        for site in net.sites:
            follow(site, by_bird(site), "anycast_last", "/health/last-resort")
        net.leads_to(1, "both are well, and it is preferred")
        net.sites[0].here.run("tc", "qdisc", "add", "dev", "core", "root", "netem", "delay", "50ms")
        yield net


def test_no_query_is_lost_on_a_drain(two_sites: Network) -> None:
    """Its route goes first, and what was asked of it is answered; the other site takes over."""
    near, _ = two_sites.sites
    client = Asking(two_sites.client)
    client.start()
    time.sleep(1)
    assert near.control("drain")["is_drained"]
    assert two_sites.route() == 2
    time.sleep(1)
    near.control("drain", "--undo")
    two_sites.leads_to(1, "it listens again")
    time.sleep(1)
    assert client.stop() == 0
    assert client.sent > 300


def test_an_ending_after_a_drain_loses_none_either(two_sites: Network) -> None:
    """As `systemctl stop` does with contrib/anycast/drain.conf."""
    near, far = two_sites.sites
    client = Asking(two_sites.client)
    client.start()
    time.sleep(0.5)
    near.control("drain")
    assert near.resolver.stop() == 0
    time.sleep(1)
    assert client.stop() == 0
    assert far.health == 200


@pytest.mark.long
def test_where_all_are_cut_off_one_stays(two_sites: Network) -> None:
    """Its cache is all that is left to tell: nobody else would tell more."""
    near, far = two_sites.sites
    with near.cut_off():
        two_sites.leads_to(2, "the first is cut off")
        with far.cut_off():
            until(lambda: far.health == 503, "the second is cut off, too")
            time.sleep(2)  # for its route to go
            two_sites.leads_to(1, "both are, and either may be asked")
        two_sites.leads_to(2, "the second is well again")
    two_sites.leads_to(1, "both are")
