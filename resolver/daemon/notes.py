"""What happens to each query, a line each, for `log.level = "debug"`; else nothing of it is there.

A listener on the bus, so that a hit pays for it only where somebody wants to read of it. Names that
clients ask for appear here and nowhere above DEBUG: they are personal data. What others wrote is in
presentation form or escaped: no line breaks.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from resolver.protocol import names
from resolver.protocol.codes import rcode_text, type_text
from resolver.protocol.wire import parse_untrusted
from resolver.telemetry import answered, trace
from resolver.telemetry.events import Answered, Asked, Recalled, Unanswered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.telemetry.events import Bus

_log = logging.getLogger(__name__)


class Notes:
    """A line for each query and for each step on *bus*, for as long as anybody reads them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._are_taken = False

    def follow(self) -> None:
        """Take notes if the level of the log says so now, and none if not."""
        is_read = _log.isEnabledFor(logging.DEBUG)
        if is_read and not self._are_taken:
            self._bus.subscribe(_note_query, Answered, Recalled)
            self._bus.subscribe(_note_step, Asked, Unanswered)
        elif self._are_taken and not is_read:
            self._bus.unsubscribe(_note_query)
            self._bus.unsubscribe(_note_step)
        self._are_taken = is_read


def _note_query(event: object) -> None:
    if isinstance(event, Recalled):
        event = answered.of_hit(event)
    if isinstance(event, Answered):
        said = "no reply" if event.reply is None else ", ".join(_in_words(event, event.reply))
        how = "packet cache" if event.is_hit else f"{1000 * event.elapsed_s:.1f} ms"
        client = event.client
        _log.debug(
            "%s %s %s: %s; %s", client.host, client.transport.value, _asked(event), said, how
        )


def _asked(event: Answered) -> str:
    if event.question is None:
        return "(unreadable)"
    return f"{names.to_text(event.question.qname)} {type_text(event.question.qtype)}"


def _in_words(event: Answered, reply: bytes) -> Iterator[str]:
    message = parse_untrusted(reply)
    yield rcode_text(message.rcode)
    yield f"{len(message.answer)} records"
    if message.ad:
        yield "secure"
    if message.tc:
        yield "cut short"
    for code, text in event.ede:
        yield f"EDE {code} {text!a}"


def _note_step(event: object) -> None:
    if isinstance(event, Asked | Unanswered):
        _log.debug("%s", trace.line(event))
