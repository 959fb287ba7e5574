"""Listening sockets: what can be had is served, the rest is bound later, and each is told once."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, cast

import pytest
import trio

from resolver.config.schema import Config, Metrics, Server
from resolver.daemon.bind import ListeningSockets
from resolver.errors import CannotStart, ConfigError
from resolver.limits import BIND_PATIENCE_SECONDS, BIND_RETRY_SECONDS
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.daemon.bind import Bound, Wish
    from resolver.listen.listen_network import StreamListener, UdpSocket

RETRY = BIND_RETRY_SECONDS
PATIENCE = BIND_PATIENCE_SECONDS


class Kernel:
    """A `ListenNetwork` with errors by address: `trouble["192.0.2.1"] = errno.EADDRINUSE`."""

    def __init__(self, **trouble: int) -> None:
        self.trouble = trouble
        self.tries: list[tuple[str, str]] = []

    def _bind(self, kind: str, host: str) -> str:
        self.tries.append((kind, host))
        number = self.trouble.get(f"{kind}:{host}") or self.trouble.get(host)
        if number:
            raise OSError(number, os.strerror(number))
        return host

    def bind_udp(self, host: str, port: int, *, is_quic: bool = False) -> UdpSocket:
        del port, is_quic
        return cast("UdpSocket", self._bind("udp", host))

    def bind_tcp(self, host: str, port: int) -> StreamListener:
        del port
        return cast("StreamListener", self._bind("tcp", host))


class Services:
    """Who serves what comes late."""

    def __init__(self) -> None:
        self.got: list[str] = []

    def serve(self, wish: Wish, sock: Bound) -> None:
        assert sock is not None
        self.got.append(str(wish))


def config(*listen: str, metrics: str = "") -> Config:
    return Config(server=Server(listen=listen), metrics=Metrics(listen=metrics))


@pytest.mark.reaches("BIND_RETRY_SECONDS")
@trio_test
async def test_a_port_that_is_busy_for_some_seconds_is_waited_for() -> None:
    """A predecessor that ends slowly is no reason to leave a machine without a resolver."""
    kernel = Kernel(**{"127.0.0.1": errno.EADDRINUSE})
    sockets = ListeningSockets(kernel, config("127.0.0.1"))
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sockets.bind)
        await trio.sleep(3.5 * RETRY)
        kernel.trouble.clear()
    assert trio.current_time() - began == pytest.approx(4 * RETRY)
    assert kernel.tries.count(("udp", "127.0.0.1")) == 5
    assert sockets.bound == [("127.0.0.1", 53)]
    assert sockets.missing == []


@pytest.mark.reaches("BIND_PATIENCE_SECONDS")
@trio_test
async def test_nothing_to_serve_ends_the_start_with_the_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sockets = ListeningSockets(Kernel(**{"127.0.0.1": errno.EADDRINUSE}), config("127.0.0.1"))
    began = trio.current_time()
    with pytest.raises(CannotStart, match=r"127\.0\.0\.1:53: another program listens there"):
        await sockets.bind()
    assert trio.current_time() - began == pytest.approx(PATIENCE, abs=RETRY)
    assert len(caplog.records) == 1


@trio_test
async def test_what_can_be_bound_is_served_and_the_rest_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kernel = Kernel(**{"192.0.2.1": errno.EADDRNOTAVAIL, "tcp:127.0.0.1": errno.EADDRINUSE})
    sockets = ListeningSockets(
        kernel, config("127.0.0.1", "192.0.2.1", metrics="192.0.2.1:9153"), tells=True
    )
    await sockets.bind()
    assert sockets.bound == [("127.0.0.1", 53)]
    services = Services()
    with trio.move_on_after(5.5 * RETRY):
        await sockets.bind_missing(services)
    assert list(services.got) == []
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "127.0.0.1:53: another program listens there (ss -lntup shows which); trying again",
        "192.0.2.1:53: not an address of this machine yet; trying again",
        "192.0.2.1:9153: not an address of this machine yet; trying again",
    ]
    kernel.trouble.clear()
    await sockets.bind_missing(services)  # ends: nothing is missing
    assert services.got == [
        "127.0.0.1:53 (TCP)",
        "192.0.2.1:53 (UDP)",
        "192.0.2.1:53 (TCP)",
        "192.0.2.1:9153 (HTTP)",
    ]
    assert caplog.records[-1].getMessage() == "192.0.2.1:9153 (HTTP): listening now"


@trio_test
async def test_a_sandbox_without_ipv4_is_named_so(caplog: pytest.LogCaptureFixture) -> None:
    """RestrictAddressFamilies=AF_INET6 and its like."""
    sockets = ListeningSockets(Kernel(**{"127.0.0.1": errno.EAFNOSUPPORT}), Config())
    await sockets.bind()
    assert sockets.bound == [("::1", 53)]
    assert [record.getMessage() for record in caplog.records] == [
        "127.0.0.1:53: this system has no IPv4; listening without it"
    ]


@trio_test
async def test_a_system_without_ipv6_is_served_over_ipv4(caplog: pytest.LogCaptureFixture) -> None:
    """The default configuration names ::1; a kernel without IPv6 has not even the family."""
    sockets = ListeningSockets(Kernel(**{"::1": errno.EAFNOSUPPORT}), Config())
    await sockets.bind()
    assert sockets.bound == [("127.0.0.1", 53)]
    assert sockets.missing == []
    assert [record.getMessage() for record in caplog.records] == [
        "[::1]:53: this system has no IPv6; listening without it"
    ]


@trio_test
async def test_ipv6_alone_on_a_system_without_it_is_an_error() -> None:
    sockets = ListeningSockets(Kernel(**{"::1": errno.EAFNOSUPPORT}), config("::1"))
    with pytest.raises(ConfigError, match="it has no IPv6"):
        await sockets.bind()


@trio_test
async def test_a_missing_permission_is_an_error_at_once_and_later_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kernel = Kernel(**{"192.0.2.1": errno.EACCES})
    with pytest.raises(ConfigError, match="CAP_NET_BIND_SERVICE"):
        await ListeningSockets(kernel, config("127.0.0.1", "192.0.2.1")).bind()
    kernel.trouble["192.0.2.1"] = errno.EADDRINUSE
    sockets = ListeningSockets(kernel, config("127.0.0.1", "192.0.2.1"))
    await sockets.bind()
    kernel.trouble["192.0.2.1"] = errno.EACCES
    await sockets.bind_missing(Services())
    assert caplog.records[-1].getMessage() == "192.0.2.1:53: not bound: Permission denied"
