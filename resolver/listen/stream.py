"""One client's stream of DNS messages, over TCP or TLS: queries come pipelined, replies leave in
the order they are ready.

RFC 7766 §6.2.1.1 (pipelining), §8 (length and message in one write). What may be taken on, and for
how long, is `serving`'s. Who asks over its rate (`rate_limit`) is answered later: what waits in the
stream costs it as much as us, and a query that is thrown away comes again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from resolver.limits import MISS_IN_HITS, OCTETS_IN_HIT, TCP_READ_SECONDS, TCP_UNSENT_OCTETS
from resolver.listen.serving import ServedStream
from resolver.listen.short_reply import short_reply
from resolver.protocol.codes import Rcode
from resolver.protocol.framing import Splitter, frame

if TYPE_CHECKING:
    from resolver.listen.rate_limit import RateLimit

_LENGTH_OCTETS: Final = 2
_LEAST_PAUSE_S: Final = 0.01  # what a token lacks in the clock's last digit is no busy loop


class ClientConnection(ServedStream):
    """DNS messages, each behind its length (RFC 1035 §4.2.2)."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._splitter = Splitter()
        self._began_at: float | None = None

    @property
    def _has_asked(self) -> bool:
        return self._splitter.has_message

    @property
    def _is_mid_message(self) -> bool:
        return self._splitter.is_mid_message

    def _heed(self, chunk: bytes | bytearray) -> None:
        self._splitter.push(chunk)
        if self._splitter.has_message:
            self._began_at = None

    def _answer_alone(self, octets: bytes) -> bool:
        """The commonest case, of a client that asks one by one, at half of what `_take` costs."""
        if (
            len(octets) != _LENGTH_OCTETS + int.from_bytes(octets[:_LENGTH_OCTETS], "big")
            or self._splitter.is_mid_message
            or self.unsent_octets
            or self._admission.rate is not None
            or self._is_ending
        ):
            return False
        fast_path, rounds = self._fast_path, self._rounds
        reply = fast_path.begin()(octets[_LENGTH_OCTETS:], self._source)
        if reply is None:
            return False
        self.active_at = self._heard_at
        self.queries += 1
        self.hits += 1
        fast_path.hits += 1
        rounds.left -= 1 + len(reply) // OCTETS_IN_HIT
        rounds.note_hits(self._heard_at)
        self._send(len(reply).to_bytes(_LENGTH_OCTETS, "big") + reply)
        return True

    def _patience_ends(self) -> float:
        if not self._splitter.is_mid_message:
            return max(self._heard_at, self.active_at) + self._idle_s
        if self._began_at is None:
            self._began_at = self._heard_at
        return self._began_at + TCP_READ_SECONDS

    def _take(self) -> None:
        self.active_at = self._now()
        recall = self._fast_path.begin()
        rate, source, take = self._admission.rate, self._source, self._splitter.take
        replies: list[bytes] = []
        left = self._rounds.left
        most = room = TCP_UNSENT_OCTETS - self.unsent_octets
        while left > 0 and room > 0 and self._may_take(rate) and (data := take()) is not None:
            left -= 1
            self.queries += 1
            reply = recall(data, source)
            if reply is not None:
                replies.append(len(reply).to_bytes(2, "big") + reply)
                room -= len(reply)
                continue
            left -= MISS_IN_HITS
            before = self.unsent_octets
            self._miss(data)
            room += before - self.unsent_octets
            if self._is_full():
                break
        self._rounds.left = left - (most - room) // OCTETS_IN_HIT
        if replies:
            self.hits += len(replies)
            self._fast_path.hits += len(replies)
            self._rounds.note_hits(self.active_at)
            self._send(b"".join(replies))

    def _may_take(self, rate: RateLimit | None) -> bool:
        """A query over the client's rate waits, and so do those behind it."""
        if rate is None or not self._splitter.has_message or rate.allows_stream(self._source):
            return True
        self._pause_s = max(_LEAST_PAUSE_S, rate.proven.wait_s(self._source))
        return False

    def _miss(self, data: bytes) -> None:
        if self._begin(data, _StreamReply(self)):
            return
        reply = short_reply(data, rcode=Rcode.SERVFAIL)
        if reply is not None:
            self._send(frame(reply))

    def finish(self, reply: bytes | None) -> None:
        """Strike a query off the books, and send its reply if there is one."""
        self._ended(reply)
        if reply is not None:
            self._send(frame(reply))
        self.wake()


class _StreamReply:
    """The way back for one query. A second call is ignored: the place is given back once."""

    __slots__ = ("_connection",)

    def __init__(self, connection: ClientConnection) -> None:
        self._connection: ClientConnection | None = connection

    def __call__(self, reply: bytes | None) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finish(reply)
