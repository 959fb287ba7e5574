"""A home with the Internet at the other end of its cable, for what makes both ill.

NSD serves a root, iptables does what networks do, and the doctor is run as a user would.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
  {identity}
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
# A resolver in the place of everybody: it has no signatures, and every name has its own address.
HIJACKER = f"""
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("{BOX}", 53))
print("ready", flush=True)
while True:
    query, peer = sock.recvfrom(4096)
    at = 12
    while query[at]:
        at += query[at] + 1
    question, answer = query[12:at + 5], b""
    if question[-4:-2] == bytes([0, 1]):
        answer = bytes([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]) + socket.inet_aton("{BOX}")
    counts = query[4:6] + bytes([0, bool(answer), 0, 0, 0, 0])
    sock.sendto(query[:2] + bytes([0x81, 0x80]) + counts + question + answer, peer)
"""


def _stamp(shift_s: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + shift_s))


def _zone(*, is_signed: bool, keys: int = 30) -> str:
    """A root with servers; nobody checks its signatures, and no packet holds 30 keys."""
    text = base64.b64encode(bytes(64)).decode()
    day = 86_400.0
    lines = [". 86400 IN SOA a. b. 1 1800 900 604800 86400"]
    if is_signed:
        for number in range(keys):
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

    def serve(
        self, *, is_signed: bool = True, keys: int = 30, identity: str = "hide-identity: yes"
    ) -> None:
        """Servers of the root, at V4 and V6."""
        (self.folder / "root.zone").write_text(_zone(is_signed=is_signed, keys=keys))
        (self.folder / "hints").write_text(
            "".join(line + "\n" for line in _zone(is_signed=False).splitlines()
                    if " NS " in line or " A " in line or " AAAA " in line)
        )  # fmt: skip
        listens = "\n  ".join(f"ip-address: {host}" for host in (*V4, *V6))
        conf = self.folder / "nsd.conf"
        conf.write_text(NSD.format(listens=listens, folder=self.folder, identity=identity))
        nsd = netns.find("nsd") or "nsd"
        program = self.out.spawn(nsd, "-d", "-c", str(conf), log=self.folder / "log")
        places = [(self.out, V4[0], 53), (self.out, V6[0], 53)]
        netns.wait_for(places, programs=[program], patience_s=30)

    def box(self, code: str) -> None:
        """*code* runs out there until the end, with BOX as an address of its own."""
        program = self.out.spawn(sys.executable, "-c", code, log=self.folder / "box")
        program.await_line("ready")

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


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Both, with a cable between them and nobody who answers."""
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
        yield World(home, out, folder)
