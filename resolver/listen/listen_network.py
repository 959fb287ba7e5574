"""The seam to the network, listener side: sockets queries come in on (twin of upstream.network).

Sockets come at two levels. Every one can `receive` and `send` batches; one that can also do a whole
`turn` by itself (`listen.mmsg`) saves the loop an object per datagram. `listen.udp` drives both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import trio

    from resolver.protocol.transport import Client, Transport
    from resolver.runtime.shortage import Shortage

Peer: TypeAlias = "tuple[str, int] | tuple[str, int, int, int]"
Recall: TypeAlias = Callable[[bytes, bytes], "bytes | None"]
Respond: TypeAlias = Callable[["bytes | None"], None]


class Datagram(NamedTuple):
    """*local* is the address it came to on a wildcard socket (opaque ancillary data), else None.

    *source* is the peer's raw address, where the socket knows it already.
    """

    data: bytes
    peer: Peer
    local: object | None = None
    source: bytes = b""


class Raw(NamedTuple):
    """A datagram as the kernel gave it, which nobody has taken apart: `sockaddr`, control data."""

    data: bytes
    name: bytes
    control: bytes


Missed: TypeAlias = "Callable[[Datagram | Raw, bytes], None]"
Sift: TypeAlias = "Callable[[Sequence[bytes], Callable[[int], bytes]], Collection[int]]"


class UdpSocket(Protocol):
    """A bound UDP socket."""

    async def wait_readable(self) -> None: ...

    def receive(self) -> Sequence[Datagram]:
        """What is there now, at most one batch."""

    def send(self, replies: Sequence[Datagram]) -> None:
        """Send from where each came to. What the kernel refuses is counted and dropped."""

    @property
    def is_full(self) -> bool:
        """True if as much waits to be received as there is room for."""

    @property
    def has_unread(self) -> bool:
        """True if something waits that nobody has taken."""

    def close(self) -> None: ...


@runtime_checkable
class BatchSocket(Protocol):
    """A UDP socket that receives, recalls and sends a batch by itself."""

    def turn(self, recall: Recall, missed: Missed, sift: Sift | None = None) -> tuple[int, int]:
        """One batch: what *recall* answers is sent, the rest goes to *missed*.

        *sift* is told first from whom all came, and says which are dropped unread. The others get
        the query and the raw source address (4 or 16 octets); from *recall*, b"" means that nothing
        is to be sent, None that the query is missed. Never blocks.
        Returns how many datagrams came and how many were answered; (0, 0): nothing was there.
        """

    def single(self, recall: Recall, missed: Missed) -> tuple[int, int]:
        """The same for one datagram, where they come one by one."""

    def read(self, raw: Raw) -> Datagram:
        """What *missed* was given, taken apart: late, so that a flood is taken in quickly."""

    def sources(self, slots: Iterable[int]) -> list[bytes]:
        """The raw sources of those datagrams of the last `turn`."""


class StreamListener(Protocol):
    """A listening socket whose clients are streams: TCP's own, or what is spoken over TCP.

    A stream that has no half-close (TLS) will do, and breaks its own reference cycles at its end.
    """

    async def accept(self) -> tuple[trio.abc.Stream, tuple[str, int]]:
        """The next client and its address. Errors of one client are nobody else's: it goes on."""

    @property
    def is_full(self) -> bool:
        """True if as many wait to be accepted as there is room for."""

    @property
    def has_unread(self) -> bool:
        """True if something waits that nobody has taken."""

    async def aclose(self) -> None: ...


class ListenNetwork(Protocol):
    """Where listening sockets come from: the real ones, or the lab's."""

    def bind_udp(self, host: str, port: int, *, is_quic: bool = False) -> UdpSocket: ...

    def bind_tcp(self, host: str, port: int) -> StreamListener: ...


class FastPath(Protocol):
    """One transport's way into the packet cache (`packets.fast_path.FastPath`)."""

    hits: int
    recall: Recall  # what `begin` gave last

    def begin(self) -> Recall:
        """Once per batch: what has the reply to each of its queries, if it can be had without
        waiting or parsing; None: hand it to `start`. Reads the clock, notices a flush.

        It is given the octets and the raw address of the client, 4 or 16 octets. Never raises.
        """

    def hold_back(self, is_over: Callable[[bytes], bool] | None) -> None:
        """Have *is_over* asked of raw sources: who is over its rate gets nothing from here."""

    def look_again(self, source: bytes) -> None:
        """Ask of raw *source* again."""

    def recall_beside(self, data: bytes, source: bytes) -> bytes | None:
        """What one who is held back would have got."""


class Handler(Protocol):
    """What a listener hands queries to (`pipeline.Pipeline`)."""

    shortage: Shortage

    def fast_path(self, transport: Transport, listener: str = "") -> FastPath:
        """Called once per socket or kind of connection, bound to the address *listener*."""

    def start(self, data: bytes, client: Client, respond: Respond) -> None:
        """Take on a query that `recall` did not answer. Never raises on bad data.

        *respond* is called exactly once, from any task of the same loop; with None when nothing
        is to be sent, so that the listener can strike the query off its books.
        """
