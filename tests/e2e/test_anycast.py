"""NSD, Knot and BIND behind one address, and the route to it is switched: ours notices, and tells.

Each stands in a namespace of its own, and says with NSID who it is. What goes to Knot is held up by
a relay, for 60 ms; BIND is as near as NSD.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from bench.common import peers
from resolver import limits
from tests.e2e import daemon
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.netns, pytest.mark.timeout(240), pytest.mark.heavy]

HOST, OURS = "198.51.100.53", "127.0.0.1"
ADDRESS = "192.0.2.80"
PATIENCE_S = 20.0
BEHIND, LATER_S = 5353, 0.06
ZONE = f"""$TTL 5
@ SOA ns hostmaster 1 3600 600 86400 5
@ NS ns
ns A {HOST}
* A {ADDRESS}
"""


def _nsd(directory: Path) -> list[str]:
    file = directory / "nsd.conf"
    file.write_text(
        f"""server:
  ip-address: {HOST}
  username: ""
  zonesdir: "{directory}"
  database: ""
  pidfile: "{directory}/pid"
  xfrdfile: "{directory}/xfrd"
  zonelistfile: "{directory}/zones"
  nsid: "ascii_nnn1-fra5"
remote-control:
  control-enable: no
zone:
  name: bench
  zonefile: bench.zone
"""
    )
    return [netns.find("nsd") or "nsd", "-d", "-c", str(file)]


def _knot(directory: Path) -> list[str]:
    file = directory / "knot.conf"
    file.write_text(
        f"""server:
  listen: 127.0.0.1@{BEHIND}
  rundir: "{directory}"
  nsid: "nnn1-sin5"
database:
  storage: "{directory}"
zone:
  - domain: bench
    storage: "{directory}"
    file: bench.zone
