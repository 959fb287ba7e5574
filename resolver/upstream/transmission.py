"""One UDP query on its way to one server: when it was sent, and when it is late, overdue, lost.

Plain data that decisions rest on (`cut_query`); the port and the timer are the dispatcher's.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resolver.delegation import Key
    from resolver.model import Name, Question, Server
    from resolver.upstream.query import Sent
    from resolver.upstream.server_state import ServerState
    from resolver.upstream.way import Way

    Slot = tuple[Key, Question]  # what may be on its way only once


class Purpose(enum.Enum):
    """Why a packet goes out, where that is counted."""

    QUESTION = "question"
    PROBE = "probe"
    RESORT = "last resort"
    WITNESS = "witness"

    __hash__ = object.__hash__


class Transmission:
    """On its way, lost, or late. *waiters* are the dispatcher's own: those who wait for it."""

    __slots__ = (
        "expires_at", "late_at", "overdue_at", "owner_domain", "port", "purpose", "sent", "sent_at",
        "server", "slot", "state", "timer", "waiters", "way",
    )  # fmt: skip

    def __init__(
        self,
        question: Question,
        way: Way,
        owner_domain: Name,
        server: Server,
        state: ServerState,
        sent: Sent,
        now: float,
        purpose: Purpose = Purpose.QUESTION,
    ) -> None:
        self.waiters: list[Any] = []
        self.way = way
        self.purpose = purpose
        self.server = server
        self.state = state
        self.sent = sent
        self.sent_at = now
        self.late_at = now + state.hedge_s
        self.overdue_at = max(self.late_at, now + state.overdue_s)
        self.expires_at = now + state.expiry_s
        self.owner_domain = owner_domain
        self.slot: Slot = (state.key, question)
        self.port: Any = None  # once it is out
        self.timer: list[Any] | None = None

    def __repr__(self) -> str:
        return f"<Transmission to {self.server.host} waited for by {len(self.waiters)}>"

    def depart(self, at: float) -> None:
        """It leaves, or left, not when it was handed over: a session had to be opened first."""
        state = self.state
        self.sent_at = at
        self.late_at = at + state.hedge_s
        self.overdue_at = max(self.late_at, at + state.overdue_s)
        self.expires_at = at + state.expiry_s

    def is_overdue(self, now: float) -> bool:
        """By what was known of the server when it was sent, or by what is known now."""
        state = self.state
        return now >= self.overdue_at or (
            state.n > 0 and now - self.sent_at >= max(state.hedge_s, state.overdue_s)
        )
