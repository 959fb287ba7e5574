"""What a daemon does with clients over QUIC on a real port that move, crowd, or come too early."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import dns.rcode
import pytest
from aioquic.quic.packet import QuicPacketType

from resolver.limits import QUIC_UNPROVEN_PER_CLIENT
from tests.e2e.lab_daemon import serving
from tests.e2e.quic_live import LiveClient
from tests.e2e.test_dot import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.lab_daemon import Served

MOVES = 8


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("quic")) as it:
        yield it


@pytest.mark.rfc("RFC 9000 §8.1.2")
def test_beside_half_open_connections_a_client_proves_its_address(daemon: Served) -> None:
    """Whoever comes after many that go no further gets a Retry, comes again, and is answered."""
    with ExitStack() as crowd:
        for _ in range(3 * QUIC_UNPROVEN_PER_CLIENT):
            half = LiveClient(daemon.port)
            crowd.callback(half.leave)
            half.begin()
        with LiveClient(daemon.port) as client:
            client.connect()
            assert client.kinds[0] is QuicPacketType.RETRY
            assert ADDRESS in str(client.answer(client.ask("www.example.com")).answer)
        assert daemon.counted()["quic_retried_total"] >= 2 * QUIC_UNPROVEN_PER_CLIENT


@pytest.mark.rfc("RFC 9000 §9")
def test_a_client_that_moves_while_it_asks_is_answered_where_it_is(daemon: Served) -> None:
    """To other ports, as behind a NAT that forgets, and to other addresses."""
    with LiveClient(daemon.port) as client:
        client.connect()
        for number in range(MOVES):
            stream = client.ask(f"moved{number}.example.com")
            client.flush()
            client.move(f"127.0.0.{number // 2 + 1}", knows=bool(number % 2))
            assert client.answer(stream).rcode() == dns.rcode.NXDOMAIN
            assert ADDRESS in str(client.answer(client.ask("www.example.com")).answer)
    assert daemon.counted()["quic_faults_total"] == 0


@pytest.mark.rfc("RFC 9000 §9")
@pytest.mark.parametrize("knows", [True, False])
def test_one_of_several_workers_keeps_a_client_that_moves(
    tmp_path: Path,
    knows: bool,  # noqa: FBT001
) -> None:
    """The kernel would deal its packets out by address and port, to workers that know it not."""
    with serving(tmp_path, workers=3, lab=False) as it:
        for _ in range(2):
            with LiveClient(it.port) as client:
                client.connect()
                for _ in range(MOVES):
                    client.move(knows=knows)
                    answer = client.answer(client.ask("localhost"))
                    assert "127.0.0.1" in str(answer.answer)
