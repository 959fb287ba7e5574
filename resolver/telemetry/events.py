"""What the program tells those who watch, and the one bus that carries it.

An event is a NamedTuple; whoever subscribes says which kinds it wants. Where nobody wants a kind
it is not even made (`if Asked in bus.heard`). Hits are plain integers until somebody asks for
`Recalled`: then `packets.fast_path` tells of each, as octets that nobody has read. A subscriber
runs inside the path and must be quick; it must not raise, and one that does is a bug that the query
boundary reports.

Others' kinds: `upstream.server_events` (each try), `dnssec.validation_events` (each proof).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.model import Ede, Name, Question, Server, Source
    from resolver.protocol.transport import Client, Transport

    Listener = Callable[[object], None]


class Asked(NamedTuple):
    """A zone cut was asked, and a usable reply came. *learnt* is one line for people."""

    question: Question
    zone: Name
    server: Server
    transport: Transport
    rtt_s: float
    verdict: str
    learnt: str


class Unanswered(NamedTuple):
    """No server of a zone cut gave a usable reply."""

    question: Question
    zone: Name
    elapsed_s: float
    ede: tuple[Ede, ...]


class Recalled(NamedTuple):
    """The packet cache had the *reply* to a *query* from raw address *source*, its port unknown.

    Octets only, for there may be tens of thousands a second: `answered.of_hit` reads them.
    """

    query: bytes
    reply: bytes
    source: bytes
    transport: Transport
    listener: str
    view: str


class Answered(NamedTuple):
    """A client's query that the packet cache could not answer came to its end.

    *question* is None where none could be read, *rcode* where no reply was sent. *servers*: the
    addresses that were asked for it, in order, those of keys and nameservers included;
    *answered_by*: the one whose answer it is, "" if none is. *instance*: which of an anycast
    server's answered. *query* and *reply* are the octets.
    """

    client: Client
    view: str
    question: Question | None
    rcode: int | None
    source: Source
    elapsed_s: float
    ede: tuple[Ede, ...] = ()
    servers: tuple[str, ...] = ()
    answered_by: str = ""
    instance: str | None = None
    query: bytes = b""
    reply: bytes | None = None

    @property
    def transport(self) -> Transport:
        return self.client.transport

    @property
    def is_hit(self) -> bool:
        """It was made of a `Recalled`, which does not know the client's port."""
        return not self.client.port


class Step(NamedTuple):
    """One question to a zone cut, from *began* on (on trio's clock), for *took_s* seconds."""

    began: float
    took_s: float
    outcome: Asked | Unanswered


class Resolved(NamedTuple):
    """A client's query came to its end as *answered* says, after these *steps*, on trio's clock.

    A question that joined another's job has the steps of its own alone.
    """

    answered: Answered
    ended: float
    steps: tuple[Step, ...]


class Bus:
    """Listeners by kind of event. *heard* is to be looked into, and not to be changed."""

    __slots__ = ("_watchers", "heard")

    def __init__(self) -> None:
        self.heard: dict[type, tuple[Listener, ...]] = {}
        self._watchers: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return bool(self.heard)

    def __repr__(self) -> str:
        return f"<Bus of {', '.join(kind.__name__ for kind in self.heard) or 'silence'}>"

    def emit(self, event: object) -> None:
        """Tell everybody who wants this kind, in the order they came."""
        for listener in self.heard.get(type(event), ()):
            listener(event)

    def subscribe(self, listener: Listener, *kinds: type) -> None:
        """Have *listener* called with every event of *kinds* from now on."""
        for kind in kinds:
            self.heard[kind] = (*self.heard.get(kind, ()), listener)
        self._changed()

    def unsubscribe(self, listener: Listener) -> None:
        """*listener* hears nothing any more."""
        for kind, listeners in list(self.heard.items()):
            left = tuple(other for other in listeners if other != listener)
            if left:
                self.heard[kind] = left
            else:
                del self.heard[kind]
        self._changed()

    @contextmanager
    def listening(self, listener: Listener, *kinds: type) -> Iterator[None]:
        """*listener* hears what happens inside the block."""
        self.subscribe(listener, *kinds)
        try:
            yield
        finally:
            self.unsubscribe(listener)

    def on_change(self, watcher: Callable[[], None]) -> None:
        """Have *watcher* called whenever somebody comes or goes."""
        self._watchers.append(watcher)

    def _changed(self) -> None:
        for watcher in self._watchers:
            watcher()
