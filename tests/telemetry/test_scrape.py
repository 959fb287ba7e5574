"""The page that Prometheus reads."""

from __future__ import annotations

from random import Random

import pytest
import trio

from resolver.config.schema import Config, Metrics, Server
from resolver.daemon import run
from resolver.lab import demo, virtual_time
from resolver.limits import SCRAPE_OCTETS, SCRAPE_SECONDS, SCRAPES
from resolver.model import Server as Address
from resolver.telemetry.http_page import reply, serve
from resolver.telemetry.metrics import Registry
from resolver.telemetry.scrape import pages_of
from tests.listen.test_stream import Mute
from tests.listen.test_tcp import Door
from tests.support import only_collected, trio_test


def registry() -> Registry:
    made = Registry()
    made.gauge("up", "Whether it is up.", lambda: 1)
    return made


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /metrics HTTP/1.1", b"200 OK"),
        (b"GET /metrics?x=1 HTTP/1.1", b"200 OK"),
        (b"HEAD /metrics HTTP/1.1", b"200 OK"),
        (b"GET / HTTP/1.1", b"404 Not Found"),
        (b"POST /metrics HTTP/1.1", b"405 Method Not Allowed"),
    ],
)
def test_only_the_page_of_numbers_is_there(request_line: bytes, status: bytes) -> None:
    answer = reply(request_line + b"\r\nHost: x\r\n\r\n", pages_of(registry()))
    assert answer.split(b"\r\n")[0] == b"HTTP/1.1 " + status
    assert (b"resolver_up 1\n" in answer) is (status == b"200 OK" and request_line[:1] == b"G")


def test_half_a_request_is_a_bad_one() -> None:
    assert reply(b"GET /metrics HTTP/1.1\r\n", pages_of(registry())).startswith(b"HTTP/1.1 400 ")
    assert reply(b"", pages_of(registry())).startswith(b"HTTP/1.1 400 ")


async def _talk(network: object, data: bytes) -> bytes:
    stream = await network.connect_tcp(Address("127.0.0.1", 9153))  # type: ignore[attr-defined]
    async with stream:
        await stream.send_all(data)
        await stream.send_eof()
        answer = b""
        with trio.move_on_after(60):
            while more := await stream.receive_some(4096):
                answer += more
        return answer


def _of_length(octets: int) -> bytes:
    """A request with a header that makes it so long."""
    head, end = b"GET /metrics HTTP/1.1\r\nX: ", b"\r\n\r\n"
    return head + b"x" * (octets - len(head) - len(end)) + end


@pytest.mark.reaches("SCRAPE_OCTETS")
@trio_test
async def test_a_running_daemon_counts_and_shows() -> None:
    network = demo.demo_world(wall=1.785e9).network()
    config = Config(
        server=Server(listen=("127.0.0.1:53",), user=""),
        metrics=Metrics(listen="127.0.0.1:9153"),
    )
    async with run.running(
        config,
        network=network,
        listen_network=network,
        clock=virtual_time.VirtualClock(),
        rng=Random(1),
    ):
        answer = await _talk(network, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert b"\nresolver_clients_queries_total 0\n" in answer
        assert b"\n# TYPE resolver_queries_in_flight gauge\n" in answer
        longest = await _talk(network, _of_length(SCRAPE_OCTETS))
        assert longest.startswith(b"HTTP/1.1 200 ")
        endless = await _talk(network, _of_length(SCRAPE_OCTETS + 1))
        assert endless.startswith(b"HTTP/1.1 400 ")


@pytest.mark.reaches("SCRAPES", "SCRAPE_SECONDS")
@trio_test
async def test_who_holds_the_door_is_sent_away() -> None:
    """Hundreds of silent scrapers are a few at a time, keep nobody out, and go when time is up."""
    door = Door()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, door, pages_of(registry()))
        began = trio.current_time()
        silent = []
        for _ in range(50):
            silent.append(door.connect())
            await trio.sleep(0.001)
        for each in silent[:-SCRAPES]:
            assert await each.receive_some(1) == b""
        with trio.move_on_after(0.01) as waiting:
            await silent[-SCRAPES].receive_some(1)
        assert waiting.cancelled_caught
        late = door.connect()
        await late.send_all(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert (await late.receive_some(9)) == b"HTTP/1.1 "
        assert trio.current_time() - began < 0.1
        assert await silent[-1].receive_some(1) == b""
        assert trio.current_time() - began == pytest.approx(SCRAPE_SECONDS, abs=0.1)
        nursery.cancel_scope.cancel()


@trio_test
async def test_a_scraper_that_leaves_leaves_nothing_behind() -> None:
    """Neither a place nor a cycle."""

    class Leaving(Mute):
        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            await trio.lowlevel.checkpoint()
            raise trio.BrokenResourceError(max_bytes)

    door = Door()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, door, pages_of(registry()))
        with only_collected() as found:
            for _ in range(10):
                door.admit(Leaving(b""))
                await trio.sleep(0.01)
        assert [type(thing).__name__ for thing in found] == []
        nursery.cancel_scope.cancel()
