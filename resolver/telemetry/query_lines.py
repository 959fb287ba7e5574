"""A line of the query log: its form, as it is written and as it is read again. JSON, one a line.

    {"t":"2026-11-30T10:55:28.123Z","name":"www.example.com.","type":"A","rcode":"NOERROR",
     "ms":31.2,"from":"network","server":"192.0.2.20","transport":"udp","view":"default"}

*t* is when it was answered, in UTC; *from* where from (`model.Source`); *server* who answered, or
was asked last; *ede* the codes of extended errors. What is empty is left out. *client* is there
only where `log.clients` wants one. Beside these, lines say when the log began and ended.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from resolver.errors import WireError
from resolver.protocol import names
from resolver.protocol.codes import Rcode, rcode_text, type_text

if TYPE_CHECKING:
    from resolver.telemetry.events import Answered

_NOT_FAILED: Final = frozenset({"NOERROR", "NXDOMAIN"})
_ON_PURPOSE: Final = frozenset({"blocked", "refused"})


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one query."""

    t: str
    name: str
    type: str
    rcode: str
    ms: float
    source: str = msgspec.field(name="from")
    ede: tuple[int, ...] = ()
    server: str = ""
    instance: str = ""
    transport: str
    view: str
    client: str = ""

    @property
    def is_failure(self) -> bool:
        """True if the client did not get what it asked for; what policy forbids is no failure."""
        return self.rcode not in _NOT_FAILED and self.source not in _ON_PURPOSE


class Mark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The log begins ("start") or ends ("stop"); *dropped*: lines lost since the start."""

    t: str
    event: str
    version: str = ""
    queries: str = ""
    clients: str = ""
    worker: int = 0
    dropped: int = 0


def of_answered(event: Answered, t: str, client: str) -> Line:
    """The line of what came to its end at *t*."""
    question = event.question
    return Line(
        t=t,
        name=names.to_text(question.qname) if question is not None else "",
        type=type_text(question.qtype) if question is not None else "",
        rcode=rcode_text(event.rcode) if event.rcode is not None else "",
        ms=round(event.elapsed_s * 1000, 1),
        source=event.source.value,
        ede=tuple(code for code, _ in event.ede),
        server=event.answered_by or (event.servers[-1] if event.servers else ""),
        instance=event.instance or "",
        transport=event.client.transport.value,
        view=event.view,
        client=client,
    )


def is_failure(event: Answered) -> bool:
    """As `Line.is_failure`, before there is a line."""
    return (
        event.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN) and event.source.value not in _ON_PURPOSE
    )


def text_of(unix_ms: int) -> str:
    """Unix milliseconds as they stand in a line."""
    second, ms = divmod(unix_ms, 1000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def octets_of(line: Line | Mark) -> bytes:
    """*line* as it is written, with its end."""
    return msgspec.json.encode(line) + b"\n"


def line_untrusted(octets: bytes) -> Line | Mark:
    """What stands on a line of a file. Raises WireError for what nobody here wrote."""
    try:
        return msgspec.json.decode(octets, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return msgspec.json.decode(octets, type=Mark)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise WireError("no line of a query log") from None
