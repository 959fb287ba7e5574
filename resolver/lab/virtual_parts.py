"""What the virtual Internet is made of: addresses, servers that answer, packets, a carrier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import trio

    from resolver.upstream.network import UdpPort

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Delayed:
    """A reply that the server takes its time over."""

    data: bytes
    after_s: float


Answers = bytes | Delayed | Sequence[bytes | Delayed] | None


def as_delayed(answers: Answers) -> Sequence[Delayed]:
    """What an answerer gave, as the messages to send, each with its wait."""
    if answers is None:
        return ()
    several = (answers,) if isinstance(answers, bytes | Delayed) else answers
    return [one if isinstance(one, Delayed) else Delayed(one, 0.0) for one in several]


class Answerer(Protocol):
    """A virtual server: one datagram or TCP message in, none, one or several out."""

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        """*transport* is "udp" or "tcp", *source* the asker's address without port."""


class Receiver(Protocol):
    """Whatever is bound to a port."""

    def deliver(self, data: bytes, source: Address, destination: Address) -> None: ...


class Packet(NamedTuple):
    """What observers see of each datagram or TCP message, at the moment it is sent."""

    at: float
    source: Address
    destination: Address
    transport: str
    data: bytes


class Carrier(Protocol):
    """What sockets and servers ask of the network they are in (`virtual_network`)."""

    def observe(
        self, data: bytes, source: Address, destination: Address, transport: str
    ) -> None: ...

    def send(self, data: bytes, source: Address, destination: Address) -> None: ...

    async def dial(self, source: Address, destination: Address) -> trio.abc.HalfCloseableStream: ...

    def bind(self, address: Address, receiver: Receiver) -> None: ...

    def unbind(self, address: Address, receiver: object) -> None: ...

    def free_port(self, host: str) -> Address: ...

    def queue(self, port: UdpPort, item: bytes | OSError) -> None: ...
