"""The doctor on real networks that are ill: NSD serves a root, iptables does what networks do."""

from __future__ import annotations

import base64
import json
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.netns
V4 = [f"198.51.100.{number}" for number in (1, 2, 3)]
V6 = [f"fd00:53::{number}" for number in (1, 2, 3)]
BOX = "198.51.100.66"
NSD = """
server:
  {listens}
  port: 53
  username: ""
  chroot: ""
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  zonesdir: "{folder}"
  logfile: "{folder}/nsd.log"
  hide-identity: yes
  ipv4-edns-size: 4096
  ipv6-edns-size: 4096
  refuse-any: no
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "root.zone"
"""
# A resolver in the place of everybody: whatever is asked, it knows nothing, and has no signatures.
HIJACKER = """
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("{box}", 53))
print("ready", flush=True)
while True:
    query, peer = sock.recvfrom(4096)
    head = query[:2] + bytes([0x81, 0x80]) + query[4:6] + bytes(6)
    at = 12
    while query[at]:
        at += query[at] + 1
    sock.sendto(head + query[12:at + 5], peer)
"""


def _stamp(shift_s: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + shift_s))


def _zone(*, is_signed: bool) -> str:
    """A root with servers, signatures that nobody checks, and more keys than a packet holds."""
    text = base64.b64encode(bytes(64)).decode()
    day = 86_400.0
    lines = [". 86400 IN SOA a. b. 1 1800 900 604800 86400"]
    if is_signed:
        for number in range(30):
            key = base64.b64encode(bytes([number]) * 64).decode()
            lines.append(f". 86400 IN DNSKEY 257 3 13 {key}")
        for covered in ("SOA", "NS", "DNSKEY"):
            span = f"{_stamp(5 * day)} {_stamp(-5 * day)}"
            lines.append(f". 86400 IN RRSIG {covered} 13 0 86400 {span} 1 . {text}")
    for number, (host, host6) in enumerate(zip(V4, V6, strict=True)):
        lines += [f". 86400 IN NS s{number}.", f"s{number}. 86400 IN A {host}",
                  f"s{number}. 86400 IN AAAA {host6}"]  # fmt: skip
    return "\n".join(lines) + "\n"


class World:
    """A home, and the Internet at the other end of its cable."""

    def __init__(self, home: netns.Namespace, out: netns.Namespace, folder: Path) -> None:
        self.home, self.out, self.folder = home, out, folder
        self.config = folder / "resolver.toml"
        self.configure("")

    def configure(self, more: str) -> None:
        self.config.write_text(
            f"server.listen = ['127.0.0.1:53']\nroot.hints_file = '{self.folder}/hints'\n{more}\n"
        )

    def serve(self, *, is_signed: bool = True) -> None:
        (self.folder / "root.zone").write_text(_zone(is_signed=is_signed))
        (self.folder / "hints").write_text(
            "".join(line + "\n" for line in _zone(is_signed=False).splitlines()
                    if " NS " in line or " A " in line or " AAAA " in line)
        )  # fmt: skip
        listens = "\n  ".join(f"ip-address: {host}" for host in (*V4, *V6))
        conf = self.folder / "nsd.conf"
        conf.write_text(NSD.format(listens=listens, folder=self.folder))
        nsd = netns.find("nsd") or "nsd"
        program = self.out.spawn(nsd, "-d", "-c", str(conf), log=self.folder / "log")
        places = [(self.out, V4[0], 53), (self.out, V6[0], 53)]
        netns.wait_for(places, programs=[program], patience_s=30)

    def table(self, where: netns.Namespace, *words: str, is_ipv6: bool = False) -> None:
        """A rule of the packet filter."""
        done = where.run("ip6tables" if is_ipv6 else "iptables", *words)
        if done.returncode:
            pytest.skip(f"no packet filter here: {done.stderr.strip()}")

    def doctor(self, *before: str) -> tuple[int, dict[str, dict[str, object]]]:
        """Exit status, and each finding by what it is about."""
        words = (*before, sys.executable, "-m", "resolver", "doctor", "--json")
        done = self.home.run(*words, "--config", str(self.config), timeout_s=60)
        assert done.stderr == ""
        findings = json.loads(done.stdout)["findings"]
        return done.returncode, {each["about"]: each for each in findings}

    def wrong(self, *before: str) -> set[str]:
        status, found = self.doctor(*before)
        words = {about for about, each in found.items() if each["level"] == "trouble"}
        assert status == bool(words)
        return words


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    reason = netns.missing("nsd", "iptables", "ip6tables")
    if reason:
        pytest.skip(reason)
    with netns.namespace("home") as home, netns.namespace("out") as out:
        netns.connect(home, out, names=("up", "down"))
        home.ip("addr add 203.0.113.2/24 dev up", "addr add fd00:9::2/64 dev up nodad",
                "route add default via 203.0.113.1", "route add default via fd00:9::1")  # fmt: skip
        out.ip("addr add 203.0.113.1/24 dev down", "addr add fd00:9::1/64 dev down nodad",
               *(f"addr add {host}/32 dev lo" for host in (*V4, BOX)),
               *(f"addr add {host}/128 dev lo" for host in V6))  # fmt: skip
        yield World(home, out, tmp_path)


