"""HTTP/2 past h2, for who asks: what comes whole costs little, and all else is h2's as it was."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamReset, WindowUpdated
from h2.settings import SettingCodes, Settings
from hpack import Encoder

from resolver import limits
from resolver.limits import SESSION_HELD_OCTETS, SESSION_KNOWN_BLOCKS
from resolver.protocol import names, wire
from resolver.protocol.codes import Flag, RRType
from resolver.protocol.edns import Edns
from resolver.runtime.http2_frame import DATA, END_HEADERS, END_STREAM, HEADERS, WRITE_HEAD
from resolver.upstream.http2_quick import Connection
from resolver.upstream.https_session import HttpsSession
from resolver.upstream.https_words import Place
from resolver.upstream.session import SessionPort
from tests.support import trio_test
from tests.upstream.virtual_servers import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from resolver.upstream.session import SessionFailed

CONTINUATION = 9
OK = [(b":status", b"200"), (b"content-type", b"application/dns-message")]
PLACE = Place("dns.example.net", "/dns-query")


class Desk:
    """Host, owner and stream of a session at once: what was heard, what was sent."""

    transport = None

    def __init__(self) -> None:
        self.heard_of: list[bytes] = []
        self.failures: list[str] = []
        self.sent = b""

    def heard(self, _: object, __: object, reply: bytes) -> None:
        self.heard_of.append(reply)

    def failed(self, _: object, __: object, failed: SessionFailed) -> None:
        self.failures.append(failed.reason)

    def returned(self, *_: object) -> None:
        self.failures.append("returned")

    def idle_s(self, *_: object) -> float:
        return 10.0

    def put(self, _: object) -> None: ...
    def drop(self, _: object) -> None: ...

    def send_now(self, data: bytes) -> int:
        self.sent += data
        return 0


class Talk:
    """A session, and h2 at the other end."""

    def __init__(self, nursery: trio.Nursery, place: Place = PLACE) -> None:
        self.desk = Desk()
        self.session = HttpsSession(self.desk, self.desk, place=place, nursery=nursery)  # type: ignore[arg-type]
        self.http = self.session._http
        self.server = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        most = {SettingCodes.MAX_CONCURRENT_STREAMS: 10_000}  # it is told of no response here
        self.server.local_settings = Settings(client=False, initial_values=most)
        self.server.initiate_connection()
        self.encoder = Encoder()
        self.asked: dict[int, bytes] = {}
        self.requests: list[dict[bytes, bytes]] = []
        self.resets: list[int] = []
        self.updates = 0
        self.count = 0
        self.take(self.server.data_to_send())
        self.deliver()
        self.updates = 0

    def ask(self) -> SessionPort:
        """A question reaches the server."""
        self.count += 1
        port = SessionPort(self.desk)
        name = names.from_text(f"n{self.count}.example.com")
        port.query = wire.build(
            id=self.count, flags=Flag.RD, question=(name, RRType.A, 1), answer=[], authority=[],
            additional=[], edns=Edns(), max_size=1232,
        )  # fmt: skip
        port.session = self.session
        self.session.send(port)
        self.deliver()
        return port

    def deliver(self) -> None:
        data, self.desk.sent = self.desk.sent, b""
        for event in self.server.receive_data(data):
            if isinstance(event, RequestReceived):
                self.requests.append(dict(event.headers))
            elif isinstance(event, DataReceived):
                self.asked[event.stream_id] = self.asked.get(event.stream_id, b"") + event.data
                self.server.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, WindowUpdated):
                self.updates += event.stream_id == 0
            elif isinstance(event, StreamReset):
                self.resets.append(event.stream_id)

    def reply(self) -> tuple[int, bytes]:
        """The stream of the last question, and what answers it."""
        number = max(self.asked)
        return number, answer(wire.parse_untrusted(self.asked[number]))

    def header(self, fields: Iterable[tuple[bytes, bytes]], flags: int = END_HEADERS) -> bytes:
        """A frame with *fields* for the last question's stream."""
        return frame(HEADERS, flags, max(self.asked), self.encoder.encode(list(fields)))

    def take(self, data: bytes) -> bool:
        return self.session._take_untrusted(data)

    @property
    def streams(self) -> int:
        """Those that became h2's."""
        return len(self.http.streams)


def frame(kind: int, flags: int, number: int, payload: bytes) -> bytes:
    size = len(payload)
    return WRITE_HEAD(size >> 16, size & 0xFFFF, kind, flags, number) + payload


def whole(talk: Talk, fields: Iterable[tuple[bytes, bytes]] = OK, *, length: bool = True) -> bytes:
    """The response as most servers send it."""
    number, message = talk.reply()
    more = [(b"content-length", b"%d" % len(message))] if length else []
    return talk.header([*fields, *more]) + frame(DATA, END_STREAM, number, message)


