"""QUIC: what floods of strangers cost, and do not cost others."""

from __future__ import annotations

import os
from typing import Any

import pytest
import trio

from resolver.limits import REST_SECONDS, UDP_BATCH
from resolver.listen import quic, quic_peer
from resolver.listen.quic_peer import QuicPeer
from tests.listen.echo import question
from tests.listen.quic_client import CLIENT, HERE, asked, listening, sealed
from tests.support import set_limit, trio_test
from tests.turns import counted

QUESTION = question(id=0)


def of_another_version() -> bytes:
    """What a stranger is told about, and begins nothing with."""
    return b"\xc1\xfa\xfa\xfa\xfa\x08" + os.urandom(8) + bytes(1300)


@pytest.mark.reaches("QUIC_TOLD")
@trio_test
async def test_of_a_flood_few_are_told_and_the_rest_is_dropped_and_rested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others wait no longer for it than for a client, and half of the time is theirs."""
    set_limit(monkeypatch, quic, "QUIC_TOLD", 16)
    set_limit(monkeypatch, quic, "QUIC_TURN", 4)
    reply = quic.QuicService._reply
    batches = 10
    async with listening() as it:
        with counted() as turns:

            def noted(service: quic.QuicService, *told: Any) -> None:
                turns.note()
                reply(service, *told)

            monkeypatch.setattr(quic.QuicService, "_reply", noted)
            stranger = it.network.client(CLIENT)
            for _ in range(6):
                stranger.send_udp(HERE, of_another_version())
            await trio.sleep(0.1)
            assert (sum(turns.counts), max(turns.counts)) == (6, 4), "a handful is no flood"
            for _ in range(UDP_BATCH * batches):
                stranger.send_udp(HERE, of_another_version())
            await trio.sleep(REST_SECONDS * (batches - 1.5))
            assert it.service.datagrams == 6 + UDP_BATCH * (batches - 1)
            await trio.sleep(REST_SECONDS)
        assert (sum(turns.counts), max(turns.counts)) == (6 + 16 * batches, 4)
        assert it.service.versions == 6 + 16 * batches
        assert it.service.ignored == (UDP_BATCH - 16) * batches
        client = await it.connected("198.51.100.8")
        for _ in range(UDP_BATCH):
            stream = client.ask(asked(QUESTION))
        await client.run(0.5)
        assert stream in client.finished, "clients are no flood"


@pytest.mark.reaches("QUIC_HANDSHAKE_DATAGRAMS")
@trio_test
async def test_a_hello_that_comes_again_and_again_is_read_so_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is decrypted; RFC 9000 §9: addresses stay until the handshake is done."""
    set_limit(monkeypatch, quic_peer, "QUIC_HANDSHAKE_DATAGRAMS", 32)
    receive, read = QuicPeer.receive, 0

    def noted(peer: QuicPeer, *datagram: Any) -> None:
        nonlocal read
        read += 1
        receive(peer, *datagram)

    monkeypatch.setattr(QuicPeer, "receive", noted)
    async with listening() as it:
        client, other = it.client(), it.network.client("198.51.100.99")
        client.quic.connect(HERE, trio.current_time())
        hello = client.quic.datagrams_to_send(trio.current_time())[0][0]
        client.end.send_udp(HERE, hello)
        await trio.sleep(0.1)
        for _ in range(50):
            other.send_udp(HERE, hello)
        await trio.sleep(0.1)
        assert (read, it.service.ignored) == (1, 50)
        for _ in range(50):
            client.end.send_udp(HERE, hello)
        await trio.sleep(0.1)
        assert (read, it.service.ignored) == (32, 50 + 19)
    async with listening() as it:
        client = await it.connected()
        read = 0
        for _ in range(50):
            client.end.send_udp(HERE, sealed(client, b"\x01"))
            await trio.sleep(0.01)
        assert read == 50, "once it is open nothing is counted"
