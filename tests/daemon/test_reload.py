"""Another configuration under load: nothing lost, nothing wrong, and what was learnt goes on."""

from __future__ import annotations

import gc
import io
import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Config, Dnssec, Log, Metrics, Stub
from resolver.config.schema_geo import Geo
from resolver.daemon.reload import Source, preview, reload, reread
from resolver.errors import ConfigError
from resolver.model import Question
from resolver.operate.geography import distances
from resolver.operate.reloaded import NotReloaded
from resolver.pipeline import Pipeline
from resolver.protocol import names
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.wire import parse_untrusted
from resolver.upstream.query_form import FULL
from resolver.upstream.server_state import EdnsState
from tests.daemon.reloading import (
    ADDRESSES,
    HOST,
    Forwarder,
    Load,
    addresses,
    ask,
    free_port,
    query,
    served,
)
from tests.support import trio_test_real

if TYPE_CHECKING:
    from tests.daemon.reloading import House


ONE, OTHER = bytes([203, 0, 113, 1]), bytes([203, 0, 113, 2])
RELOADS = 50


class Learnt:
    """What a reload has to hand over, by identity."""

    def __init__(self, house: House) -> None:
        daemon = house.daemon
        now = daemon.parts.clock.now()
        rrsets = daemon.parts.memory.rrsets
        self.entry = rrsets.get(names.from_text("www.example.com."), RRType.A, now)
        self.cut = daemon.parts.delegations.get(names.from_text("com."), now)
        states = daemon.parts.infra.states
        self.rtts = {key: state for key, state in states.items() if state.n}
        self.socks = [
            sock for wish, sock in daemon.sockets.open.items() if wish.where[1] == house.port
        ]
        self.services = [
            each for wish, each in daemon.listeners.services.items() if wish.where[1] == house.port
        ]
        self.dispatcher = daemon.parts.dispatcher
        assert self.entry is not None
        assert self.cut is not None
        assert self.rtts

    def is_kept_by(self, house: House) -> bool:
        now = Learnt(house)
        return (
            now.entry is self.entry
            and now.cut is self.cut
            and all(now.rtts.get(key) is state for key, state in self.rtts.items())
            and now.socks == self.socks
            and now.services == self.services
            and now.dispatcher is self.dispatcher
        )


def descriptors() -> int:
    """How many are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def warm(house: House) -> Learnt:
    for name, address in ADDRESSES.items():
        assert address in addresses(await ask(house.port, name))
    return Learnt(house)


@trio_test_real
async def test_fifty_reloads_under_load_lose_nothing_and_forget_nothing() -> None:
    """The same configuration, at a few hundred queries a second over UDP and TCP."""
    async with served() as house:
        learnt = await warm(house)
        generation = house.daemon.parts.packets.generation
        load = Load(house.port)
        load.start()
        for _ in range(RELOADS):
            assert str(await reload(house.daemon, house.config)) == "reloaded: nothing has changed"
            await trio.sleep(0.03)
        await trio.to_thread.run_sync(load.stop)
        assert (load.lost, load.wrong) == ([], [])
        assert load.answered == load.sent > RELOADS
        assert learnt.is_kept_by(house)
        assert house.daemon.parts.packets.generation == generation


def variants(house: House, second: int) -> list[tuple[Config, list[bytes] | int]]:
    """Configurations to go through, and what host.corp. is in each: addresses, or an rcode."""
    config, port = house.config, house.port
    first = f"{HOST}:{port}"
    resolution = replace(config.resolution, local_zones=False)
    return [
        (house.forwarding("corp.", "198.51.100.201"), [ONE]),
        (house.forwarding("corp.", "198.51.100.202"), [OTHER]),
        (house.allowing("127.0.0.0/8", "192.0.2.0/24"), Rcode.NXDOMAIN),
        (house.listening(first, f"{HOST}:{second}"), Rcode.NXDOMAIN),
        (replace(config, resolution=resolution), Rcode.NXDOMAIN),
        (house.listening(first, f"tcp://{HOST}:{second}"), Rcode.NXDOMAIN),
        (replace(config, stub=(Stub(zone="lan.", addresses=("198.51.100.9",)),)), Rcode.NXDOMAIN),
    ]


@trio_test_real
async def test_fifty_changes_under_load_lose_nothing_and_take_effect_at_once() -> None:
    """Clients, local zones, listeners, forwards that come, change and go; each in its turn."""
    async with served() as house:
        house.network.attach("198.51.100.201", Forwarder(ONE))
        house.network.attach("198.51.100.202", Forwarder(OTHER))
        learnt = await warm(house)
        load = Load(house.port)
        load.start()
        second = free_port()
        every = variants(house, second)
        for turn in range(RELOADS):
            config, expected = every[turn % len(every)]
            await reload(house.daemon, config)
            reply = await ask(house.port, "host.corp.")
            if isinstance(expected, int):
                assert reply.rcode == expected, turn
            else:
                assert addresses(reply) == expected, turn
            if f"{HOST}:{second}" in config.server.listen:
                assert ADDRESSES["example.com."] in addresses(await ask(second, "example.com."))
        await trio.to_thread.run_sync(load.stop)
        assert (load.lost, load.wrong) == ([], [])
        assert load.answered == load.sent > RELOADS
        assert learnt.is_kept_by(house)


@trio_test_real
async def test_an_acl_counts_from_the_next_query_on() -> None:
    """Also for what is ready in the packet cache, and on a connection that is open."""
    async with served() as house:
        await warm(house)
        stream = await trio.open_tcp_stream(HOST, house.port)
        data = query("www.example.com.", 1)
        framed = len(data).to_bytes(2, "big") + data
        for config, rcode in (
            (house.allowing("192.0.2.0/24"), Rcode.REFUSED),
            (house.config, Rcode.NOERROR),
        ):
            await reload(house.daemon, config)
            assert (await ask(house.port, "www.example.com.")).rcode == rcode
            await stream.send_all(framed)
            assert (await stream.receive_some(512))[5] & 15 == rcode
        await stream.aclose()


@trio_test_real
async def test_a_query_of_before_is_answered_as_before_and_leaves_no_trace() -> None:
    """A slow forwarder's answer comes when the zone is not forwarded any more."""
    async with served() as house:
        house.network.attach("198.51.100.201", Forwarder(ONE, after_s=0.4))
        await reload(house.daemon, house.forwarding("corp.", "198.51.100.201"))
        replies = []

        async def begin() -> None:
            replies.append(await ask(house.port, "host.corp."))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(begin)
            await trio.sleep(0.1)
            await reload(house.daemon, house.config)
            assert (await ask(house.port, "host.corp.")).rcode == Rcode.NXDOMAIN
        assert addresses(replies[0]) == [ONE]
        assert (await ask(house.port, "host.corp.", id=8)).rcode == Rcode.NXDOMAIN


