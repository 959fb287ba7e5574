"""The virtual Internet behaves as the seams promise."""

from __future__ import annotations

import errno
import random

import pytest
import trio

from resolver.lab.faults import Faults, Path
from resolver.lab.virtual_network import VirtualNetwork
from resolver.lab.virtual_streams import receive_message, send_message
from resolver.listen.listen_network import Datagram
from resolver.model import Server
from tests.support import trio_test

SERVER = Server("192.0.2.1")


class Echo:
    """A server that sends back what it gets, in capitals over TCP."""

    def answer(self, data: bytes, transport: str, source: str) -> bytes:
        assert source == "203.0.113.53"
        return data if transport == "udp" else data.upper()


def network(path: Path | None = None, *, seed: int = 0) -> VirtualNetwork:
    faults = Faults()
    if path is not None:
        faults.set(SERVER.host, path)
    virtual = VirtualNetwork(rng=random.Random(seed), faults=faults)
    virtual.attach(SERVER.host, Echo())
    return virtual


@trio_test
async def test_a_datagram_takes_one_delay_each_way() -> None:
    virtual = network(Path(delay_s=0.25))
    port = virtual.open_udp(SERVER)
    port.send(b"ping")
    await virtual.wait()
    assert trio.current_time() == 0.5
    assert virtual.receive() == [(port, b"ping")]
    assert virtual.receive() == []


@trio_test
async def test_a_closed_port_hears_nothing() -> None:
    virtual = network(Path(delay_s=0.25))
    port = virtual.open_udp(SERVER)
    port.send(b"ping")
    port.close()
    with trio.move_on_after(5) as scope:
        await virtual.wait()
    assert scope.cancelled_caught


@trio_test
async def test_an_unreachable_host_is_an_error_of_the_port() -> None:
    virtual = network(Path(unreachable=True))
    port = virtual.open_udp(SERVER)
    port.send(b"ping")
    await virtual.wait()
    [(heard, error)] = virtual.receive()
    assert heard is port
    assert isinstance(error, OSError)
    assert error.errno == errno.EHOSTUNREACH


@trio_test
async def test_a_host_without_server_refuses() -> None:
    virtual = network()
    virtual.detach(SERVER.host)
    port = virtual.open_udp(SERVER)
    port.send(b"ping")
    await virtual.wait()
    [(_, error)] = virtual.receive()
    assert isinstance(error, ConnectionRefusedError)
    with pytest.raises(ConnectionRefusedError):
        await virtual.connect_tcp(SERVER)


@trio_test
async def test_loss_is_drawn_from_the_seed() -> None:
    async def survivors() -> list[bytes | OSError]:
        virtual = network(Path(loss=0.3), seed=7)
        port = virtual.open_udp(SERVER)
        for number in range(50):
            port.send(bytes([number]))
        await trio.sleep(1)
        return [data for _, data in virtual.receive()]

    first = await survivors()
    assert 10 < len(first) < 40
    assert first == await survivors()


@trio_test
async def test_a_spell_of_death_ends() -> None:
    virtual = network()
    virtual.faults.during(SERVER.host, Path(dead=True), start=0, end=10)
    port = virtual.open_udp(SERVER)
    port.send(b"lost")
    await trio.sleep(10)
    port.send(b"found")
    await virtual.wait()
    assert virtual.receive() == [(port, b"found")]


@pytest.mark.parametrize("spelling", ["2001:DB8::1", "2001:db8:0:0:0:0:0:1", "2001:0db8::0001"])
def test_a_path_holds_for_its_address_in_any_spelling(spelling: str) -> None:
    """RFC 4291 §2.2 has many texts of one address; packets bear the one of RFC 5952."""
    faults, dead, far = Faults(), Path(dead=True), Path(delay_s=1)
    faults.set(spelling, dead)
    faults.during(spelling, far, start=5, end=6)
    assert [faults.path("2001:db8::1", at) for at in (0, 5)] == [dead, far]
    assert faults.path(spelling, 0) == dead
    assert faults.has_spells("2001:db8::1")
    assert faults.has_spells(spelling)


@trio_test
async def test_a_family_that_the_host_does_not_have_has_no_route() -> None:
    virtual = VirtualNetwork(rng=random.Random(0), sources=("203.0.113.53",))
    with pytest.raises(OSError, match="unreachable"):
        virtual.open_udp(Server("2001:db8::1"))


@trio_test
async def test_tcp_carries_messages_to_an_attached_server() -> None:
    virtual = network(Path(delay_s=0.1))
    stream = await virtual.connect_tcp(SERVER)
    await send_message(stream, b"ping")
    assert await receive_message(stream) == b"PING"
    assert trio.current_time() == pytest.approx(0.4)
    await stream.aclose()


@trio_test
async def test_a_bound_socket_answers_from_where_it_was_asked() -> None:
    virtual = network()
    socket = virtual.bind_udp("0.0.0.0", 53)  # noqa: S104
    client = virtual.client("198.51.100.7")

    async def serve() -> None:
        await socket.wait_readable()
        [asked] = socket.receive()
        assert asked.peer == client.address
        socket.send([Datagram(asked.data + b"!", asked.peer, asked.local)])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        assert await client.ask_udp(("203.0.113.9", 53), b"hello") == b"hello!"


@trio_test
async def test_a_listener_accepts_a_clients_stream() -> None:
    virtual = network()
    listener = virtual.bind_tcp("::1", 53)
    client = virtual.client("::1")

    async def serve() -> None:
        stream, peer = await listener.accept()
        assert peer == client.address
        await send_message(stream, (await receive_message(stream) or b"") + b"!")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        assert await client.ask_tcp(("::1", 53), b"hello") == b"hello!"


@trio_test
async def test_an_address_is_bound_once() -> None:
    virtual = network()
    virtual.bind_udp("127.0.0.1", 53)
    with pytest.raises(OSError, match="taken"):
        virtual.bind_udp("127.0.0.1", 53)
