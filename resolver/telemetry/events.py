"""What the path tells those who watch, and the bus that carries it.

An event is a NamedTuple; whoever subscribes says which kind it wants. Where nobody listens an event
is not even made (`if bus:`), and on the hit path there are none: counters are plain integers there.
A subscriber runs inside the path and must be quick; it must not raise, and one that does is a bug
that the query boundary reports.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resolver.model import Answer, Ede, Name, Question, Server


class Asked(NamedTuple):
    """A zone cut was asked, and a usable reply came. *learnt* is one line for people."""

    question: Question
    zone: Name
    server: Server
    transport: str
    rtt_s: float
    verdict: str
    learnt: str


class Unanswered(NamedTuple):
    """No server of a zone cut gave a usable reply."""

    question: Question
    zone: Name
    elapsed_s: float
    ede: tuple[Ede, ...]


class Answered(NamedTuple):
    """A client's question came to its end."""

    question: Question
    answer: Answer
    elapsed_s: float


class Bus:
    """Listeners by kind of event. True if anybody listens at all."""

    __slots__ = ("listeners",)

    def __init__(self) -> None:
        self.listeners: list[Callable[[object], None]] = []

    def __bool__(self) -> bool:
        return bool(self.listeners)

    def __repr__(self) -> str:
        return f"<Bus with {len(self.listeners)} listeners>"

    def emit(self, event: object) -> None:
        """Tell everybody, in the order they came."""
        for listener in self.listeners:
            listener(event)

    def subscribe(self, listener: Callable[[object], None]) -> None:
        """Have *listener* called with every event from now on."""
        self.listeners.append(listener)

    @contextmanager
    def listening(self, listener: Callable[[object], None]) -> Iterator[None]:
        """*listener* hears what happens inside the block."""
        self.listeners.append(listener)
        try:
            yield
        finally:
            self.listeners.remove(listener)