@trio_test_real
async def test_a_negative_anchor_helps_at_once() -> None:
    """The very reason to reload: a zone is broken, and its name was found bogus a moment ago."""
    async with served() as house:
        assert (await ask(house.port, "www.bogus.org.")).rcode == Rcode.SERVFAIL
        dnssec = replace(house.config.dnssec, negative_trust_anchors=("bogus.org.",))
        done = await reload(house.daemon, replace(house.config, dnssec=dnssec))
        assert done.live == ("dnssec.negative_trust_anchors",)
        assert (await ask(house.port, "www.bogus.org.")).rcode == Rcode.NOERROR
        await reload(house.daemon, house.config)
        assert (await ask(house.port, "www.bogus.org.")).rcode == Rcode.SERVFAIL


@trio_test_real
async def test_other_anchors_in_the_same_file_are_noticed_and_all_is_judged_anew() -> None:
    async with served() as house:
        await warm(house)
        path = house.config.dnssec.trust_anchors_file
        with open(path, "w", encoding="ascii") as file:  # noqa: PTH123, ASYNC230  # a test's
            file.write(". DS 1 13 2 " + "ab" * 32 + "\n")
        assert str(await reload(house.daemon, house.config)) == "reloaded: the trust anchors"
        reply = await ask(house.port, "www.example.com.")
        assert reply.rcode == Rcode.SERVFAIL
        assert house.daemon.parts.memory.rrsets is not None


@trio_test_real
async def test_where_something_cannot_be_had_nothing_changes(tmp_path: Path) -> None:
    async with served() as house:
        learnt = await warm(house)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((HOST, 0))
            taken = f"{HOST}:{other.getsockname()[1]}"
            first = f"{HOST}:{house.port}"
            refusing = house.allowing("192.0.2.0/24")
            for config, key in (
                (replace(house.config, root=replace(house.config.root, hints_file="gone")), "root"),
                (replace(house.config, dnssec=Dnssec(trust_anchors_file="gone")), "dnssec"),
                (replace(house.config, log=Log(destination=str(tmp_path / "no" / "log"))), "log"),
                (house.listening(first, f"{HOST}:{free_port()}", taken), "server.listen"),
            ):
                bad = replace(
                    config, server=replace(config.server, allow_from=refusing.server.allow_from)
                )
                before = descriptors()
                with pytest.raises(ConfigError, match=key):
                    await reload(house.daemon, bad)
                assert descriptors() == before
                assert (await ask(house.port, "www.example.com.")).rcode == Rcode.NOERROR
        assert house.daemon.config == house.config
        assert learnt.is_kept_by(house)


@trio_test_real
async def test_what_needs_a_restart_is_said_and_stays() -> None:
    async with served() as house:
        server = replace(house.config.server, user="nobody", workers=3, identity="me")
        done = await reload(house.daemon, replace(house.config, server=server))
        assert str(done) == (
            "reloaded: server.identity; needs a restart: server.user, server.workers"
        )
        assert house.daemon.config.server.workers == 1
        assert house.daemon.config.server.identity == "me"


