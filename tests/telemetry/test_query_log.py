"""What is heard becomes lines, so many at most; a hit's is that of the long way."""

from __future__ import annotations

import pytest

from resolver.limits import QUERY_LOG_AT_ONCE, QUERY_LOG_NAMES, QUERY_LOG_WAITING
from resolver.model import Source
from resolver.protocol.codes import Rcode
from resolver.protocol.edns import Edns, ede_option
from resolver.protocol.transport import Client, Transport
from resolver.protocol.wire import build, build_query
from resolver.telemetry import answered
from resolver.telemetry.client_forms import DAY_KEY_OCTETS, ClientForms, DayKey
from resolver.telemetry.events import Answered, Recalled
from resolver.telemetry.query_lines import Line, Mark, line_untrusted
from resolver.telemetry.query_log import QueryLog
from tests.asking import octets
from tests.making import question

WWW = question("www.example.net. A")
SOURCE = bytes((198, 51, 100, 77))
WALL_NS = 1_785_000_000_250_000_000


class Ear:
    """A log, and how often it asked to be written."""

    def __init__(self, clients: str = "no") -> None:
        self.now_ns = WALL_NS
        self.woken = 0
        self.forms = ClientForms(DayKey(bytearray(DAY_KEY_OCTETS), bytes))
        self.log = QueryLog(self.forms, lambda: self.now_ns, self._wake)
        self.log.go_by(clients)

    def _wake(self) -> None:
        self.woken += 1

    def lines(self) -> list[Line | Mark]:
        parts, count = self.log.take()
        found = [line_untrusted(line) for line in b"".join(parts).splitlines()]
        assert len(found) == count
        return found


def hit(
    text: str = "www.example.net. A", *, rcode: int = Rcode.NOERROR, edns: Edns | None = None,
    name: bytes = b"",
) -> Recalled:  # fmt: skip
    asked = question(text)
    query = build_query(id=7, qname=name or asked.qname, qtype=asked.qtype, edns=edns)
    reply = build(id=7, flags=0x8180 | rcode, question=asked, edns=edns)
    return Recalled(query, reply, SOURCE, Transport.TCP, "127.0.0.1", "guests")


EDE = Edns(options=(ede_option(3, "stale"), ede_option(29)))


@pytest.mark.parametrize("clients", ["no", "prefix", "hash", "full"])
@pytest.mark.parametrize(
    "event",
    [
        hit(),
        hit(rcode=Rcode.NXDOMAIN),
        hit("example.net. MX"),
        hit(". NS"),
        hit("strange.example.net. TYPE4711"),
        hit(edns=Edns()),
        hit(edns=EDE),
        hit(name=b"\3wWw\7exAmple\3net\0"),
    ],
    ids=["plain", "denied", "MX", "root", "strange", "EDNS", "EDE", "mixed case"],
)
def test_a_hit_makes_the_line_of_the_long_way(event: Recalled, clients: str) -> None:
    ear = Ear(clients)
    ear.log.hear_hit(event)
    ear.log.hear_hit(event)  # from what the first one left
    ear.log.hear(answered.of_hit(event))
    first, second, long = ear.lines()
    assert isinstance(first, Line)
    assert (first, second) == (long, long)
    assert bool(first.client) is (clients != "no")


def test_a_name_of_strange_octets_is_told_in_presentation_form() -> None:
    ear = Ear()
    ear.log.hear_hit(hit(name=b'\5a".\\\n\7example\3net\0'))
    (line,) = ear.lines()
    assert isinstance(line, Line)
    assert line.name == 'a\\"\\.\\\\\\010.example.net.'


def test_another_outcome_for_the_same_octets_is_told() -> None:
    """What was made ready for a query is not believed when its reply is another."""
    ear = Ear()
    asked = octets(WWW, edns=Edns())
    for rcode, edns in ((0, Edns()), (3, Edns()), (0, EDE), (0, Edns())):
        reply = build(id=7, flags=0x8180 | rcode, question=WWW, edns=edns)
        ear.log.hear_hit(Recalled(asked, reply, SOURCE, Transport.UDP, "", "default"))
    said = [(line.rcode, line.ede) for line in ear.lines() if isinstance(line, Line)]
    assert said == [("NOERROR", ()), ("NXDOMAIN", ()), ("NOERROR", (3, 29)), ("NOERROR", ())]


def test_the_time_is_that_of_each() -> None:
    ear = Ear()
    for step in (0, 400_000, 1_000_000, 1_000_000_000):
        ear.now_ns = WALL_NS + step
        ear.log.hear_hit(hit())
    assert [line.t[17:] for line in ear.lines()] == ["00.250Z", "00.250Z", "00.251Z", "01.250Z"]


