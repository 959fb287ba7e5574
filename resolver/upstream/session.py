"""The seam to whatever carries queries encrypted: a query's octets in, its reply's octets out.

To those who ask, a query over a session is one more port (`upstream.network.UdpPort`): sent without
waiting, answered or failed later, closed when nobody waits any more. So choosing, hedging, matching
and outages know nothing of connections. Behind it, a `SessionPool` for each server has `Session`s,
`tls_session`, `https_session` or `quic_session`. RFC 7858, 8484, 9250.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from resolver.model import Server

Number: TypeAlias = "bytes | int"  # of a query on its session: its id there, or its stream


class SessionFailed(OSError):
    """No encrypted session with a server came about, or one ended. *reason* says why.

    *is_unproven*: it is there, but did not prove that it is who was meant.
    """

    def __init__(self, reason: str, *, is_unproven: bool = False) -> None:
        super().__init__(errno.EPROTO, reason)
        self.reason = reason
        self.is_unproven = is_unproven


class PortOwner(Protocol):
    """Where a port's query goes: `session_pool.SessionPool`."""

    def put(self, port: SessionPort, /) -> None:
        """Send its query, now or as soon as there is a session."""

    def drop(self, port: SessionPort, /) -> None:
        """Nobody waits for its reply any more. Idempotent."""


class SessionPort:
    """One query to one server. *session*: on which it is on its way, as *number* there;

    *repeats*: sessions that ended under it. *has_queued*: this one was opened for it.
    """

    __slots__ = ("_owner", "has_queued", "number", "query", "repeats", "session")

    def __init__(self, owner: PortOwner) -> None:
        self._owner = owner
        self.query = b""
        self.number: Number = b""
        self.session: Session | None = None
        self.repeats = 0
        self.has_queued = False

    def __repr__(self) -> str:
        return f"<SessionPort on {self.session!r}>"

    @property
    def has_departed(self) -> bool:
        """False while there is no session to send it on."""
        return self.session is not None

    def send(self, data: bytes) -> None:
        """Never waits, and never fails here: what is wrong is heard like a reply."""
        self.query = data
        self._owner.put(self)

    def close(self) -> None:
        self._owner.drop(self)


class Session(Protocol):
    """One connection to one server, with several queries on it. Sending never waits."""

    is_open: bool
    """False once it takes no more queries."""

    has_served: bool
    """True once something that was asked was answered."""

    reason: str
    """Why it ended, or is about to, where that is the server's fault; else empty."""

    @property
    def is_lost(self) -> bool:
        """True if it ended since nobody is there any more, as far as can be told."""

    @property
    def waiting(self) -> int:
        """Queries without a reply yet."""

    @property
    def ticket(self) -> object | None:
        """What the next session with the same server may begin with, if there is something."""

    def is_mute(self, now: float) -> bool:
        """Was nothing heard for long, though something was asked?"""

    def send(self, port: SessionPort) -> None:
        """Send the query of *port*; its reply goes to the host, with the query's own id."""

    def leave(self, port: SessionPort) -> None:
        """Its reply is not waited for. Idempotent."""

    def orphans(self) -> list[SessionPort]:
        """Those still waiting, which wait no longer: for when it has ended."""

    def shut(self) -> None:
        """Take no more queries, and end. Idempotent."""

    async def serve(self) -> None:
        """Until its end: reads replies. Closes the connection; raises nothing of its own."""


class Host(Protocol):
    """Who has a session: `session_pool.SessionPool`."""

    def heard(self, session: Session, port: SessionPort, reply: bytes, /) -> None:
        """A reply to what *port* asked: it has the same id, and the same question."""

    def failed(self, session: Session, port: SessionPort, failed: SessionFailed, /) -> None:
        """What *port* asked came to nothing, while the session goes on."""

    def returned(self, session: Session, port: SessionPort, /) -> None:
        """What *port* asked was not looked at: it may be asked again."""

    def idle_s(self, session: Session, granted_s: float, /) -> float:
        """How long a session without queries is kept, of which the server grants *granted_s*."""


class Connect(Protocol):
    """Opens a session (`tls_session.Connector`)."""

    async def __call__(self, server: Server, host: Host, ticket: object | None, /) -> Session:
        """Raises OSError, SessionFailed among them. The caller bounds the time."""
