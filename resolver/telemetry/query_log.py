"""The query log: a line for each query, or for each that failed, gathered here for the disk.

A listener on the bus. What it hears waits as octets in a list, bounded; whoever writes
(`daemon.query_logging`) takes the list as a whole. Hits are noted, and made into lines some dozens
at once: one alone finds nothing of that in the processor's caches, and pays three times as much.
All of a line but the time stands ready for queries that came before.

Names are personal data. Who asked is not told unless `log.clients` says so (`client_forms`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from resolver.limits import QUERY_LOG_AT_ONCE, QUERY_LOG_NAMES, QUERY_LOG_WAITING
from resolver.protocol import names
from resolver.protocol.chaos_names import DAEMON
from resolver.protocol.codes import rcode_text, type_text
from resolver.protocol.ip_addresses import address_octets
from resolver.telemetry import answered
from resolver.telemetry.events import Answered, Recalled
from resolver.telemetry.query_lines import Line, Mark, is_failure, octets_of, of_answered, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from resolver.protocol.transport import Transport
    from resolver.telemetry.client_forms import ClientForms

_HEADER: Final = 12
_RCODE: Final = 0x0F
_OPT_EDE: Final = b"\0\x0f"
_HAS_MORE: Final = 11  # where the header says that there is an OPT
_MS: Final = 1_000_000
_PARTS: Final = 3  # of a hit's line: its time, what was asked, who asked
_STAMP: Final = b'{"t":"%b%%03dZ"'
_NO_TIME: Final = b'{"t":""'
_CUT: Final = b',"transport":'
_NO_VIEWS: Final = MappingProxyType[str, str]({})


class QueryLog:
    """Lines that wait to be written. *now_ns*: Unix time; *wake* is called with the first."""

    COUNTS: ClassVar = {
        "written": "Lines of the query log that were written.",
        "dropped": "Lines of the query log that were lost: the disk was too slow, full, or failed.",
    }

    def __init__(
        self, clients: ClientForms, now_ns: Callable[[], int], wake: Callable[[], None]
    ) -> None:
        self.written = 0
        self.dropped = 0
        self._clients = clients
        self._now_ns = now_ns
        self._wake = wake
        self._lines: list[bytes] = []  # one or more in each
        self._waiting = 0
        self._noted: list[tuple[int, object]] = []  # hits, and when they were
        self._kept = "all"
        self._views: dict[str, str] = {}
        self._ms = self._second = -1
        self._stamp = self._second_stamp = b""
        self._middles: dict[bytes, tuple[int, bytes]] = {}
        self._ends: dict[tuple[Transport, str, bytes], bytes] = {}

    def __repr__(self) -> str:
        return f"<QueryLog {self._waiting} lines waiting, {self.dropped} dropped>"

    def go_by(self, clients: str, kept: str = "all", views: Mapping[str, str] = _NO_VIEWS) -> None:
        """Tell of clients what *clients*, a value of `log.clients`, allows.

        Of queries what *kept* says ("off", "failures", "all"), of each of *views* its own.
        """
        self._write_down()
        self._clients.go_by(clients)
        self._ends.clear()
        self._kept, self._views = kept, dict(views)

    def take(self) -> tuple[list[bytes], int]:
        """What waits, in parts of whole lines, and how many lines; the caller's from now on."""
        self._write_down()
        lines, waiting = self._lines, self._waiting
        self._lines, self._waiting = [], 0
        return lines, waiting

    def mark(self, mark: Mark) -> None:
        """A line that is no query's."""
        self._add(octets_of(msgspec.structs.replace(mark, t=text_of(self._now_ms()))))

    # --- what is heard -------------------------------------------------------------------------

    def hear(self, event: object) -> None:
        """A query came to its end (`Answered`)."""
        if isinstance(event, Answered):
            if event.question is not None and event.question.qname == DAEMON:
                return  # this daemon's own question whether it answers
            if self._views and not self._wants(event):
                return
            self._write_down()  # by the key of their day
            host, now_ms = event.client.host, self._now_ms()
            if now_ms // 1000 != self._second:
                self._note_second(now_ms // 1000)
            client = self._clients.of(address_octets(host)) if host else ""
            self._add(octets_of(of_answered(event, text_of(now_ms), client)))

    def hear_failure(self, event: object) -> None:
        """The same, where only failures are wanted."""
        if isinstance(event, Answered) and is_failure(event):
            self.hear(event)

    def _wants(self, event: Answered) -> bool:
        kept = self._views.get(event.view, self._kept)
        return kept == "all" or (kept == "failures" and is_failure(event))

    def hear_hit(self, event: object) -> None:
        """The packet cache had it (`Recalled`): the same line as `hear` would make of it."""
        noted = self._noted
        if not noted and not self._waiting:
            self._wake()
        noted.append((self._now_ns(), event))
        if len(noted) >= QUERY_LOG_AT_ONCE:
            self._write_down()

    # --- how a line is made --------------------------------------------------------------------

    def _write_down(self) -> None:
        """Make lines of the hits that were noted; one part of what waits."""
        if not self._noted:
            return
        noted, self._noted = self._noted, []
        room = max(QUERY_LOG_WAITING - self._waiting, 0)
        self.dropped += len(noted[room:])
        parts: list[bytes] = []
        for now_ns, event in noted[:room]:
            if isinstance(event, Recalled) and self._wants_hits(event.view):
                parts += self._parts(event, now_ns // _MS)
        if parts:
            self._lines.append(b"".join(parts))
            self._waiting += len(parts) // _PARTS

    def _wants_hits(self, view: str) -> bool:
        """What is kept as octets is no failure."""
        return not self._views or self._views.get(view, self._kept) == "all"

    def _parts(self, event: Recalled, ms: int) -> tuple[bytes, bytes, bytes]:
        query, reply, source, transport, _, view = event
        if ms != self._ms:
            self._note_time(ms)
        known = self._middles.get(query[2:])
        if known is None or known[0] != reply[3] or (reply[_HAS_MORE] and _OPT_EDE in reply):
            known = self._read(event)
        end = self._ends.get((transport, view, source))
        if end is None:
            end = self._end(transport, view, source)
        return self._stamp, known[1], end

    def _add(self, line: bytes) -> None:
        self._write_down()
        if self._waiting >= QUERY_LOG_WAITING:
            self.dropped += 1
            return
        if not self._waiting:
            self._wake()
        self._lines.append(line)
        self._waiting += 1

    def _now_ms(self) -> int:
        return self._now_ns() // _MS

    def _note_time(self, ms: int) -> None:
        self._ms = ms
        if ms // 1000 != self._second:
            self._note_second(ms // 1000)
        self._stamp = self._second_stamp % (ms % 1000)

    def _note_second(self, second: int) -> None:
        self._second = second
        self._second_stamp = _STAMP % text_of(second * 1000)[: -len("000Z")].encode()
        if self._clients.look(second):
            self._ends.clear()

    def _read(self, hit: Recalled) -> tuple[int, bytes]:
        """The flags of the reply, and all of the line between the time and the transport."""
        query, reply = hit.query, hit.reply
        end = query.find(0, _HEADER) + 1  # a hit's name is whole, and has no zero within
        ede = answered.of_hit(hit).ede if _OPT_EDE in reply else ()
        line = Line(
            t="",
            name=names.to_text(query[_HEADER:end].lower()),
            type=type_text(int.from_bytes(query[end : end + 2], "big")),
            rcode=rcode_text(reply[3] & _RCODE),
            ms=0.0,
            source="cache",
            ede=tuple(code for code, _ in ede),
            transport="",
            view="",
        )
        middle = reply[3], msgspec.json.encode(line)[len(_NO_TIME) :].partition(_CUT)[0]
        if not ede:
            if len(self._middles) >= QUERY_LOG_NAMES:
                self._middles.clear()
            self._middles[query[2:]] = middle
        return middle

    def _end(self, transport: Transport, view: str, source: bytes) -> bytes:
        """The rest of the line, from the transport on."""
        line = Line(
            t="", name="", type="", rcode="", ms=0.0, source="",
            transport=transport.value, view=view, client=self._clients.of(source),
        )  # fmt: skip
        if len(self._ends) >= QUERY_LOG_NAMES:
            self._ends.clear()
        end = self._ends[transport, view, source] = b"".join(octets_of(line).partition(_CUT)[1:])
        return end
