"""Sockets that a service manager has opened: taken by name, in any order, and never closed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio

from resolver.config.schema import Config, Server
from resolver.daemon import given_sockets
from resolver.daemon.given_sockets import Given, folded
from resolver.listen.sockets import SystemListenNetwork
from resolver.protocol.transport import Transport
from tests.support import trio_test_real

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def socks() -> Iterator[dict[str, socket.socket]]:
    made = {
        "udp": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "tcp": socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "deaf": socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "unix": socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    }
    for name in ("udp", "tcp", "deaf"):
        made[name].bind(("127.0.0.1", 0))
    made["tcp"].listen()
    yield made
    for sock in made.values():
        sock.close()


@contextmanager
def given(sock: socket.socket, name: str) -> Iterator[Given | None]:
    """As if *sock* had come from a service manager, under *name*; its own stays as it is."""
    descriptor = os.dup(sock.fileno())
    found = given_sockets._given(descriptor, name)
    try:
        yield found
    finally:
        if found is None:
            os.close(descriptor)
        else:
            found.sock.close()


@pytest.mark.parametrize("name", ["udp", "quic"])
def test_datagrams_are_taken_by_name(socks: dict[str, socket.socket], name: str) -> None:
    with given(socks["udp"], name) as found:
        assert found is not None
        assert (found.transport.value, found.where) == (name, socks["udp"].getsockname())


@pytest.mark.parametrize("name", ["tcp", "tls", "https"])
def test_streams_are_taken_by_name(socks: dict[str, socket.socket], name: str) -> None:
    with given(socks["tcp"], name) as found:
        assert found is not None
        assert str(found) == f"{name}://127.0.0.1:{socks['tcp'].getsockname()[1]}"


@pytest.mark.parametrize(
    ("sock", "name", "why"),
    [
        ("udp", "tls", "tls wants ListenStream="),
        ("tcp", "quic", "quic wants ListenDatagram="),
        ("deaf", "tcp", "does not listen"),
        ("unix", "tcp", "none of IPv4 or IPv6"),
        ("udp", "resolver.socket", "FileDescriptorName= is to be one of udp, tcp, tls"),
    ],
)
def test_what_cannot_be_what_it_is_called_is_told_and_left_alone(
    socks: dict[str, socket.socket], sock: str, name: str, why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    with given(socks[sock], name) as found:
        assert found is None
    assert why in caplog.text


def test_only_the_process_that_is_meant_takes_them_and_only_once() -> None:
    environment = {"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1", "PATH": "/bin"}
    assert given_sockets.take(environment) == []
    assert environment == {"PATH": "/bin"}
    assert given_sockets.take({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"}) == []


def test_they_are_taken_in_any_order() -> None:
    """As a service manager starts a process: descriptors from 3 on, names beside."""
    code = (
        "import os, socket; from resolver.daemon import given_sockets as g;"
        "made = [socket.socket(type=k) for k in (socket.SOCK_STREAM, socket.SOCK_DGRAM)];"
        "[s.bind(('127.0.0.1', 0)) for s in made]; made[0].listen();"
        "fds = [s.detach() for s in made]; [os.dup2(fd, 13 + at) for at, fd in enumerate(fds)];"
        "[os.dup2(13 + at, 3 + at) for at in range(2)];"
        "e = {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '2', 'LISTEN_FDNAMES': 'tls:udp'};"
        "print(*(one.transport.value for one in g.take(e)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["tls", "udp"], ended.stderr


def _made(transport: Transport, host: str, port: int = 53) -> Given:
    return Given(transport, (host, port), socket.socket())


def test_they_take_the_place_of_what_they_would_keep_from_being_bound() -> None:
    with closing(socket.socket()) as sock:
        config = Config(server=Server(listen=("127.0.0.1:53", "[::1]:53", "tls://127.0.0.1:853")))
        one = Given(Transport.UDP, ("0.0.0.0", 53), sock)  # noqa: S104  # nothing is bound
        listen = folded(config, [one]).server.listen
    assert listen == ("udp://0.0.0.0:53", "tcp://127.0.0.1:53", "[::1]:53", "tls://127.0.0.1:853")


def test_without_them_nothing_changes() -> None:
    config = Config()
    assert folded(config, []) is config
    assert msgspec.structs.asdict(folded(config, []).server) == msgspec.structs.asdict(
        config.server
    )


@trio_test_real
async def test_what_is_served_and_closed_is_a_duplicate() -> None:
    with closing(socket.socket(type=socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        where = sock.getsockname()
        network = SystemListenNetwork(given={(True, where): sock})
        served = network.bind_udp(*where)
        with trio.socket.socket(type=socket.SOCK_DGRAM) as client:
            await client.sendto(b"x" * 12, where)
            await served.wait_readable()
            assert [one.data for one in served.receive()] == [b"x" * 12]
        served.close()
        assert sock.fileno() >= 0
        again = network.bind_udp(*where)  # as after a reload that had done without it
        again.close()