def test_a_network_that_is_well_is_found_well(world: World) -> None:
    world.serve()
    status, found = world.doctor()
    assert status == 0
    fine = {about for about, each in found.items() if each["level"] == "fine"}
    assert {"link", "ipv4", "ipv6", "interception", "dnssec", "tcp", "size", "clock"} <= fine


def test_a_port_that_is_redirected_is_found(world: World) -> None:
    """As routers do it: port 53, whatever the address, goes to the router's own resolver."""
    world.serve()
    box = world.out.spawn(sys.executable, "-c", HIJACKER.format(box=BOX), log=world.folder / "box")
    box.await_line("ready")
    redirect = ("-t", "nat", "-A", "OUTPUT", "-p", "udp", "--dport", "53", "-j", "DNAT")
    world.table(world.home, *redirect, "--to-destination", BOX)
    world.configure("outgoing.ipv6 = false")
    _, found = world.doctor()
    taken = found["interception"]
    assert taken["level"] == "trouble"
    assert "192.0.2.53, where no server is, answers" in str(taken["seen"])
    assert "answers as a resolver does" in str(taken["seen"])
    assert found["dnssec"]["level"] == "trouble"


def test_tcp_that_is_rejected_is_found(world: World) -> None:
    world.serve()
    for is_ipv6 in (False, True):
        reject = ("-A", "INPUT", "-p", "tcp", "--dport", "53", "-j", "REJECT")
        words = (*reject, "--reject-with", "tcp-reset")
        world.table(world.out, *words, is_ipv6=is_ipv6)
    assert world.wrong() == {"tcp"}


def test_ipv6_into_nothing_is_found(world: World) -> None:
    world.serve()
    world.table(world.out, "-A", "INPUT", "-j", "DROP", is_ipv6=True)
    assert world.wrong() == {"ipv6"}


def test_fragments_that_are_dropped_are_found_where_they_matter(world: World) -> None:
    world.serve()
    world.table(world.home, "-t", "raw", "-A", "PREROUTING", "-f", "-j", "DROP")
    world.configure("outgoing.ipv6 = false")
    status, found = world.doctor()
    assert (status, found["size"]["level"]) == (0, "note")
    world.configure("outgoing.ipv6 = false\noutgoing.udp_payload_size = 4096")
    assert world.wrong() == {"size"}


def test_signatures_that_are_missing_are_found(world: World) -> None:
    world.serve(is_signed=False)
    assert world.wrong() == {"dnssec"}


def test_a_clock_that_is_wrong_is_found(world: World) -> None:
    if netns.find("faketime") is None:
        pytest.skip("not installed: faketime")
    world.serve()
    ahead = ("env", "DONT_FAKE_MONOTONIC=1", "faketime", "-f", "+40d")
    assert world.wrong(*ahead) == {"clock"}


def test_a_cable_that_is_out_is_one_finding(world: World) -> None:
    world.serve()
    world.home.ip("link set dev up down")
    assert world.wrong() == {"link"}


def test_another_program_on_the_port_is_named(world: World) -> None:
    world.serve()
    held = "import socket,time; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
    held += "s.bind(('127.0.0.1', 53)); print('ready', flush=True); time.sleep(99)"
    other = world.home.spawn(sys.executable, "-c", held, log=world.folder / "other")
    other.await_line("ready")
    _, found = world.doctor()
    assert found["port"]["level"] == "trouble"
    assert "process " in str(found["port"]["seen"])
