"""What is heard becomes dnstap messages, of clients and of servers, so many octets at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dnstap_pb
import pytest

from resolver.daemon.tap import Tap
from resolver.lab.authority import Manners
from resolver.lab.faults import Path
from resolver.limits import DNSTAP_AT_ONCE, DNSTAP_WAITING_OCTETS
from resolver.model import Server, Source
from resolver.protocol.transport import Client, Transport
from resolver.telemetry.dnstap import Encoder
from resolver.telemetry.events import Answered, Recalled
from resolver.upstream.server_events import Crossed
from tests.asking import CLIENT, SOURCE, octets, replied
from tests.making import question
from tests.operate.operated import distant
from tests.recurse.household import house, slow_village, village
from tests.support import trio_test
from tests.telemetry.test_dnstap import frames

if TYPE_CHECKING:
    from tests.recurse.household import House

WWW = question("www.example.net. A")
NOW = 1_785_000_000_000_000_000


class Ear:
    """A tap on *home*'s bus, or on none."""

    def __init__(self, home: House | None = None) -> None:
        self.woken = 0
        self.tap = Tap(lambda: NOW, self._wake)
        self.tap.encoder = Encoder("", "")
        if home is not None:
            bus = home.parts.bus
            bus.subscribe(self.tap.hear, Answered)
            bus.subscribe(self.tap.hear_hit, Recalled)
            bus.subscribe(self.tap.hear_crossing, Crossed)

    def _wake(self) -> None:
        self.woken += 1

    def heard(self) -> list[Any]:
        found, count = self.tap.take()
        messages = [each.message for each in frames(found)]
        assert len(messages) == count
        return messages


def kinds(messages: list[Any]) -> list[str]:
    return [dnstap_pb.Message.Type.Name(message.type) for message in messages]


@trio_test
async def test_a_query_is_told_with_all_that_was_asked_for_it() -> None:
    """In the order of what happened, but for the client's two, which come at its end."""
    async with house(village()) as home:
        ear = Ear(home)
        reply = await replied(home, octets(WWW))
        heard = ear.heard()
    assert kinds(heard) == [
        *["RESOLVER_QUERY", "RESOLVER_RESPONSE"] * 3, "CLIENT_QUERY", "CLIENT_RESPONSE",
    ]  # fmt: skip
    assert [message.query_zone for message in heard[::2]] == [
        b"\0", b"\3net\0", b"\7example\3net\0", b"",
    ]  # fmt: skip
    assert (heard[-2].query_message, heard[-1].response_message) == (octets(WWW), reply)
    assert heard[-1].query_address == b"\x7f\0\0\0"
    asked, answered = heard[4:6]
    assert asked.response_address == answered.response_address == bytes([192, 0, 2, 20])
    assert asked.query_message[:2] == answered.response_message[:2]
    assert answered.response_port == 53


@trio_test
async def test_a_hit_is_two_messages_and_a_slow_answer_has_its_time() -> None:
    async with house(slow_village()) as home:
        asked = octets(WWW)
        ear = Ear(home)
        await replied(home, asked)
        client = ear.heard()[-1]
        assert client.response_time_sec - client.query_time_sec == 2
        assert home.pipeline.fast_path(Transport.UDP, "127.0.0.1").begin()(asked, SOURCE)
        assert kinds(ear.heard()) == ["CLIENT_QUERY", "CLIENT_RESPONSE"]


@trio_test
async def test_a_query_without_a_reply_has_no_response() -> None:
    async with house(village()) as home:
        ear = Ear(home)
        home.pipeline.start(b"no query", CLIENT, lambda _: None)
        assert kinds(ear.heard()) == ["CLIENT_QUERY"]


@trio_test
async def test_what_never_comes_is_a_query_alone() -> None:
    world = village()
    for host in ("192.0.2.20", "192.0.2.21"):
        world.faults.set(host, Path(dead=True))
    async with house(world) as home:
        ear = Ear(home)
        await replied(home, octets(WWW))
        heard = ear.heard()
    sent, came = (kinds(heard).count(f"RESOLVER_{kind}") for kind in ("QUERY", "RESPONSE"))
    counters = home.parts.dispatcher.counters
    assert (sent, came) == (counters.sent_udp + counters.sent_tcp, 2)


@trio_test
async def test_nobody_listening_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: object, **__: object) -> None:
        raise AssertionError("an event that nobody wants")

    monkeypatch.setattr("resolver.upstream.taps.Crossed", made)
    async with house(village()) as home:
        await replied(home, octets(WWW))
        assert home.parts.dispatcher.taps.listeners == []