"""
    )
    return [netns.find("knotd") or "knotd", "-c", str(file)]


def _bind(directory: Path) -> list[str]:
    file = directory / "named.conf"
    file.write_text(
        f"""options {{
  directory "{directory}"; pid-file none; listen-on {{ {HOST}; }}; listen-on-v6 {{ none; }};
  recursion no; server-id "nnn1-ams5"; session-keyfile none;
}};
controls {{ }};
zone "bench" {{ type primary; file "bench.zone"; }};
"""
    )
    return [netns.find("named") or "named", "-g", "-c", str(file)]


SITES: dict[str, Callable[[Path], list[str]]] = {
    "nnn1-fra5": _nsd, "nnn1-sin5": _knot, "nnn1-ams5": _bind,
}  # fmt: skip


@contextlib.contextmanager
def _held_up(place: netns.Namespace) -> Iterator[None]:
    """Datagrams to HOST go on to who stands behind it, LATER_S later, one after the other."""
    front = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
    behind = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
    front.bind((HOST, 53))
    front.settimeout(0.2)
    behind.connect(("127.0.0.1", BEHIND))
    behind.settimeout(2)
    is_over = threading.Event()

    def relay() -> None:
        while not is_over.is_set():
            with contextlib.suppress(TimeoutError):
                data, client = front.recvfrom(65_535)
                time.sleep(LATER_S)
                behind.send(data)
                front.sendto(behind.recv(65_535), client)

    thread = threading.Thread(target=relay, daemon=True)
    thread.start()
    with front, behind:
        try:
            yield
        finally:
            is_over.set()
            thread.join()


class Place(NamedTuple):
    """The namespace of ours, its files, and the way to each instance."""

    here: netns.Namespace
    directory: Path

    def route(self, instance: str) -> None:
        """The address is reached there from now on."""
        self.here.ip(f"route replace {HOST}/32 dev {_link(instance)}")

    def ask(self, number: int) -> None:
        told = self.here.run(
            "dig", f"@{OURS}", "+tries=1", "+timeout=10", "+short", f"n{number}.bench"
        )
        assert told.stdout == f"{ADDRESS}\n", told.stdout + told.stderr

    def pops(self) -> dict[str, Any]:
        """What is told of the one server."""
        words = "-m", "resolver", "pops", "--socket", str(self.socket), "--json", HOST
        told = self.here.run(sys.executable, *words)
        assert not told.returncode, told.stderr
        (row,) = json.loads(told.stdout)["servers"]
        return dict(row)

    @property
    def socket(self) -> Path:
        return self.directory / "ours" / "control"

    @property
    def log(self) -> str:
        return (self.directory / "ours" / "log").read_text()


def _link(instance: str) -> str:
    return "to" + instance.removeprefix("nnn1-")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    daemon.require("dig", "nsd", "knotd", "named")
    tmp_path.chmod(0o755)
    with (
        netns.namespace("ours") as here,
        netns.namespace("nsd") as one,
        netns.namespace("knot") as two,
        netns.namespace("bind") as three,
    ):
        here.ip("addr add 198.51.100.1/32 dev lo")
        for there, (instance, site) in zip((one, two, three), SITES.items(), strict=True):
            _serve(here, there, instance, site(_folder(tmp_path, instance)))
        made = Place(here, tmp_path)
        made.route("nnn1-fra5")
        _ours(made)
        with _held_up(two):
            yield made


def _folder(directory: Path, instance: str) -> Path:
    folder = directory / instance
    folder.mkdir()
    (folder / "bench.zone").write_text(ZONE)
    return folder


def _serve(here: netns.Namespace, there: netns.Namespace, instance: str, words: list[str]) -> None:
    netns.connect(here, there, names=(_link(instance), "back"), quiet=True)
    there.ip(f"addr add {HOST}/32 dev lo", "route add 198.51.100.1/32 dev back")
    program = there.spawn(*words, log=Path(words[-1]).parent / "log")
    port = (there, "127.0.0.1", BEHIND) if "knotd" in words[0] else (there, HOST, 53)
    netns.wait_for([port], programs=[program], patience_s=PATIENCE_S)


def _ours(place: Place) -> None:
    folder = place.directory / "ours"
    folder.mkdir()
    extra = [
        "resolution.local_zones = false", "resolution.prefetch = false", 'log.level = "info"',
        f'control.socket = "{place.socket}"', "[[stub]]", 'zone = "bench"',
        f'addresses = ["{HOST}"]', "validate = false",
    ]  # fmt: skip
    peers.start("ours", peers.Setup(directory=folder, extra="\n".join(extra)), place.here)


def test_an_instance_that_moved_is_noticed_by_the_third_answer_where_round_trips_jump(
    place: Place,
) -> None:
    for number in range(5):
        place.ask(number)
    before = place.pops()
    assert before["instance"] == "nnn1-fra5"
    assert before["place"]["text"] == "Frankfurt?"
    assert before["bound_km"] < 2000
    place.route("nnn1-sin5")
    for number in range(5, 8):  # a late one is asked for twice: it may be noticed sooner
        place.ask(number)
    after = place.pops()
    assert after["instance"] == "nnn1-sin5"
    assert after["instance_since_s"] < PATIENCE_S
    assert [one["instance"] for one in after["earlier"]] == ["nnn1-fra5"]
    assert after["bound_km"] > 6000
    assert f"another instance answers at {HOST} " in place.log


def test_one_as_far_away_is_noticed_within_64_questions(place: Place) -> None:
    for number in range(5):
        place.ask(number)
    assert place.pops()["instance"] == "nnn1-fra5"
    place.route("nnn1-ams5")
    began = time.monotonic()
    for number in range(5, 6 + limits.NSID_QUERIES):
        place.ask(number)
        if place.pops()["instance"] == "nnn1-ams5":
            break
    row = place.pops()
    assert row["instance"] == "nnn1-ams5"
    assert [one["instance"] for one in row["earlier"]] == ["nnn1-fra5"]
    assert row["instance_since_s"] <= time.monotonic() - began + 1


def test_on_demand_each_says_who_it_is(place: Place) -> None:
    place.ask(1)
    words = "-m", "resolver", "pops", "--socket", str(place.socket), "--json", "--active", HOST
    told = place.here.run(sys.executable, *words)
    assert not told.returncode, told.stderr
    server = json.loads(told.stdout.splitlines()[0])["server"]
    assert server["instance"] == "nnn1-fra5"
    assert server["chaos"].keys() == {"id.server.", "hostname.bind."}
