"""HTTP/2 by hand, frame by frame: for what no well-behaved client says."""

from __future__ import annotations

from typing import NamedTuple

from hpack import Decoder, Encoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE = range(9)
CONTINUATION = 9
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED = 0, 1, 3, 5
FRAME_SIZE_ERROR, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 6, 9, 11
MESSAGE = "application/dns-message"


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    body: bytes

    @property
    def code(self) -> int:
        """Of RST_STREAM and GOAWAY."""
        at = 4 if self.kind == GOAWAY else 0
        return int.from_bytes(self.body[at : at + 4], "big")


def frame(kind: int, flags: int = 0, stream: int = 0, body: bytes = b"") -> bytes:
    head = len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + body


def settings(**values: int) -> bytes:
    """`s4=0`: number and value."""
    body = b"".join(
        int(name[1:]).to_bytes(2, "big") + value.to_bytes(4, "big")
        for name, value in values.items()
    )
    return frame(SETTINGS, body=body)


def reset(stream: int, code: int = 8) -> bytes:
    return frame(RST_STREAM, stream=stream, body=code.to_bytes(4, "big"))


def window(stream: int, octets: int) -> bytes:
    return frame(WINDOW_UPDATE, stream=stream, body=octets.to_bytes(4, "big"))


def frames(octets: bytes) -> list[Frame]:
    """What a server has sent. Whole frames only."""
    found = []
    while octets:
        size = int.from_bytes(octets[:3], "big")
        assert len(octets) >= 9 + size
        stream = int.from_bytes(octets[5:9], "big")
        found.append(Frame(octets[3], octets[4], stream, octets[9 : 9 + size]))
        octets = octets[9 + size :]
    return found


class Talker:
    """A client's octets, and what is said to it. Streams are 1, 3, 5 and so on."""

    def __init__(self) -> None:
        self._encoder = Encoder()
        self._decoder = Decoder()
        self.stream = -1

    def hello(self, **values: int) -> bytes:
        return PREFACE + settings(**values)

    def block(
        self, *more: tuple[str, str], method: str = "POST", path: str = "/dns-query"
    ) -> bytes:
        fields = [
            (":method", method), (":scheme", "https"), (":authority", "dns.example"),
            (":path", path), ("content-type", MESSAGE), *more,
        ]  # fmt: skip
        return self._encoder.encode(fields)

    def encoded(self, *fields: tuple[str, str]) -> bytes:
        return self._encoder.encode(fields)

    def head(self, *, ends: bool = False, block: bytes | None = None) -> bytes:
        """HEADERS of the next stream."""
        self.stream += 2
        flags = END_HEADERS | (END_STREAM if ends else 0)
        return frame(HEADERS, flags, self.stream, self.block() if block is None else block)

    def ask(self, query: bytes) -> bytes:
        """A whole POST."""
        return self.head() + frame(DATA, END_STREAM, self.stream, query)

    def read(self, octets: bytes) -> dict[int, tuple[int, bytes]]:
        """Status and body of each stream that was answered in *octets*."""
        said: dict[int, tuple[int, bytes]] = {}
        for one in frames(octets):
            if one.kind == HEADERS:
                fields = dict(self._decoder.decode(one.body, raw=True))
                said[one.stream] = (int(fields[b":status"]), b"")
            elif one.kind == DATA:
                status, body = said[one.stream]
                said[one.stream] = (status, body + one.body)
        return said


def goaway(octets: bytes) -> int | None:
    """The code with which the connection was ended; None if it was not."""
    codes = [one.code for one in frames(octets) if one.kind == GOAWAY]
    return codes[-1] if codes else None