def test_a_forwarder_is_told_from_a_server_by_what_it_is_asked() -> None:
    ear = Ear()
    server = Server("2001:db8::53%eth0", 853, transport=Transport.TLS)
    recursive = octets(WWW)
    ear.tap.hear_crossing(Crossed(server, Transport.TLS, b"", recursive))
    ear.tap.hear_crossing(Crossed(server, Transport.TLS, b"", recursive, b"reply", 0.5))
    heard = ear.heard()
    assert kinds(heard) == ["FORWARDER_QUERY", "FORWARDER_RESPONSE"]
    assert heard[0].socket_protocol == dnstap_pb.DOT
    assert heard[1].response_time_sec - heard[1].query_time_sec == 1
    assert heard[1].query_time_nsec == 500_000_000


def test_the_zone_of_one_question_is_not_the_next_ones() -> None:
    ear = Ear()
    for zone in (b"\3net\0", b""):
        ear.tap.hear_crossing(
            Crossed(Server("192.0.2.1"), Transport.UDP, zone, octets(WWW, flags=0))
        )
    assert [message.query_zone for message in ear.heard()] == [b"\3net\0", b""]


def instances_told(ear: Ear) -> list[tuple[str, bytes]]:
    """Of each response of a server its last octet and what else is said of it."""
    found = frames(ear.tap.take()[0])
    others = [one for one in found if one.message.type != dnstap_pb.Message.RESOLVER_RESPONSE]
    assert not any(one.HasField("extra") for one in others)
    return [
        (str(one.message.response_address[3]), one.extra)
        for one in found
        if one.message.type == dnstap_pb.Message.RESOLVER_RESPONSE
    ]


@pytest.mark.parametrize("is_cut_short", [False, True])
@pytest.mark.parametrize(
    ("says", "told"), [(b"ns1-fra", b"ns1-fra"), (b"\x1b]0;x\x07", b"0x1b5d303b7807")]
)
@trio_test
async def test_a_servers_response_says_which_instance_it_is_of(
    says: bytes, told: bytes, *, is_cut_short: bool
) -> None:
    """By its own word, later by the last one, over TCP too; nothing that a terminal would obey."""
    world = distant(village())
    for host in ("192.0.2.20", "192.0.2.21"):
        world.servers[host].instance = says
        world.servers[host].manners = Manners(truncates=is_cut_short)
    async with house(world) as home:
        ear = Ear(home)
        for number in range(4):
            await replied(home, octets(question(f"n{number}.example.net. A")))
        said = instances_told(ear)
        assert (home.parts.dispatcher.counters.sent_tcp > 0) is is_cut_short
    assert {extra for host, extra in said if host == "10"} == {b""}
    theirs = [extra for host, extra in said if host in ("20", "21")]
    assert theirs.count(told) > 2
    assert set(theirs) <= {b"", told}


@pytest.mark.reaches("DNSTAP_WAITING_OCTETS")
def test_messages_wait_as_far_as_there_is_room_and_are_counted_beyond() -> None:
    ear = Ear()
    reply = bytes(60_000)
    hit = Recalled(octets(WWW), reply, SOURCE, Transport.TCP, "", "default")
    for _ in range(DNSTAP_WAITING_OCTETS // len(reply) + 1):
        ear.tap.hear_hit(hit)
    assert ear.tap.dropped == 0
    ear.tap.hear_hit(hit)
    client = Client("192.0.2.1", 53, Transport.UDP)
    ear.tap.hear(Answered(client, "default", WWW, 0, Source.NETWORK, 0.0, query=b"q", reply=b"r"))
    assert (ear.tap.dropped, ear.woken) == (4, 1)
    found, _ = ear.tap.take()
    assert len(found) < DNSTAP_WAITING_OCTETS + 2 * len(reply)
    ear.tap.hear_hit(hit)
    assert ear.woken == 2


@pytest.mark.reaches("DNSTAP_AT_ONCE")
def test_hits_are_encoded_some_dozens_at_once_and_keep_their_place() -> None:
    ear = Ear()
    hit = Recalled(octets(WWW), octets(WWW), SOURCE, Transport.UDP, "", "default")
    for _ in range(DNSTAP_AT_ONCE - 1):
        ear.tap.hear_hit(hit)
    assert ear.tap._frames == []
    ear.tap.hear_hit(hit)
    assert len(ear.tap._frames) == DNSTAP_AT_ONCE
    ear.tap.take()
    ear.tap.hear_hit(hit)
    server = Server("192.0.2.53", 53, transport=Transport.UDP)
    ear.tap.hear_crossing(Crossed(server, Transport.UDP, b"", octets(WWW)))
    assert kinds(ear.heard())[:2] == ["CLIENT_QUERY", "CLIENT_RESPONSE"]