@trio_test
async def test_what_comes_whole_never_becomes_a_stream() -> None:
    async with trio.open_nursery() as nursery:
        talk = Talk(nursery)
        for _ in range(5):
            talk.ask()
            assert not talk.take(whole(talk))
            assert talk.streams == 0
        assert [reply[1] for reply in talk.desk.heard_of] == [1, 2, 3, 4, 5]
        assert talk.session.waiting == 0
        assert {one[b"content-length"] for one in talk.requests} == {b"128"}
        assert all(len(one) == 7 for one in talk.requests)
        assert talk.http.open_outbound_streams == 0


def _in_three(number: int, message: bytes) -> bytes:
    third = len(message) // 3
    parts = message[:third], message[third : 2 * third], message[2 * third :]
    return b"".join(frame(DATA, 0, number, part) for part in parts) + frame(DATA, 1, number, b"")


@pytest.mark.parametrize("is_parted", [False, True])
@trio_test
async def test_a_response_may_come_in_pieces(is_parted: bool) -> None:  # noqa: FBT001
    """Cut anywhere, its body in one frame or in several with an empty one at the end."""
    async with trio.open_nursery() as nursery:
        size = 1
        cut = 0
        while cut <= size:
            talk = Talk(nursery)
            talk.ask()
            number, message = talk.reply()
            data = talk.header(OK) + _in_three(number, message) if is_parted else whole(talk)
            size = len(data)
            for piece in (data[:cut], data[cut:]):
                if piece:
                    assert not talk.take(piece)
            assert (len(talk.desk.heard_of), talk.desk.failures, talk.streams) == (1, [], 0), cut
            cut += 1


