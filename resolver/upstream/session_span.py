"""How many queries a server takes on one connection, where it closes after few. Pure.

Some close after each answer, or after so many, with the next queries on their way already. Those go
out again (RFC 7766 §6.2.4), but many at a time would be cut off time and again. So once two
connections of one server ended like that, the next carry no more than one of them has answered, and
that is forgotten after a while: it may have been a restart. What a server closed while nothing was
on its way, and met a query, says nothing: that was silence, not a count.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from resolver.limits import SESSION_SPAN_SECONDS

if TYPE_CHECKING:
    from resolver.upstream.session import Session


class _Use:
    __slots__ = ("answered", "has_left", "sent", "was_cut")

    def __init__(self) -> None:
        self.sent = self.answered = 0
        self.has_left = self.was_cut = False


class SessionSpan:
    """Of the sessions with one server; those between `began` and `ended`."""

    def __init__(self) -> None:
        self._most = math.inf
        self._until = -math.inf
        self._cut_short: int | None = None  # what the last that was cut off had answered
        self._uses: dict[Session, _Use] = {}

    def __repr__(self) -> str:
        return f"<SessionSpan of {self._most} queries>"

    def began(self, session: Session, now: float) -> None:
        """It is to carry queries."""
        if now >= self._until:
            self._most, self._cut_short = math.inf, None
        self._uses[session] = _Use()

    def takes(self, session: Session) -> bool:
        """May one more query go out on it?"""
        return self._uses[session].sent < self._most

    def sent(self, session: Session) -> None:
        """One more did."""
        self._uses[session].sent += 1

    def heard(self, session: Session) -> bool:
        """One was answered. True if that was all it will carry, and nothing is on its way."""
        use = self._uses[session]
        use.answered += 1
        use.has_left = session.waiting > 0
        return use.sent >= self._most and not session.waiting

    def cut(self, session: Session) -> None:
        """The server ended it, with queries on their way."""
        use = self._uses[session]
        use.was_cut = use.has_left

    def ended(self, session: Session, now: float) -> None:
        """Nothing is carried any more."""
        use = self._uses.pop(session)
        if not (use.was_cut and use.answered):
            return
        if self._cut_short is not None:
            self._most = max(self._cut_short, use.answered)
        self._cut_short = use.answered
        self._until = now + SESSION_SPAN_SECONDS
