"""Who has the port that we want."""

from __future__ import annotations

import os
import socket

import pytest

from resolver.setup.ports import Holder, holders


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_the_culprit_is_named(kind: socket.SocketKind) -> None:
    is_udp = kind is socket.SOCK_DGRAM
    with socket.socket(type=kind) as sock:
        sock.bind(("127.0.0.1", 0))
        if not is_udp:
            sock.listen()
        (found,) = holders([(is_udp, sock.getsockname())])
    assert found.pid == os.getpid()
    assert found.name
    assert str(found.pid) in str(found)


def test_a_free_port_is_nobodys_and_one_culprit_is_told_once() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(udp.getsockname())
        assert holders([(False, ("127.0.0.1", 0))]) == []
        tcp.listen()
        wishes = [(True, udp.getsockname()), (False, tcp.getsockname())]
        assert len(holders(wishes)) == 1


def test_advice_fits_what_is_known() -> None:
    assert (
        "systemctl disable --now named.service" in Holder("x", 7, "named", "named.service").advice
    )
    assert "sudo kill 7" in Holder("x", 7, "dnsmasq").advice
    assert "list-sockets" in Holder("x", 1, "systemd").advice
    assert "cannot be seen" in str(Holder("x"))
