"""What is asked of the network, of how many, how often, and for how long at most."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

import pytest
import trio
import trio.testing

from resolver.cli.compare import Asker, Reply
from resolver.cli.doctor import web
from resolver.cli.doctor.evidence import ANSWERED, TIMEOUT, Kind
from resolver.cli.doctor.probes import Prober, forwards_of
from resolver.config.schema import Config, Forward
from resolver.protocol.codes import RRType
from resolver.protocol.message import Message, Question
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.model import Server
    from resolver.upstream.network import Network


class Silent:
    """A network from which nothing comes back; *late_s*: but the root's SOA, after so long."""

    def __init__(self, late_s: float | None = None) -> None:
        self.asked: Counter[tuple[str, int]] = Counter()
        self._late_s = late_s

    async def fetch(
        self, server: Server, question: Question, *, patience_s: float, **_: object
    ) -> Reply:
        self.asked[server.host, question.qtype] += 1
        if question.qtype == RRType.SOA and self._late_s is not None:
            await trio.sleep(self._late_s)
            return Reply("NOERROR", Message.asking(question, 0x8400), self._late_s)
        await trio.sleep(patience_s)
        return Reply(TIMEOUT)

    async def connect_tcp(self, _: Server) -> trio.abc.HalfCloseableStream:
        await trio.sleep_forever()
        raise AssertionError


def prober(network: Silent, config: Config | None = None) -> Prober:
    return Prober(cast("Asker", network), cast("Network", network), config or Config())


@pytest.mark.reaches("DOCTOR_SERVERS", "DOCTOR_TRIES", "DOCTOR_REPLY_SECONDS")
@trio_test
async def test_silence_is_waited_for_a_little_and_few_are_asked() -> None:
    network, began = Silent(), trio.current_time()
    found = await prober(network).run()
    assert trio.current_time() - began == pytest.approx(2 * 1.5)
    asked = {host: count for (host, rtype), count in network.asked.items() if rtype == RRType.SOA}
    assert set(asked.values()) == {2}
    assert sum(":" in host for host in asked) == 4 + 1  # and the address where nobody is
    assert sum(":" not in host for host in asked) == 4 + 1
    assert {each.outcome for each in found.probes} == {TIMEOUT}
    assert not found.is_cut_short


@pytest.mark.reaches("DOCTOR_SECONDS")
@trio_test
async def test_a_network_that_is_slow_in_everything_does_not_hold_up_the_page() -> None:
    network, began = Silent(late_s=1.4), trio.current_time()
    found = await prober(network).run()
    assert trio.current_time() - began == pytest.approx(10.0)
    assert found.is_cut_short
    assert {each.outcome for each in found.of(Kind.SOA)} == {ANSWERED}


@pytest.mark.reaches("DOCTOR_FORWARDERS")
def test_forwarders_are_asked_up_to_a_number() -> None:
    many = tuple(f"192.0.2.{number}" for number in range(1, 60))
    assert len(forwards_of(Config(forward=(Forward(zone=".", addresses=many),)))) == 32


@pytest.mark.reaches("DOCTOR_PAGE_OCTETS")
@trio_test
async def test_a_page_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = trio.testing.memory_stream_pair()

    async def connected(*_: object) -> object:
        return ours

    monkeypatch.setattr("trio.open_tcp_stream", connected)
    await theirs.send_all(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100_000))
    assert len(await web._page("192.0.2.1", "x.example", "/")) == 4_096
    assert (await theirs.receive_some(100)).startswith(b"GET / HTTP/1.0\r\nHost: x.example\r\n")
