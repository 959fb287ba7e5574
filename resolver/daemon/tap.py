"""What is heard, as dnstap messages that wait to be sent; at most so many octets of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from resolver.limits import DNSTAP_AT_ONCE, DNSTAP_WAITING_OCTETS
from resolver.protocol.ip_addresses import address_octets
from resolver.telemetry import dnstap_words as words
from resolver.telemetry.dnstap_words import Peers
from resolver.telemetry.events import Answered, Recalled
from resolver.upstream.server_events import Crossed

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.protocol.transport import Client
    from resolver.telemetry.dnstap import Encoder

_NS = 1_000_000_000
_RD = 1  # of the third octet: forwarders are asked to recurse, servers are not


class Tap:
    """A listener on the bus. *now_ns*: Unix nanoseconds; *wake* is called with the first."""

    COUNTS: ClassVar = {
        "messages": "dnstap messages that a receiver took, or a file.",
        "dropped": "dnstap messages that were lost: the receiver was gone or too slow.",
    }

    def __init__(self, now_ns: Callable[[], int], wake: Callable[[], None]) -> None:
        self.messages = 0
        self.dropped = 0
        self.encoder: Encoder  # while anything is heard
        self._now_ns = now_ns
        self._wake = wake
        self._frames: list[bytes] = []
        self._noted: list[tuple[int, object]] = []  # hits, and when they were
        self._waiting = 0
        self._octets = 0

    def __repr__(self) -> str:
        return f"<Tap {self._waiting} messages waiting, {self.dropped} dropped>"

    def take(self) -> tuple[bytes, int]:
        """The frames that wait, and how many they are; they are the caller's now."""
        self._encode()
        frames, waiting = self._frames, self._waiting
        self._frames, self._waiting, self._octets = [], 0, 0
        return b"".join(frames), waiting

    # --- what is heard -------------------------------------------------------------------------

    def hear_hit(self, event: object) -> None:
        """The packet cache had it: a query and a response, at the same moment.

        Noted here, and encoded some dozens at once: one alone finds nothing of that in the
        processor's caches.
        """
        noted = self._noted
        if not noted and not self._waiting:
            self._wake()
        noted.append((self._now_ns(), event))
        if len(noted) >= DNSTAP_AT_ONCE:
            self._encode()

    def _encode(self) -> None:
        """Make messages of the hits that were noted."""
        noted, self._noted = self._noted, []
        for now_ns, event in noted:
            if self._octets > DNSTAP_WAITING_OCTETS:
                self.dropped += 2
            elif isinstance(event, Recalled):
                query, reply, source, transport, listener, _ = event
                both = self.encoder.hit(transport, source, listener, query, reply, now_ns)
                self._frames.append(both)
                self._waiting += 2
                self._octets += len(both)

    def hear(self, event: object) -> None:
        """A query came to its end; without a reply where none was sent."""
        if not isinstance(event, Answered):
            return
        now_ns, peers = self._now_ns(), _peers(event.client)
        asked_ns = now_ns - int(event.elapsed_s * _NS)
        self._add(self.encoder.asked(words.CLIENT_QUERY, peers, event.query, asked_ns))
        if event.reply is not None:
            self._add(
                self.encoder.answered(words.CLIENT_RESPONSE, peers, event.reply, asked_ns, now_ns)
            )

    def hear_crossing(self, event: object) -> None:
        """A message went to a server, or came from it."""
        if not isinstance(event, Crossed):
            return
        is_forwarder = event.query[2] & _RD
        server, now_ns = event.server, self._now_ns()
        host = server.host.partition("%")[0]
        peers = Peers(event.transport, b"", 0, address_octets(host), server.port)
        if event.reply is None:
            kind = words.FORWARDER_QUERY if is_forwarder else words.RESOLVER_QUERY
            self._add(self.encoder.asked(kind, peers, event.query, now_ns, event.zone))
            return
        kind = words.FORWARDER_RESPONSE if is_forwarder else words.RESOLVER_RESPONSE
        asked_ns = now_ns - int(event.since_s * _NS)
        self._add(
            self.encoder.answered(
                kind, peers, event.reply, asked_ns, now_ns, event.zone, event.instance
            )
        )

    def _add(self, frame: bytes) -> None:
        self._encode()
        if self._octets > DNSTAP_WAITING_OCTETS:
            self.dropped += 1
            return
        if not self._waiting:
            self._wake()
        self._frames.append(frame)
        self._waiting += 1
        self._octets += len(frame)


def _peers(client: Client) -> Peers:
    local = client.asked_at
    if not local and client.local:
        local = address_octets(client.local.partition("%")[0])
    asker = address_octets(client.host) if client.host else b""
    return Peers(client.transport, asker, client.port, local, 0)
