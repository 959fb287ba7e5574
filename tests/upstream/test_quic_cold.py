"""The first question over QUIC: whatever the way and the server do to it, it is answered."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.lab.faults import Path
from resolver.limits import SESSION_MUTE_SECONDS, SESSION_SETTLED_SECONDS
from resolver.listen import quic_places
from resolver.listen.admission import Admission
from resolver.listen.quic import QuicService
from resolver.listen.quic_kit import DOQ, QuicKit
from resolver.listen.quic_places import QuicPlaces
from resolver.listen.quic_served import Served
from resolver.protocol.transport import Transport
from tests.listen.echo import Handler
from tests.listen.quic_client import identity, served_with
from tests.support import set_limit, trio_test
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.quic_servers import QuicScript, over_quic, strict
from tests.upstream.tls_servers import HOST, NAME, certificate
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from resolver.lab.virtual_network import VirtualNetwork


def good() -> QuicScript:
    return QuicScript(certificate(NAME))


@pytest.mark.parametrize("way_s", [0.0002, 0.01])
@pytest.mark.parametrize("pause_s", [0.05, 0.3, 0.9, 2.5])
@trio_test
async def test_a_server_that_pauses_after_the_handshake_is_waited_for(
    way_s: float, pause_s: float
) -> None:
    """Two probes of a connection this young are due within a few round trips. Where it takes as
    long as if it were gone, another connection is tried.
    """
    world, server, one = World(speculation=False), good(), over_quic()
    world.faults.set(HOST, Path(delay_s=way_s))
    server.pauses = {2: pause_s}  # the first look is at the hello, the next at the question
    async with running(world, strict(one), _192_0_2_1=server):
        assert (await ask(world, forward(one))).message.answer
        assert server.server.handshakes == (1 if pause_s < SESSION_MUTE_SECONDS else 2)
        assert world.dispatcher.counters.failed == 0


@trio_test
async def test_a_first_datagram_that_is_lost_is_sent_again() -> None:
    world, server, one = World(speculation=False), good(), over_quic()
    world.faults.set(HOST, Path(delay_s=0.01))
    now = trio.current_time()
    async with running(world, strict(one), _192_0_2_1=server):
        world.faults.during(HOST, Path(dead=True), start=now, end=now + 0.15)
        assert (await ask(world, forward(one))).message.answer
        assert world.dispatcher.counters.failed == 0


@pytest.mark.parametrize("rested_s", [0.2, SESSION_MUTE_SECONDS, 2 * SESSION_SETTLED_SECONDS])
@trio_test
async def test_a_session_opened_ahead_may_be_gone_when_it_is_wanted(rested_s: float) -> None:
    """Nothing was asked on it yet, and that is no reason to let the first question fail."""
    world, server, one = World(speculation=False), good(), over_quic()
    world.faults.set(HOST, Path(delay_s=0.01))
    async with running(world, strict(one), _192_0_2_1=server):
        world.dispatcher.encrypted.warm_up()
        await trio.sleep(rested_s)
        assert server.server.handshakes == 1
        server.server._by_cid.clear()
        server.server._peers.clear()
        assert (await ask(world, forward(one))).message.answer
        assert server.server.handshakes == 2
        assert world.dispatcher.counters.failed == 0


class Careful:
    """Our own listener, as a server to forward to."""

    def __init__(self) -> None:
        self.places = QuicPlaces()

    async def listen(self, network: VirtualNetwork, host: str, nursery: trio.Nursery) -> None:
        del nursery
        served = Served(Handler(), Admission(), host, Transport.QUIC)
        kit = QuicKit(partial(served_with, "doq"), served, DOQ)
        service = QuicService(network.bind_udp(host, 853), kit, host=host, places=self.places)
        await service.run()


@pytest.mark.rfc("RFC 9000 §8.1.2")
@trio_test
async def test_a_server_that_wants_its_clients_address_proven_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Retry: the hello goes out again, with the token."""
    set_limit(monkeypatch, quic_places, "QUIC_HALF_OPEN", 0)
    world, server, one = World(speculation=False), Careful(), over_quic()
    pin = base64.b64decode(identity().pin.removeprefix("sha256/"))
    async with running(world, strict(one, pins=frozenset({pin})), _192_0_2_1=server):
        assert (await ask(world, forward(one))).message.answer
        assert (server.places.retried, server.places.handshakes) == (1, 1)
        assert world.dispatcher.counters.failed == 0
