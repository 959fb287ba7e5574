"""Views on real sockets and through the whole path: who is in which, and what that does to them."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import replace as replaced
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Config, Log, View
from resolver.daemon.reload import reload
from resolver.lab.faults import Path as FaultPath
from resolver.limits import STALE_AFTER_SECONDS, STALE_TTL_SECONDS
from resolver.operate.queries import QUERIES
from resolver.operate.verb import Refused
from resolver.operate.why import WHY
from resolver.policy.path import Step
from resolver.policy.views import Clients, Views
from resolver.protocol.codes import EdeCode, Rcode
from resolver.protocol.edns import OPT_EDE, Edns, ede_of
from resolver.protocol.transport import Client, Transport
from resolver.protocol.wire import parse_untrusted
from tests.asking import octets, read
from tests.daemon.persisting import life
from tests.daemon.reloading import ADDRESSES, addresses, ask, free_port, query, served
from tests.making import question
from tests.operate.operated import desk
from tests.recurse.household import house, slow_village, village
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from resolver.model import Answer, Query
    from tests.daemon.reloading import House

WWW = question("www.example.net. A")
KID, GROWN = Client("127.0.0.7", 1, Transport.UDP), Client("127.0.0.1", 1, Transport.UDP)
KIDS = View(name="kids", clients=("127.0.0.7",))


def with_views(*views: View, **keys: object) -> Config:
    return Config(view=views, **keys)  # type: ignore[arg-type]


async def ask_from(house: House, source: str, name: str = "www.example.com.") -> int | None:
    """The rcode that a client at *source* gets; None: nothing within a while."""
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        await sock.bind((source, 0))
        await sock.connect(("127.0.0.1", house.port))
        await sock.send(query(name, 7))
        with trio.move_on_after(1.0):
            return parse_untrusted(await sock.recv(4096)).rcode
    return None


@asynccontextmanager
async def with_these(*views: View) -> AsyncIterator[House]:
    async with served() as home:
        server = replace(home.config.server, allow_from=("127.0.0.1",))
        await reload(home.daemon, replace(home.config, server=server, view=views))
        yield home


@trio_test_real
async def test_a_client_is_served_refused_or_not_answered_as_its_view_says() -> None:
    """A view without a word of its own leaves it to the access list, as Unbound's do."""
    views = (
        View(name="friends", clients=("127.0.0.2",), answer="allow"),
        View(name="banned", clients=("127.0.0.3",), answer="refuse"),
        View(name="gone", clients=("127.0.0.4",), answer="drop"),
        View(name="others", clients=("127.0.0.5",)),
    )
    async with with_these(*views) as home:
        for _ in range(2):  # by the path, then from packets
            assert await ask_from(home, "127.0.0.1") == Rcode.NOERROR
            assert await ask_from(home, "127.0.0.2") == Rcode.NOERROR
        assert await ask_from(home, "127.0.0.3") == Rcode.REFUSED
        assert await ask_from(home, "127.0.0.4") is None
        assert await ask_from(home, "127.0.0.5") == Rcode.REFUSED


@trio_test_real
async def test_where_a_client_asks_and_how_decides_on_real_sockets() -> None:
    """Two ports of one address are two listeners; TCP is not UDP. Hits go by it, too."""
    async with served() as home:
        other = free_port()
        listen = (f"127.0.0.1:{home.port}", f"127.0.0.1:{other}")
        views = (
            View(name="second", listen=(listen[1],), answer="refuse"),
            View(name="streams", transports=("tcp",), answer="refuse"),
        )
        config = replace(home.listening(*listen), view=views)
        await reload(home.daemon, config)
        for _ in range(2):
            assert addresses(await ask(home.port, "www.example.com.")) == [
                ADDRESSES["www.example.com."]
            ]
            assert (await ask(other, "www.example.com.")).rcode == Rcode.REFUSED
        stream = await trio.open_tcp_stream("127.0.0.1", home.port)
        async with stream:
            data = query("www.example.com.", 7)
            await stream.send_all(len(data).to_bytes(2, "big") + data)
            reply = await stream.receive_some(4096)
        assert parse_untrusted(reply[2:]).rcode == Rcode.REFUSED


class Says(Step):
    """Data of one view."""

    name = "says"

    def __init__(self, address: bytes) -> None:
        self._address = address

    def after(self, query: Query, answer: Answer) -> Answer:
        del query
        told = [one._replace(rdatas=(self._address,)) for one in answer.answer]
        return replaced(answer, answer=tuple(told))


@trio_test
async def test_what_is_meant_for_one_transport_is_not_served_on_another() -> None:
    """TCP's packets and UDP's are apart anyway; so are DoT's and TCP's."""
    tls = frozenset({Transport.TLS})
    views = Views((), [Clients("tls", (Says(b"\1\2\3\4"),), transports=tls)])
    async with house(village()) as home:
        home.parts.fast_paths.go_by(views)
        for _ in range(2):
            for transport, expected in ((Transport.TLS, b"\1\2\3\4"), (Transport.TCP, None)):
                client = Client("127.0.0.1", 1, transport)
                found = addresses(await read(home, octets(WWW), client))
                assert (found == [expected]) is (expected is not None)
                hit = home.pipeline.fast_path(transport).begin()(octets(WWW), b"\x7f\0\0\1")
                assert hit is not None
                assert (addresses(parse_untrusted(hit)) == [expected]) is (expected is not None)