@trio_test
async def test_header_blocks_mean_what_they_mean_now() -> None:
    """A server's dates change its table each time; the same octets mean something else then."""
    async with trio.open_nursery() as nursery:
        talk = Talk(nursery)
        for at in range(2 * SESSION_KNOWN_BLOCKS):
            talk.ask()
            date = (b"date", b"Mon, 30 Nov 2026 10:%02d:%02d GMT" % divmod(at // 2, 60))
            talk.take(whole(talk, [*OK, date]))
            assert (len(talk.desk.heard_of), talk.streams) == (at + 1, 0)
        talk.ask()
        talk.take(whole(talk, [(b":status", b"503")]))
        assert talk.desk.failures == ["HTTP status 503"]
        talk.ask()
        talk.take(whole(talk))
        assert len(talk.desk.heard_of) == 2 * SESSION_KNOWN_BLOCKS + 1


@pytest.mark.reaches("SESSION_KNOWN_BLOCKS")
@trio_test
async def test_no_more_headers_are_remembered_than_the_limit_says() -> None:
    async with trio.open_nursery() as nursery:
        talk = Talk(nursery)
        talk.encoder.header_table_size = 0  # nothing is indexed: each differs, no table changes
        for at in range(3 * SESSION_KNOWN_BLOCKS):
            talk.ask()
            talk.take(whole(talk, [*OK, (b"x-at", b"%d" % at)]))
            assert len(talk.http._reader._known) <= limits.SESSION_KNOWN_BLOCKS
        assert len(talk.desk.heard_of) == 3 * SESSION_KNOWN_BLOCKS


@trio_test
async def test_a_server_may_change_the_table_of_requests() -> None:
    """RFC 7541 §4.2: the change is told, and what was written before is written anew."""
    async with trio.open_nursery() as nursery:
        talk = Talk(nursery)
        for size in (4096, 0, 60, 4096):
            talk.server.update_settings({SettingCodes.HEADER_TABLE_SIZE: size})
            talk.take(talk.server.data_to_send())
            talk.deliver()
            for _ in range(3):
                talk.ask()
                talk.take(whole(talk))
        assert len(talk.desk.heard_of) == 12
        assert {one[b":path"] for one in talk.requests} == {b"/dns-query"}


Odd = "Callable[[Talk, int, bytes], bytes]"


def _padded(talk: Talk, number: int, message: bytes) -> bytes:
    return talk.header(OK) + frame(DATA, 9, number, b"\x03" + message + bytes(3))


def _with_trailers(talk: Talk, number: int, message: bytes) -> bytes:
    body = frame(DATA, 0, number, message)
    return talk.header(OK) + body + talk.header([(b"x", b"y")], END_HEADERS | END_STREAM)


def _interim(talk: Talk, _: int, __: bytes) -> bytes:
    return talk.header([(b":status", b"103")]) + whole(talk)


def _continued(talk: Talk, number: int, message: bytes) -> bytes:
    block = talk.encoder.encode(OK)
    head = frame(HEADERS, 0, number, block[:3])
    rest = frame(CONTINUATION, END_HEADERS, number, block[3:])
    return head + rest + frame(DATA, END_STREAM, number, message)


def _updated(talk: Talk, number: int, _: bytes) -> bytes:
    return frame(8, 0, number, (5).to_bytes(4, "big")) + whole(talk)


def _interrupted(talk: Talk, number: int, message: bytes) -> bytes:
    ping = frame(6, 0, 0, bytes(8))
    return talk.header(OK) + ping + frame(DATA, END_STREAM, number, message)


@pytest.mark.parametrize(
    "odd", [_padded, _with_trailers, _interim, _continued, _updated, _interrupted]
)
@trio_test
async def test_what_is_not_just_that_is_h2s(odd: Callable[[Talk, int, bytes], bytes]) -> None:
    async with trio.open_nursery() as nursery:
        talk = Talk(nursery)
        talk.ask()
        assert not talk.take(odd(talk, *talk.reply()))
        assert (len(talk.desk.heard_of), talk.desk.failures) == (1, [])
        assert talk.http.whole == set()
        talk.ask()
        talk.take(whole(talk))
        assert len(talk.desk.heard_of) == 2


@pytest.mark.parametrize(
    "fields",
    [
        [(b":status", b"200"), (b":status", b"200")],
        [(b"content-type", b"application/dns-message")],
        [*OK, (b"Upper", b"x")],
        [*OK, (b"connection", b"close")],
        [*OK, (b"content-length", b"7")],
        [*OK, (b"content-length", b"x")],
        [*OK, (b":method", b"GET")],
    ],
)
@trio_test
async def test_what_breaks_the_protocol_ends_the_connection(
    fields: list[tuple[bytes, bytes]],
) -> None:
    """RFC 9113 §8.1.1, §8.2, §8.3: as h2 judges."""
    async with trio.open_nursery() as nursery:
        talk = Talk(nursery)
        talk.ask()
        assert talk.take(whole(talk, fields, length=False))
        assert talk.desk.heard_of == []
        assert talk.session.reason == "HTTP/2: it breaks the protocol"


@trio_test
async def test_a_question_that_is_given_up_is_reset() -> None:
    async with trio.open_nursery() as nursery:
        talk = Talk(nursery)
        port = talk.ask()
        late = whole(talk)
        talk.session.leave(port)
        talk.deliver()
        assert talk.resets == [1]
        assert not talk.take(late)
        talk.ask()
        assert not talk.take(whole(talk))
        assert [reply[1] for reply in talk.desk.heard_of] == [2]


@trio_test
async def test_windows_are_kept_to() -> None:
    """What was read is given back to the server, though no stream was."""
    async with trio.open_nursery() as nursery:
        talk = Talk(nursery)
        window = talk.http._inbound_flow_control_window_manager
        octets = 0
        while octets < SESSION_HELD_OCTETS:
            talk.ask()
            number, message = talk.reply()
            body = message + bytes(48_000)
            parts = [body[at : at + 16_384] for at in range(0, len(body), 16_384)]
            data = b"".join(frame(DATA, 0, number, part) for part in parts)
            talk.take(talk.header(OK) + data + frame(DATA, END_STREAM, number, b""))
            octets += len(body)
        talk.deliver()
        assert len(talk.desk.heard_of) == talk.count
        assert talk.updates
        assert window.current_window_size > SESSION_HELD_OCTETS // 2


@trio_test
async def test_a_path_that_fits_into_no_frame_is_h2s() -> None:
    async with trio.open_nursery() as nursery:
        talk = Talk(nursery, Place("a.example", "/" + "x" * 20_000))
        talk.ask()
        talk.take(whole(talk))
        assert len(talk.desk.heard_of) == 1
        assert len(talk.requests[0][b":path"]) == 20_001


@trio_test
async def test_no_more_is_asked_than_the_server_allows() -> None:
    http = Connection(PLACE.headers())
    ask = partial(http.ask, bytes(128))
    assert [ask(), ask()] == [1, 3]
    http.remote_settings.update({SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    http.remote_settings.acknowledge()
    assert ask() is None
    http.give_up(1)
    assert ask() is None, "an open stream of h2's counts as well"


@trio_test
async def test_who_leaves_after_the_end_harms_nobody() -> None:
    """The connection is being closed, and nobody has been told yet."""
    async with trio.open_nursery() as nursery:
        talk = Talk(nursery)
        port, other = talk.ask(), talk.ask()
        talk.session._end()
        talk.session.leave(port)
        assert talk.session.orphans() == [other]