@trio_test_real
async def test_metrics_come_and_go_and_totals_never_fall() -> None:
    async with served() as house:
        await warm(house)
        metrics = free_port()
        second = free_port()
        config = house.listening(f"{HOST}:{house.port}", f"{HOST}:{second}")
        await reload(house.daemon, replace(config, metrics=Metrics(listen=f"{HOST}:{metrics}")))
        await ask(second, "example.com.")

        async def page() -> str:
            stream = await trio.open_tcp_stream(HOST, metrics)
            async with stream:
                await stream.send_all(b"GET /metrics HTTP/1.1\r\n\r\n")
                return b"".join([chunk async for chunk in stream]).decode()

        assert "resolver_udp_queries_total 4\n" in await page()
        await reload(
            house.daemon, replace(house.config, metrics=Metrics(listen=f"{HOST}:{metrics}"))
        )
        assert "resolver_udp_queries_total 4\n" in await page()
        await reload(house.daemon, house.config)
        await trio.sleep(0.1)
        with pytest.raises(OSError, match="all attempts to connect"):
            await page()


@trio_test_real
async def test_every_problem_is_a_line() -> None:
    """An error that says what, where and what was expected; nothing else is looked at then."""
    text = io.StringIO()
    heard = logging.StreamHandler(text)
    heard.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    async with served() as house:
        problems = [ConfigError("x.toml: a", 1, "two"), ConfigError("x.toml: b", 2, "three")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(logging.getLogger("resolver"), "handlers", [heard])
            with pytest.raises(NotReloaded) as refused:
                await reread(house.daemon, Source(lambda: (Config(), problems)), tells=True)
            await reread(house.daemon, Source(lambda: (house.config, [])), tells=True)
        assert house.daemon.config == house.config
        assert refused.value.problems == problems
    failed = "ERROR SIGHUP: not reloaded, nothing has changed: x.toml:"
    assert text.getvalue().splitlines() == [
        f"{failed} a: 1 is not allowed; expected two",
        f"{failed} b: 2 is not allowed; expected three",
        "INFO SIGHUP: reloaded: nothing has changed",
    ]


@trio_test_real
async def test_a_look_ahead_tells_what_a_reload_would_do_and_does_nothing() -> None:
    async with served() as house:
        before = house.daemon.parts
        other = house.allowing("127.0.0.0/8", "192.0.2.1")
        other = replace(other, server=replace(other.server, workers=3))
        told = await preview(house.daemon, Source(lambda: (other, [])))
        assert told.would_be() == (
            "a reload would change: server.allow_from; at a restart only: server.workers"
        )
        same = await preview(house.daemon, Source(lambda: (house.config, [])))
        assert same.would_be() == "a reload would change: nothing"
        hints = replace(other, root=replace(other.root, hints_file="/nonexistent"))
        with pytest.raises(NotReloaded, match="hints_file"):
            await preview(house.daemon, Source(lambda: (hints, [])))
        assert house.daemon.parts is before


@trio_test_real
async def test_what_is_sent_to_servers_follows_the_configuration() -> None:
    """From the next packet on: here the size of replies that they are offered, and 0x20."""
    async with served() as house:
        await warm(house)
        sent: list[bytes] = []
        house.network.observers.append(lambda packet: sent.append(packet.data))
        outgoing = replace(
            house.config.outgoing, udp_payload_size=1400, query_case_randomization=False
        )
        await reload(house.daemon, replace(house.config, outgoing=outgoing))
        await ask(house.port, "fresh.example.com.")
        queries = [
            message for data in sent if not (message := parse_untrusted(data)).flags & Flag.QR
        ]
        assert queries
        for message in queries:
            assert message.edns is not None
            assert message.edns.udp_payload == 1400
            assert message.qname_raw == message.qname


@trio_test_real
async def test_nothing_of_configurations_of_before_stays() -> None:
    """A collector finds all of it; the last one may still be in somebody's hands."""
    async with served() as house:
        await warm(house)
        for number in range(10):
            await reload(house.daemon, house.allowing("127.0.0.0/8", f"192.0.2.{number}"))
            await trio.sleep(0.01)
        gc.collect()
        assert sum(type(thing) is Pipeline for thing in gc.get_objects()) <= 2


@trio_test_real
async def test_instances_are_asked_for_and_distances_judged_as_configured_from_now_on() -> None:
    async with served() as house:
        await warm(house)
        asks = house.daemon.parts.dispatcher.shared.compose
        learnt = Learnt(house)
        state = next(one for one in learnt.rtts.values() if one.edns is EdnsState.WORKS)
        asked = Question(names.from_text("www.example.com."), RRType.A)

        def asks_instance() -> bool:
            state.watch.nsid_in = 0
            now = trio.current_time()
            return asks(asked, state, is_forward=False, form=FULL, now=now).asks_instance

        assert asks_instance()
        outgoing = replace(house.config.outgoing, nsid=False)
        await reload(house.daemon, replace(house.config, outgoing=outgoing, geo=Geo(far_ms=7.0)))
        assert not asks_instance()
        assert distances(house.daemon.parts).link_ms == 7.0
        assert learnt.is_kept_by(house)