# --- options ------------------------------------------------------------------------------------


@trio_test
async def test_a_view_without_expired_data_gets_a_failure_in_its_place() -> None:
    world = village()
    fresh = View(name="kids", clients=("127.0.0.7",), serve_stale=False)
    async with house(world, with_views(fresh)) as home:
        await read(home, octets(WWW), KID)
        for host in ("192.0.2.20", "192.0.2.21"):
            world.faults.set(host, FaultPath(dead=True))
        await trio.sleep(4000)
        asked = octets(WWW, edns=Edns(1232))
        assert (await read(home, asked, GROWN)).rcode == Rcode.NOERROR
        failed = await read(home, asked, KID)
        assert failed.rcode == Rcode.SERVFAIL
        assert failed.edns is not None
        told = [ede_of(data) for code, data in failed.edns.options if code == OPT_EDE]
        assert [one[0] for one in told if one] == [EdeCode.NO_REACHABLE_AUTHORITY]


@trio_test
async def test_nobody_of_it_is_told_early_what_others_are_who_waited_for_long() -> None:
    world = village()
    fresh = View(name="kids", clients=("127.0.0.7",), serve_stale=False)
    async with house(world, with_views(fresh)) as home:
        await read(home, octets(WWW), KID)
        await trio.sleep(4000)
        for host in ("192.0.2.20", "192.0.2.21"):
            world.faults.set(host, FaultPath(delay_s=1.5))  # an answer takes three seconds
        told: dict[Client, tuple[float, int]] = {}
        began = trio.current_time()

        async def ask_as(client: Client) -> None:
            reply = await read(home, octets(WWW), client)
            told[client] = (trio.current_time() - began, reply.answer[0].ttl)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_as, KID)
            nursery.start_soon(ask_as, GROWN)
        assert told[GROWN][0] == pytest.approx(STALE_AFTER_SECONDS)
        assert told[GROWN][1] == STALE_TTL_SECONDS
        assert told[KID][0] > STALE_AFTER_SECONDS + 1
        assert told[KID][1] > STALE_TTL_SECONDS


@trio_test
async def test_a_view_has_its_own_word_on_what_is_logged(tmp_path: Path) -> None:
    views = (
        View(name="kids", clients=("127.0.0.7",), log="off"),
        View(name="guests", clients=("127.0.0.8",), log="failures"),
    )

    def change(config: Config) -> Config:
        return replace(config, view=views, log=Log(queries="all"))

    async with life(village(), tmp_path, change) as home:
        for source in ("127.0.0.7", "127.0.0.8", "127.0.0.9"):
            for _ in range(2):
                replies: list[bytes | None] = []
                client = Client(source, 1, Transport.UDP)
                pipeline = home.daemon.parts.pipeline
                recall = pipeline.fast_path(Transport.UDP).begin()
                if recall(octets(WWW), bytes(map(int, source.split(".")))) is None:
                    pipeline.start(octets(WWW), client, replies.append)
                await trio.sleep(1)
        await trio.sleep(10)
    lines = [
        msgspec.json.decode(line)
        for path in (tmp_path / "queries").iterdir()
        for line in path.read_bytes().splitlines()
    ]
    assert [line["view"] for line in lines if "name" in line] == ["default", "default"]


@trio_test
async def test_a_view_may_be_logged_where_others_are_not(tmp_path: Path) -> None:
    views = (View(name="kids", clients=("127.0.0.7",), log="all"),)
    async with life(village(), tmp_path, lambda config: replace(config, view=views)) as home:
        for client in (KID, GROWN):
            home.daemon.parts.pipeline.start(octets(WWW), client, lambda _: None)
        await trio.sleep(10)
    text = b"".join(path.read_bytes() for path in (tmp_path / "queries").iterdir())
    assert text.count(b'"view":"kids"') == 1
    assert text.count(b'"view":"default"') == 0


# --- what an operator is told -------------------------------------------------------------------


@trio_test
async def test_queries_are_counted_by_view_while_they_wait() -> None:
    async with desk(slow_village(), with_views(KIDS)) as it, trio.open_nursery() as nursery:
        nursery.start_soon(read, it.home, octets(WWW), KID)
        nursery.start_soon(read, it.home, octets(WWW), GROWN)
        await trio.sleep(0.5)
        assert (await it.do(QUERIES))["by_view"] == {"kids": 1, "default": 1}
        await trio.sleep(5)
        assert (await it.do(QUERIES))["by_view"] == {}


@trio_test
async def test_why_tells_the_view_that_it_speaks_of() -> None:
    async with desk(village(), with_views(KIDS)) as it:
        reply = await it.do(WHY, name="localhost", type="A", view="kids")
        assert reply["view"] == "kids"
        assert reply["views"] == {"kids": "NOERROR, local", "default": "NOERROR, local"}
        assert (await it.do(WHY, name="www.example.net"))["view"] == "default"
        with pytest.raises(Refused, match="there is no view 'attic', but default, kids"):
            await it.do(WHY, name="localhost", view="attic")
