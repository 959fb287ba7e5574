"""The doctor where what this machine is set to ask, or the network's way with it, is at fault."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.doctor.sick_world import BOX, HIJACKER, V4
from tests.simulation import netns

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.doctor.sick_world import World

pytestmark = pytest.mark.netns
# A gate that wants a login: web servers are it, until the file is there.
GATE = """
import pathlib, socket
sock = socket.create_server(("{box}", 80))
print("ready", flush=True)
while True:
    peer, _ = sock.accept()
    peer.recv(4096)
    is_in = pathlib.Path("{login}").exists()
    peer.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nsuccess\\n" if is_in else
                 b"HTTP/1.0 302 Found\\r\\nLocation: http://login.example/\\r\\n\\r\\n")
    peer.close()
"""
# As systemd-networkd or NetworkManager leave behind what DHCP has told them.
OFFERED = "mount -t tmpfs none /run && mkdir -p /run/NetworkManager && "
OFFERED += f'echo nameserver {BOX} >/run/NetworkManager/no-stub-resolv.conf && exec "$@"'
NOBODY_BUT_THE_BOX = ("-A", "OUTPUT", "!", "-d", BOX, "-j", "DROP")


def seen(finding: dict[str, object]) -> str:
    return str(finding["seen"])


@pytest.mark.parametrize("offered_by", ["DHCP", "resolv.conf"])
def test_a_network_that_wants_a_login_is_found_and_one_that_has_it_is_not(
    world: World, tmp_path: Path, offered_by: str
) -> None:
    """Its name servers answer for everything with the gate; nothing else goes through."""
    world.serve()
    world.table(world.home, *NOBODY_BUT_THE_BOX)
    world.box(HIJACKER)
    gate = GATE.format(box=BOX, login=tmp_path / "login")
    world.out.spawn(sys.executable, "-c", gate, log=tmp_path / "gate").await_line("ready")
    world.configure("outgoing.ipv6 = false")
    before: tuple[str, ...] = ()
    if offered_by == "DHCP":
        before = ("unshare", "--mount", "sh", "-c", OFFERED, "sh")
    world.home.resolv_conf(f"nameserver {BOX}\n")
    _, found = world.doctor(*before)
    assert found["portal"]["level"] == "trouble"
    assert "status 302, to http://login.example/" in seen(found["portal"])
    (tmp_path / "login").touch()
    _, found = world.doctor(*before)
    assert found["portal"]["level"] == "fine"


def test_a_gate_that_answers_for_everybody_is_asked_itself(world: World, tmp_path: Path) -> None:
    """Nobody has noted whom the network offers: who answers in the place of all is asked."""
    world.serve()
    world.box(HIJACKER)
    gate = GATE.format(box=BOX, login=tmp_path / "login")
    world.out.spawn(sys.executable, "-c", gate, log=tmp_path / "gate").await_line("ready")
    redirect = ("-t", "nat", "-A", "OUTPUT", "-p", "udp", "--dport", "53", "-j", "DNAT")
    world.table(world.home, *redirect, "--to-destination", BOX)
    world.home.resolv_conf("nameserver 127.0.0.1\n")
    world.configure("outgoing.ipv6 = false")
    _, found = world.doctor()
    assert found["interception"]["level"] == "trouble"
    assert found["portal"]["level"] == "trouble"


def test_forwarders_that_are_silent_are_found(world: World) -> None:
    world.serve()
    world.table(world.out, "-A", "INPUT", "-d", BOX, "-j", "DROP")
    world.configure(f"[[forward]]\nzone = 'corp.example'\naddresses = ['{BOX}']")
    assert world.wrong() == {"forwarders"}
    _, found = world.doctor()
    assert f"{BOX}:53, for corp.example: no reply" in seen(found["forwarders"])


def test_a_forwarder_that_is_somebody_else_is_found(world: World, tmp_path: Path) -> None:
    """A daemon of ours with a certificate that it made itself, in the place of dns.example."""
    world.serve()
    words = ("serve", "--lab", "--listen", f"tls://{BOX}:853", "--config")
    (tmp_path / "box.toml").write_text(
        f"server.user = ''\nserver.allow_from = ['0.0.0.0/0']\nworking_directory = '{tmp_path}'\n"
    )
    log = tmp_path / "box"
    command = (sys.executable, "-m", "resolver", *words, str(tmp_path / "box.toml"))
    program = world.out.spawn(*command, log=log)
    netns.wait_for([(world.out, BOX, 853)], programs=[program], patience_s=60)
    world.configure(f"[[forward]]\nzone = 'corp.example'\naddresses = ['tls://{BOX}#dns.example']")
    assert world.wrong() == {"forwarders"}
    _, found = world.doctor()
    assert "not who was meant" in seen(found["forwarders"])
    assert "certificate" in seen(found["forwarders"])


def test_a_forwarder_that_strips_signatures_is_found(world: World) -> None:
    world.serve()
    world.box(HIJACKER)
    world.configure(f"[[forward]]\nzone = '.'\naddresses = ['{BOX}']")
    assert world.wrong() == {"dnssec"}
    _, found = world.doctor()
    assert "for .: the root's SOA without signature" in seen(found["dnssec"])


def test_programs_that_do_not_ask_a_resolver_that_runs_are_found(
    world: World, tmp_path: Path
) -> None:
    """Beside it: a machine that is well, with a daemon on it, has nothing that is wrong."""
    world.serve()
    world.configure("server.user = ''\ndnssec.validate = false")
    command = (sys.executable, "-m", "resolver", "serve", "--config", str(world.config))
    program = world.home.spawn(*command, log=tmp_path / "daemon")
    netns.wait_for([(world.home, "127.0.0.1", 53)], programs=[program], patience_s=60)
    world.home.resolv_conf("nameserver 127.0.0.1\n")
    assert world.wrong() == set()
    world.home.resolv_conf("# by hand\nnameserver 192.0.2.7\n")
    assert world.wrong() == {"resolv.conf"}
    _, found = world.doctor()
    assert "192.0.2.7" in seen(found["resolv.conf"])
    world.home.resolv_conf("nameserver 127.0.0.1\n")
    world.home.ip("link set dev up down")
    assert world.wrong() >= {"link"}


def test_a_path_that_takes_small_packets_only_is_found(world: World) -> None:
    """A tunnel that nobody tells of: what is larger than 700 octets does not arrive."""
    world.serve(keys=8)
    for is_ipv6 in (False, True):
        large = ("-A", "INPUT", "-p", "udp", "-m", "length", "--length", "700:", "-j", "DROP")
        world.table(world.home, *large, is_ipv6=is_ipv6)
    assert world.wrong() == {"size"}
    _, found = world.doctor()
    assert "its keys" in seen(found["size"])


def test_a_proxy_that_passes_answers_on_is_found_by_its_name(world: World) -> None:
    """It answers with authority, but all servers of the root have one identity."""
    world.serve(identity='identity: "box7"')
    assert world.wrong() == {"interception"}
    _, found = world.doctor()
    assert "have one identity" in seen(found["interception"])


def test_tcp_that_is_dropped_is_found(world: World) -> None:
    world.serve()
    for is_ipv6 in (False, True):
        drop = ("-A", "INPUT", "-p", "tcp", "--dport", "53", "-j", "DROP")
        world.table(world.out, *drop, is_ipv6=is_ipv6)
    assert world.wrong() == {"tcp"}


@pytest.mark.parametrize(("shift", "side"), [("-20y", "behind"), ("+20y", "ahead")])
def test_a_clock_that_is_years_off_is_found(world: World, shift: str, side: str) -> None:
    if netns.find("faketime") is None:
        pytest.skip("not installed: faketime")
    world.serve()
    before = ("env", "DONT_FAKE_MONOTONIC=1", "faketime", "-f", shift)
    assert world.wrong(*before) == {"clock"}
    _, found = world.doctor(*before)
    assert side in str(found["clock"]["title"])
    assert V4[0] not in seen(found["clock"])
