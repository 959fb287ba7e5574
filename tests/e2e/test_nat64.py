"""A host with IPv6 only, servers with IPv4 only, and the network's translator between them.

The translator's stand-in: those servers' sockets are at the addresses that it would take for them.
"""

from __future__ import annotations

import contextlib
import ipaddress
import selectors
import shlex
import socket
import sys
import threading
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import pytest

from resolver.lab.authority import Authority
from resolver.lab.world import World
from resolver.lab.zones import Zone
from resolver.protocol import names
from resolver.protocol.codes import RRType
from resolver.protocol.nat64 import WELL_KNOWN_IPV4, prefix
from tests.e2e.daemon import PROJECT
from tests.e2e.outside_config import toml_of
from tests.simulation import netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]

OWN = prefix("2001:db8:64::/96")
ROOT, SERVER = "192.0.2.1", "192.0.2.20"
NETWORKS_OWN = "2001:db8::53"
LISTEN = "::1"


def translated(host: str) -> str:
    return str(ipaddress.ip_address(OWN.embed(ipaddress.ip_address(host).packed)))


def small_world() -> World:
    """A root and a zone, of which nobody has an IPv6 address."""
    world = World()
    root = world.zone(".")
    world.serve(root, "ns.root.", ROOT)
    zone = world.zone("four.test.")
    world.serve(zone, "ns.four.test.", SERVER)
    zone.add_address("www", "198.51.100.80")
    world.delegate(zone)
    return world


class Stand:
    """The namespace, and who answers in it, while the block lasts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.world = small_world()
        self.answerers = {translated(host): one for host, one in self.world.servers.items()}
        shown = Zone(names.from_text("ipv4only.arpa."))
        for ipv4 in WELL_KNOWN_IPV4:
            shown.add("@", RRType.AAAA, OWN.embed(ipv4))
        self.answerers[NETWORKS_OWN] = Authority([shown])

    @contextlib.contextmanager
    def up(self) -> Iterator[netns.Namespace]:
        with netns.namespace("nat64") as place, contextlib.ExitStack() as stack:
            place.ip(
                *(f"addr add {host}/128 dev lo nodad" for host in self.answerers),
                "addr del 127.0.0.1/8 dev lo",
            )
            selector = stack.enter_context(selectors.DefaultSelector())
            for host, answerer in self.answerers.items():
                sock = stack.enter_context(place.socket(socket.AF_INET6, socket.SOCK_DGRAM))
                sock.bind((host, 53))
                sock.setblocking(False)  # noqa: FBT003
                selector.register(sock, selectors.EVENT_READ, answerer)
            over = threading.Event()
            thread = threading.Thread(target=self._answer, args=(selector, over), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(over.set)
            yield place

    def _answer(self, selector: selectors.BaseSelector, over: threading.Event) -> None:
        while not over.is_set():
            for key, _ in selector.select(0.05):
                assert isinstance(key.fileobj, socket.socket)
                data, source = key.fileobj.recvfrom(65_535)
                for reply in key.data.answer(data, "udp", source[0]) or ():
                    key.fileobj.sendto(reply, source)

    @contextlib.contextmanager
    def daemon(self, place: netns.Namespace, nat64: str, dns64: str) -> Iterator[netns.Program]:
        """The network's own name server is noted where NetworkManager would have done so."""
        hints = self.directory / "hints"
        hints.write_text(f". 3600000 IN NS ns.root.\nns.root. 3600000 IN A {ROOT}\n")
        document = {
            "server": {"listen": [f"[{LISTEN}]:53"], "allow_from": ["::/0"], "user": ""},
            "root": {"hints_file": str(hints), "prime": True, "local": False},
            "outgoing": {"nat64": nat64, "do_not_query_localhost": False},
            "resolution": {"local_zones": False},
            "dnssec": {"validate": False},
            "dns64": {"prefix": dns64},
        }
        path = self.directory / "resolver.toml"
        path.write_text(toml_of(document))
        noted = "mount -t tmpfs none /run && mkdir /run/NetworkManager && "
        noted += f"echo nameserver {NETWORKS_OWN} > /run/NetworkManager/resolv.conf && exec "
        serve = shlex.join([sys.executable, "-m", "resolver", "serve", "--config", str(path)])
        program = place.spawn(
            "unshare", "-m", "sh", "-c", noted + serve,
            log=self.directory / "log", cwd=PROJECT,
        )  # fmt: skip
        netns.wait_for([(place, LISTEN, 53)], programs=[program], patience_s=60)
        try:
            yield program
        finally:
            program.stop()
            assert "Traceback" not in program.output()


def ask(place: netns.Namespace, name: str, rtype: str) -> dns.message.Message:
    with place.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        sock.sendto(dns.message.make_query(name, rtype).to_wire(), (LISTEN, 53))
        return dns.message.from_wire(sock.recv(65_535))


@pytest.mark.reaches("NAT64_FIRST_SECONDS")
def test_a_prefix_is_found_before_anybody_misses_it(tmp_path: Path) -> None:
    """A start on such a host is no outage: nobody is told that there was one."""
    tmp_path.chmod(0o755)
    stand = Stand(tmp_path)
    with stand.up() as place, stand.daemon(place, "auto", "auto") as program:
        told = ask(place, "www.four.test.", "AAAA")
        assert [str(one) for rrset in told.answer for one in rrset] == [translated("198.51.100.80")]
        assert f"NAT64: prefix {OWN}" in program.output()
        assert "nobody answers any more" not in program.output()


@pytest.mark.parametrize("how", ["given", "off"])
def test_servers_without_ipv6_are_reached_through_the_translator(tmp_path: Path, how: str) -> None:
    tmp_path.chmod(0o755)
    stand = Stand(tmp_path)
    key = str(OWN) if how == "given" else ""
    with stand.up() as place, stand.daemon(place, key, key):
        told = ask(place, "www.four.test.", "A")
        if how == "off":
            assert told.rcode() == dns.rcode.SERVFAIL
            return
        assert [str(one) for rrset in told.answer for one in rrset] == ["198.51.100.80"]
        told = ask(place, "www.four.test.", "AAAA")
        assert [str(one) for rrset in told.answer for one in rrset] == [translated("198.51.100.80")]
