"""log.level = "debug" tells what became of each query; any other level costs a query nothing."""

from __future__ import annotations

import logging

import pytest

from resolver.daemon import notes
from resolver.errors import Ede
from resolver.model import Answer, Query
from resolver.protocol.codes import Rcode
from resolver.protocol.names import from_text
from resolver.protocol.transport import Client, Transport
from resolver.protocol.wire import Record, build, build_query, parse_untrusted
from resolver.telemetry import answered
from resolver.telemetry.events import Answered, Bus, Recalled, Unanswered
from tests.making import question

WWW = from_text("www.example.")
QUERY = build_query(id=7, qname=b"\3wWw\7example\0", qtype=1)
CLIENT = Client("192.0.2.1", 5353, Transport.TCP)
SECURE = build(
    id=7,
    flags=0x8180 | 0x20,
    question=(WWW, 1, 1),
    answer=[Record(WWW, 1, 1, 60, b"\xc0\0\2\1")],
)
FAILED = build(id=7, flags=0x8182, question=(WWW, 1, 1))


def told(reply: bytes, *, ede: tuple[Ede, ...] = ()) -> Answered:
    query = Query(parse_untrusted(QUERY), QUERY, CLIENT)
    answer = Answer(query.question, parse_untrusted(reply).rcode, ede=ede)
    return answered.of_answer(query, answer, reply, 0.0123, None)


def test_at_other_levels_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "resolver")
    bus = Bus()
    notes.Notes(bus).follow()
    assert not bus


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (told(SECURE), "www.example. A: NOERROR, 1 records, secure; 12.3 ms"),
        (
            told(FAILED, ede=(Ede(22, "nobody\nhome"),)),
            r"www.example. A: SERVFAIL, 0 records, EDE 22 'nobody\nhome'; 12.3 ms",
        ),
        (answered.of_octets(QUERY, None, CLIENT), "www.example. A: no reply; 0.0 ms"),
        (answered.of_octets(b"abc", None, CLIENT), "(unreadable): no reply; 0.0 ms"),
    ],
)
def test_a_query_is_told_with_its_outcome(
    caplog: pytest.LogCaptureFixture, event: Answered, said: str
) -> None:
    caplog.set_level(logging.DEBUG, "resolver")
    bus = Bus()
    notes.Notes(bus).follow()
    bus.emit(event)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == f"192.0.2.1 tcp {said}"
    assert "\n" not in line


@pytest.mark.parametrize(
    ("source", "host"), [(b"\xc0\0\2\x09", "192.0.2.9"), (bytes(15) + b"\1", "::1")]
)
def test_a_hit_is_told_too(caplog: pytest.LogCaptureFixture, source: bytes, host: str) -> None:
    caplog.set_level(logging.DEBUG, "resolver")
    bus = Bus()
    notes.Notes(bus).follow()
    bus.emit(Recalled(QUERY, SECURE, source, Transport.UDP, "", "default"))
    line = f"{host} udp www.example. A: NOERROR, 1 records, secure; packet cache"
    assert [record.getMessage() for record in caplog.records] == [line]


def test_steps_upstream_are_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "resolver")
    bus = Bus()
    notes.Notes(bus).follow()
    bus.emit(Unanswered(question("www.example. A"), from_text("example."), 0.5, ()))
    assert "www.example. A: no usable reply after 500 ms" in caplog.text


def test_rcodes_have_their_names() -> None:
    refused = build(id=7, flags=0x8180 | Rcode.REFUSED, question=(WWW, 1, 1))
    assert next(notes._in_words(told(refused), refused)) == "REFUSED"


def test_the_level_of_the_log_may_change(caplog: pytest.LogCaptureFixture) -> None:
    """By a reload: notes begin, are taken once, and end."""
    bus = Bus()
    kept = notes.Notes(bus)
    for level, heard in (("INFO", 0), ("DEBUG", 1), ("DEBUG", 1), ("INFO", 0)):
        caplog.set_level(level, "resolver")
        kept.follow()
        assert len(bus.heard.get(Answered, ())) == heard
