"""What servers hold back does not leave us at once, with expired data as without."""

from __future__ import annotations

import tempfile

import msgspec
import pytest
import trio

from resolver.config.schema import Config, Outgoing, Root, Server
from resolver.config.schema_resolution import Resolution
from resolver.daemon import run
from resolver.lab.faults import Path
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.limits import PULSE_REPLIES, PULSE_SECONDS
from resolver.protocol.codes import Flag, Rcode
from resolver.protocol.wire import build_query, parse_untrusted
from tests.making import name
from tests.recurse.household import WALL, village
from tests.support import trio_test

LISTEN, VICTIM = ("192.0.2.153", 53), "198.51.100.7"
NAMES, TTL_S = 40, 60
WAY_S = {True: 1.5, False: 0.4}  # there, and back; clients are told what is over after 1.8


def query(number: int) -> bytes:
    qname = name(f"w{number}.example.net")
    return build_query(id=number, qname=qname, qtype=1, qclass=1, flags=Flag.RD)


@pytest.mark.parametrize("stale", [True, False])
@trio_test
async def test_few_of_many_late_replies_leave_at_once(stale: bool) -> None:  # noqa: FBT001
    world = village()
    zone = world.zones[name("example.net")]
    for number in range(NAMES):
        zone.add_address(f"w{number}", "192.0.2.80", ttl=TTL_S)
    config = Config(
        server=Server(listen=(f"{LISTEN[0]}:53",), allow_from=("0.0.0.0/0",), user=""),
        outgoing=Outgoing(speculation=False),
        root=Root(prime=False),
        resolution=Resolution(serve_stale=stale, prefetch=False),
    )
    network = world.network(seed="bomb")
    left: list[tuple[float, bytes]] = []

    def see(packet: object) -> None:
        if packet.source == LISTEN:  # type: ignore[attr-defined]
            left.append((packet.at, packet.data))  # type: ignore[attr-defined]

    with tempfile.TemporaryDirectory() as directory:
        config = msgspec.structs.replace(world.configure(config, directory), server=config.server)
        async with run.running(
            config,
            network=network,
            listen_network=network,
            clock=VirtualClock(wall=WALL),
            rng=seeded("bomb"),
            persists=False,
        ) as daemon:
            client = network.client(VICTIM)
            for number in range(NAMES):
                assert await client.ask_udp(LISTEN, query(number), timeout_s=5) is not None
            await trio.sleep(2 * TTL_S)
            for host in ("192.0.2.20", "192.0.2.21"):
                network.faults.set(host, Path(delay_s=WAY_S[stale]))
            network.observers.append(see)
            for number in range(NAMES):
                client.send_udp(LISTEN, query(number))
            await trio.sleep(20)
            dropped = daemon.admission.pulses.dropped
    assert all(parse_untrusted(data).rcode == Rcode.NOERROR for _, data in left)
    times = [at for at, _ in left]
    most = max(sum(begun <= at < begun + PULSE_SECONDS for at in times) for begun in times)
    assert most <= PULSE_REPLIES
    assert len(left) + dropped == NAMES
    assert dropped > 0
