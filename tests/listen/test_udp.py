"""The UDP loop, over real sockets of both kinds and over the virtual network."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.lab.virtual_network import VirtualNetwork
from resolver.limits import (
    UDP_BATCH,
    UDP_REFUSALS,
    UDP_STARTS,
    UDP_STARTS_BUSY,
    UDP_STARTS_IDLE,
    UDP_TURNS,
)
from resolver.listen import mmsg
from resolver.listen.admission import Admission
from resolver.listen.sockets import SystemListenNetwork
from resolver.listen.udp import UdpService
from resolver.listen.udp_socket import PlainUdpSocket
from resolver.protocol.codes import Rcode
from resolver.runtime.turns import Turns
from tests.listen.echo import Handler, answered, question
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from resolver.listen.listen_network import UdpSocket

KINDS = pytest.mark.parametrize("kind", ["mmsg", "plain"])
ADDRESSES = pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])  # noqa: S104


def bind(kind: str, host: str, monkeypatch: pytest.MonkeyPatch) -> UdpSocket:
    if kind == "mmsg" and not mmsg.IS_AVAILABLE:
        pytest.skip("this platform has no recvmmsg")
    monkeypatch.setattr(mmsg, "IS_AVAILABLE", kind == "mmsg")
    try:
        return SystemListenNetwork().bind_udp(host, 0)
    except OSError as error:
        pytest.skip(f"cannot bind {host}: {error}")


def port_of(sock: UdpSocket) -> int:
    assert isinstance(sock, PlainUdpSocket)
    port: int = sock._socket.getsockname()[1]
    return port


def stub(to: str) -> socket.socket:
    client = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(2)
    return client


@KINDS
@ADDRESSES
@trio_test_real
async def test_miss_then_hit(kind: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first query goes to the handler, the second is answered in the loop."""
    sock = bind(kind, host, monkeypatch)
    handler = Handler()
    service = UdpService(sock, handler, Admission())
    to = ("::1" if ":" in host else "127.0.0.1", port_of(sock))
    with stub(to[0]) as client:
        for id in (1, 2, 3):
            client.sendto(question(id=id), to)
            await trio.lowlevel.checkpoint()
            service.drain()
            assert client.recv(512) == answered(question(id=id))
    assert len(handler.started) == 1
    assert (service.queries, service.misses) == (3, 1)
    assert handler.started[0][1].host == to[0]
    sock.close()