def test_with_the_day_the_hash_of_a_client_changes() -> None:
    draws = iter((b"1" * 16, b"2" * 16))
    ear = Ear()
    ear.log = QueryLog(
        ClientForms(DayKey(bytearray(DAY_KEY_OCTETS), lambda _: next(draws))),
        lambda: ear.now_ns,
        lambda: None,
    )
    ear.log.go_by("hash")
    ear.log.hear_hit(hit())
    ear.now_ns += 86_400 * 10**9
    ear.log.hear_hit(hit())
    ear.log.hear(answered.of_hit(hit()))
    first, *later = (line.client for line in ear.lines() if isinstance(line, Line))
    assert later[0] == later[1] != first


def test_only_failures_where_only_they_are_wanted() -> None:
    ear = Ear()
    for rcode in (Rcode.NOERROR, Rcode.SERVFAIL, Rcode.NXDOMAIN):
        client = Client("192.0.2.1", 53, Transport.UDP)
        ear.log.hear_failure(Answered(client, "default", WWW, rcode, Source.NETWORK, 0.0))
    (line,) = ear.lines()
    assert isinstance(line, Line)
    assert line.rcode == "SERVFAIL"


def test_what_the_daemon_asks_of_itself_is_no_query() -> None:
    """It asks each second whether its listeners answer, while somebody asks for health."""
    ear, client = Ear(), Client("192.0.2.1", 53, Transport.UDP)
    own = question("daemon.resolver. TXT")
    ear.log.hear(Answered(client, "default", own, Rcode.REFUSED, Source.REFUSED, 0.0))
    assert ear.lines() == []


@pytest.mark.reaches("QUERY_LOG_WAITING")
def test_lines_wait_as_far_as_there_is_room_and_are_counted_beyond() -> None:
    ear = Ear()
    for _ in range(QUERY_LOG_WAITING + 5):
        ear.log.hear_hit(hit())
    ear.log.hear(answered.of_hit(hit()))
    ear.log.mark(Mark(t="", event="stop"))
    assert ear.log.dropped == 7
    assert ear.woken == 1
    assert len(ear.lines()) == QUERY_LOG_WAITING
    ear.log.hear_hit(hit())
    assert (len(ear.lines()), ear.woken) == (1, 2)


@pytest.mark.reaches("QUERY_LOG_AT_ONCE")
def test_hits_become_lines_some_dozens_at_once_and_keep_their_place() -> None:
    ear = Ear()
    for number in range(QUERY_LOG_AT_ONCE + 1):
        assert not ear.log._lines
        ear.log.hear_hit(hit(f"n{number}.example.net. A"))
        if number == QUERY_LOG_AT_ONCE - 1:
            (part,) = ear.log._lines
            assert part.count(b"\n") == QUERY_LOG_AT_ONCE
            ear.log._lines.clear()
            ear.log._waiting = 0
    ear.log.hear(answered.of_hit(hit()))
    names = [line.name for line in ear.lines() if isinstance(line, Line)]
    assert names == [f"n{QUERY_LOG_AT_ONCE}.example.net.", "www.example.net."]


def test_what_was_noted_before_a_change_is_told_as_it_was_to_be_then() -> None:
    ear = Ear("full")
    ear.log.hear_hit(hit())
    ear.log.go_by("no", "off")
    (line,) = ear.lines()
    assert isinstance(line, Line)
    assert line.client == "198.51.100.77"


@pytest.mark.reaches("QUERY_LOG_NAMES")
def test_what_is_at_hand_is_bounded() -> None:
    ear = Ear("full")
    for number in range(QUERY_LOG_NAMES):
        name = b"\4" + number.to_bytes(4, "big").replace(b"\0", b"z") + b"\0"
        asked = build_query(id=7, qname=name, qtype=1)
        reply = build(id=7, flags=0x8180, question=(name, 1, 1))
        source = number.to_bytes(4, "big")
        ear.log._middles[asked[2:]] = 0x80, b""
        ear.log.hear_hit(Recalled(asked, reply, source, Transport.UDP, "", "default"))
        ear.log.take()
    assert len(ear.log._ends) == QUERY_LOG_NAMES
    for number in range(2 * QUERY_LOG_NAMES):
        ear.log.hear_hit(hit(f"n{number}.example.net. A"))
        ear.log.take()
        assert len(ear.log._middles) <= QUERY_LOG_NAMES + 1
    ear.log.hear_hit(hit()._replace(source=bytes(4)))
    assert len(ear.log._ends) <= QUERY_LOG_NAMES
