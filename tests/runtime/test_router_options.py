"""What the kernel hands on of router advertisements: read from octets, and from a real kernel."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.runtime.router_options import RouterSocket, options_untrusted
from tests.runtime.test_netlink import message
from tests.simulation import netns
from tests.support import trio_test_real

if TYPE_CHECKING:
    from collections.abc import Iterator

USER_OPTION = 68
PREF64 = bytes.fromhex("2602 0708 0064ff9b 00000000 00000000")
RDNSS = bytes.fromhex("1903 0000 00000258") + socket.inet_pton(socket.AF_INET6, "fd00::53")
SEND = f"""
import socket, struct
sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
link = socket.if_nametoindex("two")
sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, link)
head = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
sock.sendto(head + {PREF64!r} + {RDNSS!r}, ("ff02::1", 0, 0, link))
"""


def told(option: bytes, *, icmp: int = 134) -> bytes:
    """What the kernel says of one option: behind it, who sent it."""
    head = struct.pack("=BxHiBB6x", socket.AF_INET6, len(option), 2, icmp, 0)
    return message(USER_OPTION, head + option + bytes.fromhex("14000100") + bytes(16))


def test_only_prefixes_of_translators_are_picked_out() -> None:
    assert options_untrusted(told(PREF64) + told(RDNSS) + told(PREF64, icmp=135)) == [PREF64]
    assert options_untrusted(message(16, bytes(16))) == []


@given(data=st.binary(max_size=80) | st.binary(max_size=60).map(lambda one: message(68, one)))
def test_options_untrusted(data: bytes) -> None:
    with suppress(WireError):
        assert all(one[0] == PREF64[0] for one in options_untrusted(data))


@pytest.fixture
def place() -> Iterator[tuple[netns.Namespace, netns.Namespace]]:
    """A machine that takes advertisements, and a router."""
    with netns.namespace("machine") as machine, netns.namespace("router") as router:
        netns.connect(machine, router, names=("one", "two"), quiet=True)
        machine.sysctl({"net.ipv6.conf.one.disable_ipv6": "0", "net.ipv6.conf.one.accept_ra": "2"})
        router.sysctl({"net.ipv6.conf.two.disable_ipv6": "0"})
        machine.ip("addr add fe80::1/64 dev one nodad", "link set one up")
        router.ip("addr add fe80::2/64 dev two nodad", "link set two up")
        yield machine, router


@pytest.mark.netns
@trio_test_real
async def test_the_kernel_hands_it_on(*, place: tuple[netns.Namespace, netns.Namespace]) -> None:
    """As to any user; no raw socket is needed."""
    machine, router = place
    with machine.entered():
        routers = RouterSocket()
    try:
        for _ in range(30):  # a link that is new loses what is sent first
            with router.entered():
                subprocess.run([sys.executable, "-c", SEND], check=True)  # noqa: ASYNC221
            with trio.move_on_after(0.3) as waited:
                assert PREF64 in await routers.advertised()
            if not waited.cancelled_caught:
                return
        pytest.fail("nothing is handed on")
    finally:
        routers.close()
        routers.close()