@KINDS
@pytest.mark.rfc("2181 §4.1")
@trio_test_real
async def test_reply_leaves_from_the_address_asked(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a wildcard socket, misses and hits alike: a connected stub takes no other source."""
    sock = bind(kind, "0.0.0.0", monkeypatch)  # noqa: S104
    service = UdpService(sock, Handler(), Admission())
    with stub("127.0.0.1") as client:
        client.bind(("127.0.0.1", 0))
        client.connect(("127.0.0.2", port_of(sock)))
        for id in (1, 2):
            client.send(question(id=id))
            service.drain()
            assert client.recv(512) == answered(question(id=id))
    sock.close()


@KINDS
@trio_test_real
async def test_batch_of_hits_misses_and_junk(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reply reaches the socket its query came from, whatever stood between."""
    sock = bind(kind, "127.0.0.1", monkeypatch)
    handler = Handler()
    service = UdpService(sock, handler, Admission())
    to = ("127.0.0.1", port_of(sock))
    names = [b"\x02n%d\0" % at for at in range(5)]
    clients = [stub("127.0.0.1") for _ in range(20)]
    for turn in range(2):
        for at, client in enumerate(clients):
            client.sendto(question(names[at % 5], id=at + turn), to)
            client.sendto(b"junk", to)
        while service.drain():
            pass
        for at, client in enumerate(clients):
            assert client.recv(512) == answered(question(names[at % 5], id=at + turn))
    assert service.queries == 80
    for client in clients:
        client.close()
    sock.close()


@pytest.mark.reaches("UDP_QUERY_OCTETS")
@KINDS
@trio_test_real
async def test_long_and_empty_datagrams(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query longer than a buffer's first part arrives whole; one too long is dropped."""
    sock = bind(kind, "127.0.0.1", monkeypatch)
    handler = Handler()
    service = UdpService(sock, handler, Admission())
    to = ("127.0.0.1", port_of(sock))
    long = question() + bytes(range(256)) * 4
    with stub("127.0.0.1") as client:
        for data in (long, b"", b"x" * 6000):
            client.sendto(data, to)
        service.drain()
    assert handler.started[0][0] == long
    assert [len(data) for data, _ in handler.started[1:]] in ([0, 0], [0, 4096])
    sock.close()


@pytest.mark.reaches("UDP_BATCH", "UDP_TURNS")
@KINDS
@trio_test_real
async def test_drain_is_bounded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood gets a few batches, then others have their turn."""
    sock = bind(kind, "127.0.0.1", monkeypatch)
    service = UdpService(sock, Handler(), Admission())
    to = ("127.0.0.1", port_of(sock))
    with stub("127.0.0.1") as client:
        for at in range(800):
            client.sendto(question(id=at), to)
        assert service.drain()
        assert service.queries == UDP_BATCH * UDP_TURNS
        while service.drain():
            pass
    assert service.queries == 800
    sock.close()


@pytest.mark.reaches("UDP_STARTS")
@KINDS
@trio_test_real
async def test_hits_do_not_wait_behind_misses(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst of misses is taken in at once but begun little by little."""
    sock = bind(kind, "127.0.0.1", monkeypatch)
    handler = Handler()
    service = UdpService(sock, handler, Admission())
    to = ("127.0.0.1", port_of(sock))
    with stub("127.0.0.1") as client, stub("127.0.0.1") as other:
        client.sendto(question(id=1), to)
        service.drain()
        assert client.recv(512)
        for at in range(40):
            other.sendto(question(b"\x02n%d\0" % (10 + at), id=at), to)
        client.sendto(question(id=2), to)
        assert service.drain()
        assert client.recv(512) == answered(question(id=2))
        assert len(handler.started) == 1 + UDP_STARTS
        while service.drain():
            pass
    assert len(handler.started) == 41
    sock.close()


@pytest.mark.reaches("UDP_STARTS_BUSY")
@trio_test_real
async def test_what_is_under_way_is_finished_before_more_is_begun() -> None:
    """Else whoever asks waits behind all of a flood's replies that have come and were not read."""
    sock = SystemListenNetwork().bind_udp("127.0.0.1", 0)
    handler, turns = Handler(), Turns()
    service = UdpService(sock, handler, Admission(), turns=turns)
    with stub("127.0.0.1") as client:
        for at in range(40):
            client.sendto(question(b"\x02n%d\0" % (10 + at), id=at), ("127.0.0.1", port_of(sock)))
        turns.note_hits()
        turns.is_behind = True
        assert service.drain()
        assert len(handler.started) == UDP_STARTS_BUSY
        turns.is_behind = False
        assert service.drain()
        assert len(handler.started) == UDP_STARTS_BUSY + UDP_STARTS
    sock.close()


@pytest.mark.reaches("UDP_STARTS_IDLE")
@KINDS
@trio_test_real
async def test_misses_alone_are_begun_many_at_a_time(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sock = bind(kind, "127.0.0.1", monkeypatch)
    handler = Handler()
    service = UdpService(sock, handler, Admission())
    with stub("127.0.0.1") as client:
        for at in range(60):
            client.sendto(question(b"\x02n%d\0" % (10 + at), id=at), ("127.0.0.1", port_of(sock)))
        assert service.drain()
        assert len(handler.started) == UDP_STARTS_IDLE
        assert not service.drain()
    assert len(handler.started) == 60
    sock.close()


@trio_test_real
async def test_loop_runs_until_cancelled() -> None:
    """The loop itself: wait, serve, wait."""
    sock = SystemListenNetwork().bind_udp("127.0.0.1", 0)
    service = UdpService(sock, Handler(), Admission())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run)
        client = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with client, trio.fail_after(5):
            await client.connect(("127.0.0.1", port_of(sock)))
            for id in (1, 2):
                await client.send(question(id=id))
                assert await client.recv(512) == answered(question(id=id))
        nursery.cancel_scope.cancel()
    sock.close()


@trio_test
async def test_virtual_network() -> None:
    """The same loop serves the lab's sockets."""
    network = VirtualNetwork(rng=random.Random(1))
    handler = Handler()
    service = UdpService(network.bind_udp("192.0.2.53", 53), handler, Admission())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.run)
        client = network.client()
        for id in (1, 2):
            reply = await client.ask_udp(("192.0.2.53", 53), question(id=id))
            assert reply == answered(question(id=id))
        nursery.cancel_scope.cancel()
    assert len(handler.started) == 1


@pytest.mark.reaches("CLIENT_QUERIES")
@trio_test_real
async def test_late_reply_and_full_house() -> None:
    """A place is held until the reply; over the limit SERVFAIL comes at once."""
    sock = SystemListenNetwork().bind_udp("127.0.0.1", 0)
    handler = Handler()
    handler.holds = True
    admission = Admission(total=4)
    service = UdpService(sock, handler, admission)
    to = ("127.0.0.1", port_of(sock))
    with stub("127.0.0.1") as client:
        for id in (1, 2, 3):
            client.sendto(question(id=id), to)
        service.drain()
        refused = client.recv(512)
        assert refused == b"\0\3\x81\x82\0\1\0\0\0\0\0\0" + question()[12:]
        assert admission.in_flight == 2
        respond = handler.held[question(id=1)]
        respond(answered(question(id=1)))
        respond(answered(question(id=1)))  # once is enough
        assert client.recv(512) == answered(question(id=1))
        handler.held[question(id=2)](None)
    assert admission.in_flight == 0
    assert service.unanswered == 1
    sock.close()


@trio_test_real
async def test_replies_leave_at_the_end_of_a_turn_and_none_stays_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sock, turns = bind("mmsg", "127.0.0.1", monkeypatch), Turns()
    turns.number = 1  # somebody counts them, and ends each
    service = UdpService(sock, Handler(), Admission(), turns=turns)
    with stub("127.0.0.1") as client:
        client.connect(("127.0.0.1", port_of(sock)))
        client.send(question(id=1))
        service.drain()
        client.settimeout(0)
        with pytest.raises(BlockingIOError):
            client.recv(512)
        client.settimeout(2)
        turns.end()
        assert client.recv(512) == answered(question(id=1))
        client.send(question(id=2, name=b"\x03new\0"))
        service.drain()
        assert not service.in_flight
        await service.leave(1.0)
        assert client.recv(512) == answered(question(id=2, name=b"\x03new\0"))
    sock.close()


@pytest.mark.reaches("UDP_REFUSALS")
@trio_test_real
async def test_of_many_for_whom_there_is_no_place_a_few_are_told() -> None:
    """A reply to each of a flood would take the time that others' queries need."""
    sock = SystemListenNetwork().bind_udp("127.0.0.1", 0)
    service = UdpService(sock, Handler(), Admission(total=0))
    with stub("127.0.0.1") as client:
        for turn in (1, 2):
            for id in range(UDP_REFUSALS + 9):
                client.sendto(question(id=id), ("127.0.0.1", port_of(sock)))
            service.drain()
            told = [client.recv(512)[3] & 15 for _ in range(UDP_REFUSALS)]
            assert told == [Rcode.SERVFAIL] * UDP_REFUSALS
            client.settimeout(0.05)
            with pytest.raises(TimeoutError):
                client.recv(512)
            assert service.unanswered == 9 * turn
    sock.close()
