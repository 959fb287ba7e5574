"""The doctor on real networks that are ill: NSD serves a root, iptables does what networks do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.doctor.sick_world import BOX, HIJACKER
from tests.simulation import netns

if TYPE_CHECKING:
    from tests.cli.doctor.sick_world import World

pytestmark = pytest.mark.netns


def test_a_network_that_is_well_is_found_well(world: World) -> None:
    world.serve()
    status, found = world.doctor()
    assert status == 0
    fine = {about for about, each in found.items() if each["level"] == "fine"}
    assert {"link", "ipv4", "ipv6", "interception", "dnssec", "tcp", "size", "clock"} <= fine


def test_a_port_that_is_redirected_is_found(world: World) -> None:
    """As routers do it: port 53, whatever the address, goes to the router's own resolver."""
    world.serve()
    world.box(HIJACKER)
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
