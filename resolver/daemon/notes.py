"""What happens to each query, a line each, for `log.level = "debug"`; else nothing of it is there.

A `Handler` around the pipeline's, so that neither side knows, and a hit pays for it only where
somebody wants to read of it. Names that clients ask for appear here and nowhere above DEBUG: they
are personal data. What others wrote is in presentation form or escaped: no line breaks.
"""

from __future__ import annotations

import logging
import time
from socket import AF_INET, AF_INET6, inet_ntop
from typing import TYPE_CHECKING

from resolver.errors import WireError
from resolver.protocol import names
from resolver.protocol.codes import rcode_text, type_text
from resolver.protocol.edns import OPT_EDE, ede_of
from resolver.protocol.wire import head_untrusted, parse_untrusted
from resolver.telemetry import trace
from resolver.telemetry.events import Asked, Unanswered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.listen.listen_network import Front, Handler, Respond
    from resolver.protocol.message import Message
    from resolver.protocol.transport import Client, Transport
    from resolver.telemetry.events import Bus

_log = logging.getLogger(__name__)
_V4_OCTETS = 4


class Notes:
    """A line for each query and for each step on *bus*, for as long as anybody reads them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def around(self, handler: Handler) -> Handler:
        """*handler* with its notes, or bare where the level of the log says so now."""
        is_read = _log.isEnabledFor(logging.DEBUG)
        if is_read and _note_step not in self._bus.listeners:
            self._bus.subscribe(_note_step)
        elif not is_read and _note_step in self._bus.listeners:
            self._bus.listeners.remove(_note_step)
        return Noting(handler) if is_read else handler


class Noting:
    """Tells what *handler* answers, from where and how long it took."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.shortage = handler.shortage

    def front(self, transport: Transport) -> Front:
        return NotingFront(self._handler.front(transport), transport)

    def start(self, data: bytes, client: Client, respond: Respond) -> None:
        began = time.monotonic()

        def told(reply: bytes | None) -> None:
            took = f"{1000 * (time.monotonic() - began):.1f} ms"
            _note(data, reply, client.host, client.transport, took)
            respond(reply)

        self._handler.start(data, client, told)


class NotingFront:
    """The same for the packet cache."""

    def __init__(self, front: Front, transport: Transport) -> None:
        self._front = front
        self._transport = transport
        self.begin = front.begin

    @property
    def hits(self) -> int:
        return self._front.hits

    @hits.setter
    def hits(self, value: int) -> None:
        self._front.hits = value

    def recall(self, data: bytes, source: bytes) -> bytes | None:
        reply = self._front.recall(data, source)
        if reply:
            family = AF_INET if len(source) == _V4_OCTETS else AF_INET6
            _note(data, reply, inet_ntop(family, source), self._transport, "packet cache")
        return reply


def _note(data: bytes, reply: bytes | None, host: str, transport: Transport, how: str) -> None:
    said = "no reply" if reply is None else ", ".join(_in_words(reply))
    _log.debug("%s %s %s: %s; %s", host, transport.value, _asked(data), said, how)


def _asked(data: bytes) -> str:
    try:
        head = head_untrusted(data)
    except WireError:
        return "(unreadable)"
    return f"{names.to_text(head.qname)} {type_text(head.qtype)}"


def _in_words(reply: bytes) -> Iterator[str]:
    message = parse_untrusted(reply)
    yield rcode_text(message.rcode)
    yield f"{len(message.answer)} records"
    if message.ad:
        yield "secure"
    if message.tc:
        yield "cut short"
    yield from _extended_errors(message)


def _extended_errors(message: Message) -> Iterator[str]:
    for code, data in message.edns.options if message.edns is not None else ():
        error = ede_of(data) if code == OPT_EDE else None
        if error is not None:
            yield f"EDE {error[0]} {error[1]!a}"


def _note_step(event: object) -> None:
    if isinstance(event, Asked | Unanswered):
        _log.debug("%s", trace.line(event))
