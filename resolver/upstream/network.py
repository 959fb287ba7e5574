"""The seam to the network, upstream side: everything that leaves the process goes through here.

Two implementations: real sockets (`upstream.udp`) and the lab's virtual Internet
(`lab.virtual_network`). The seam is at the level of batches: one `wait`, then `receive` drains all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import trio

    from resolver.model import Server

    Whose = Callable[["UdpPort"], bytes]  # for which client network something is asked there


class UdpPort(Protocol):
    """One connected UDP socket on a random port: one query to one server (RFC 5452 §9.2)."""

    def send(self, data: bytes, /) -> object:
        """Send without waiting. Raises OSError when the kernel says no (unreachable, no route)."""

    def close(self) -> None:
        """Idempotent; a datagram that comes later is nobody's."""


class LinkChanges(Protocol):
    """Who tells that a way out may have opened, or closed, from the moment that it was made."""

    async def changed(self) -> None:
        """Until a link, an address or a route of this machine has changed. One for many may do."""

    def close(self) -> None:
        """Idempotent."""


class Routers(Protocol):
    """Who tells of prefixes of translators that routers advertise, from the moment that it was
    made."""

    async def advertised(self) -> list[bytes]:
        """The next PREF64 options (RFC 8781)."""

    def close(self) -> None:
        """Idempotent."""


class Network(Protocol):
    """Where packets go out.

    *descriptor*: is readable while there is something to read; -1 where there is none.
    """

    @property
    def descriptor(self) -> int: ...

    @property
    def has_waiting(self) -> bool:
        """True if some of what `receive` has seen waits for its turn."""

    def hear_routers(self) -> Routers:
        """What routers say from now on. Raises OSError where nobody tells. Never blocks."""

    def hear_links(self, *, losses: bool = False) -> LinkChanges:
        """What changes from now on; *losses*: what goes, too.

        Raises OSError where nobody tells. Never blocks.
        """

    def open_udp(self, server: Server) -> UdpPort:
        """A new port connected to *server*, from the configured source address if there is one.

        Raises OSError (no route to that family, no descriptors left). Never blocks.
        """

    async def wait(self) -> None:
        """Until at least one port has something to read, or an error to tell."""

    def receive(self, whose: Whose | None = None) -> Sequence[tuple[UdpPort, bytes | OSError]]:
        """All datagrams (and ICMP errors) that are there now. Bounded, never blocks.

        Where there are more than that, each network that *whose* tells apart has one in turn.
        May be called while somebody else is in `wait`.
        """

    async def connect_tcp(self, server: Server) -> trio.abc.HalfCloseableStream:
        """A TCP connection. Raises OSError. The caller bounds the time."""
