"""log.level = "debug" tells what became of each query; any other level costs a query nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

import pytest

from resolver.daemon import notes
from resolver.protocol.codes import Rcode
from resolver.protocol.edns import Edns, ede_option
from resolver.protocol.names import from_text
from resolver.protocol.transport import Client, Transport
from resolver.protocol.wire import Record, build, build_query
from resolver.runtime.shortage import Shortage
from resolver.telemetry.events import Bus, Unanswered
from tests.making import question

if TYPE_CHECKING:
    from resolver.listen.listen_network import Front, Handler, Respond

WWW = from_text("www.example.")
QUERY = build_query(id=7, qname=b"\3wWw\7example\0", qtype=1)
CLIENT = Client("192.0.2.1", 5353, Transport.TCP)
SECURE = build(
    id=7,
    flags=0x8180 | 0x20,
    question=(WWW, 1, 1),
    answer=[Record(WWW, 1, 1, 60, b"\xc0\0\2\1")],
)
FAILED = build(
    id=7, flags=0x8182, question=(WWW, 1, 1), edns=Edns(options=(ede_option(22, "nobody\nhome"),))
)


class FakeFront:
    """Knows one reply."""

    def __init__(self) -> None:
        self.hits = 0
        self.begun = 0

    def begin(self) -> None:
        self.begun += 1

    def recall(self, data: bytes, source: bytes) -> bytes | None:
        del source
        return SECURE if data == QUERY else None


class FakeHandler:
    """Answers everything with *reply*, at once."""

    def __init__(self, reply: bytes | None) -> None:
        self.shortage = Shortage()
        self.fake_front = FakeFront()
        self._reply = reply

    def front(self, transport: Transport) -> Front:
        del transport
        return self.fake_front

    def start(self, data: bytes, client: Client, respond: Respond) -> None:
        del data, client
        respond(self._reply)


def _noted(reply: bytes | None = None) -> Handler:
    return notes.Notes(Bus()).around(cast("Handler", FakeHandler(reply)))


def test_at_other_levels_nothing_stands_in_between(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "resolver")
    handler, bus = cast("Handler", FakeHandler(None)), Bus()
    assert notes.Notes(bus).around(handler) is handler
    assert not bus


@pytest.mark.parametrize(
    ("query", "reply", "said"),
    [
        (QUERY, SECURE, "www.example. A: NOERROR, 1 records, secure; "),
        (QUERY, FAILED, r"www.example. A: SERVFAIL, 0 records, EDE 22 'nobody\nhome'; "),
        (QUERY, None, "www.example. A: no reply; "),
        (b"abc", None, "(unreadable): no reply; "),
    ],
)
def test_a_query_is_told_with_its_outcome(
    caplog: pytest.LogCaptureFixture, query: bytes, reply: bytes | None, said: str
) -> None:
    caplog.set_level(logging.DEBUG, "resolver")
    replies: list[bytes | None] = []
    _noted(reply).start(query, CLIENT, replies.append)
    assert replies == [reply]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"192.0.2.1 tcp {said}")
    assert line.endswith(" ms")
    assert "\n" not in line


def test_a_hit_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "resolver")
    front = _noted().front(Transport.UDP)
    front.begin()
    front.hits += 2
    assert front.hits == 2
    assert front.recall(QUERY, b"\xc0\0\2\x09") == SECURE
    assert front.recall(b"other", b"\xc0\0\2\x09") is None  # its line comes with its answer
    assert front.recall(QUERY, bytes(15) + b"\1") == SECURE
    assert [record.getMessage() for record in caplog.records] == [
        "192.0.2.9 udp www.example. A: NOERROR, 1 records, secure; packet cache",
        "::1 udp www.example. A: NOERROR, 1 records, secure; packet cache",
    ]


def test_steps_upstream_are_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "resolver")
    bus = Bus()
    notes.Notes(bus).around(cast("Handler", FakeHandler(None)))
    bus.emit(Unanswered(question("www.example. A"), from_text("example."), 0.5, ()))
    assert "www.example. A: no usable reply after 500 ms" in caplog.text


def test_a_level_that_changes_is_followed(caplog: pytest.LogCaptureFixture) -> None:
    """At a reload: steps are told once each, and not at all when nobody reads of them any more."""
    bus = Bus()
    kept = notes.Notes(bus)
    handler = cast("Handler", FakeHandler(None))
    caplog.set_level(logging.DEBUG, "resolver")
    assert kept.around(handler) is not handler
    assert kept.around(handler) is not handler
    assert len(bus.listeners) == 1
    caplog.set_level(logging.INFO, "resolver")
    assert kept.around(handler) is handler
    assert not bus


def test_rcodes_have_their_names() -> None:
    refused = build(id=7, flags=0x8180 | Rcode.REFUSED, question=(WWW, 1, 1))
    assert next(notes._in_words(refused)) == "REFUSED"
