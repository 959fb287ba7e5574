"""The sessions with one server: opened at need, shared, kept warm, replaced when they end.

One session carries all, a second is opened where many queries wait. One that ends while nothing
was asked is not a failure; what was asked just then goes out again, on another (RFC 7766 §6.2.4,
RFC 7858 §3.4), and `session_span` sees to it that it comes through. After a failure nobody tries
for a moment: all who ask are told the same reason. While the server is in use one session is kept,
for each new one costs two round trips.
"""

from __future__ import annotations

import errno
import math
from typing import TYPE_CHECKING, NamedTuple

import trio

from resolver.errors import drop_frames
from resolver.limits import (
    SESSION_FULL_QUERIES,
    SESSION_IDLE_SECONDS,
    SESSION_PROOF_SECONDS,
    SESSION_QUERIES,
    SESSION_REPEATS,
    SESSION_RETRY_SECONDS,
    SESSION_SETTLED_SECONDS,
    SESSION_UNPROVEN_SECONDS,
    SESSION_WARM_SECONDS,
    SESSIONS_PER_SERVER,
)
from resolver.upstream.session import SessionFailed, SessionPort
from resolver.upstream.session_span import SessionSpan

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.model import Server
    from resolver.upstream.link_profile import LinkProfile
    from resolver.upstream.session import Connect, Session
    from resolver.upstream.session_counters import SessionCounters


class Means(NamedTuple):
    """What all pools have in common. *hear* is told replies and failures, *departed* that a query
    which had to wait for a session went out. *keeps_warm*: may sessions be opened ahead of need?
    *link*: how long that may take, and how long they are kept."""

    nursery: trio.Nursery
    hear: Callable[[SessionPort, bytes | OSError], None]
    departed: Callable[[SessionPort], None]
    counters: SessionCounters
    keeps_warm: Callable[[], bool]
    link: LinkProfile


class SessionPool:
    """`PortOwner` and `Host` for one server. *connect* opens a session with it."""

    def __init__(self, server: Server, connect: Connect, means: Means) -> None:
        self.server = server
        self._connect = connect
        self._means = means
        self._sessions: list[Session] = []
        self._span = SessionSpan()
        self._queue: dict[SessionPort, None] = {}  # for want of a session
        self._is_opening = False
        self._warming_since = -math.inf  # an attempt that nobody has asked for
        self._ticket: object | None = None
        self._proven_at = -math.inf  # when the server last showed its certificate
        self._used_at = -math.inf
        self._failed: SessionFailed | None = None
        self._failed_until = -math.inf
        self._is_over = False

    def __repr__(self) -> str:
        return f"<SessionPool {self.server.host} open={len(self._sessions)}>"

    @property
    def is_idle(self) -> bool:
        """True if nothing is open, on its way, or waited for."""
        is_warming = self._warming_since > -math.inf
        return not (self._sessions or self._queue or self._is_opening or is_warming)

    # --- for those who ask -------------------------------------------------------------------

    def open(self) -> SessionPort:
        """A port for one query."""
        return SessionPort(self)

    def put(self, port: SessionPort) -> None:
        now = self._used_at = trio.current_time()
        self._means.counters.queries += 1
        session = self._least_busy(now)
        if session is None and self._failed is not None and now < self._failed_until:
            self._means.nursery.start_soon(self._tell, [port], self._failed)
            return
        if session is not None and session.waiting < SESSION_QUERIES:
            port.session = session
            self._span.sent(session)
            session.send(port)
        else:
            self._queue[port] = None
        if session is None or session.waiting > SESSION_FULL_QUERIES:
            self._open_one()

    def drop(self, port: SessionPort) -> None:
        self._queue.pop(port, None)
        session, port.session = port.session, None
        if session is not None:
            session.leave(port)
            self._send_queued(session)

    def end(self) -> None:
        """No session is opened any more; those there are end once nothing waits on them."""
        self._is_over = True
        for session in self._sessions:
            if not session.waiting:
                session.shut()

    def _least_busy(self, now: float) -> Session | None:
        """Of the sessions that may be asked; those that went mute are let go."""
        found = None
        for session in self._sessions:
            if session.is_mute(now - self._means.link.grace_s):
                if not session.waiting:
                    session.shut()
            elif not (session.is_open and self._span.takes(session)):
                continue
            elif found is None or session.waiting < found.waiting:
                found = session
        return found

    # --- for sessions ------------------------------------------------------------------------

    def heard(self, session: Session, port: SessionPort, reply: bytes) -> None:
        port.session = None
        if not session.has_served:
            self._ticket = session.ticket or self._ticket
        is_spent = self._span.heard(session)
        self._means.hear(port, reply)
        self._send_queued(session)
        if is_spent:
            session.shut()

    def failed(self, session: Session, port: SessionPort, failed: SessionFailed) -> None:
        self._means.counters.broken += 1
        self._hear_all([port], failed)
        self._send_queued(session)

    def returned(self, session: Session, port: SessionPort) -> None:
        if not session.is_open:
            self._span.cut(session)
        if not self._has_repeats(session, port):
            failed = SessionFailed(session.reason or "connection closed by the server")
            self._hear_all([port], failed)
        else:
            self._repeat(port)

    def idle_s(self, session: Session, granted_s: float) -> float:
        """As long as the server grants, less a second for the way (RFC 7828 §3.3.2)."""
        if self._is_over:
            return 0.0
        kept_s = self._means.link.session_idle_s
        if self._sessions == [session] and self._means.keeps_warm():
            kept_s = max(kept_s, self._used_at + SESSION_WARM_SECONDS - trio.current_time())
        return max(0.0, min(kept_s, granted_s - 1.0))

    # --- opening and ending ------------------------------------------------------------------

    def _open_one(self) -> None:
        """One more, unless one is on its way already or there are enough."""
        if self._is_opening or len(self._sessions) >= SESSIONS_PER_SERVER or self._is_over:
            return
        if trio.current_time() - self._warming_since < SESSION_RETRY_SECONDS:
            return  # it will be there sooner
        self._is_opening = True
        self._means.nursery.start_soon(self._run)

    async def _run(self) -> None:
        """One session, from its handshake to its end."""
        try:
            session = await self._handshake()
        except OSError as error:
            self._fail(error)
            return
        finally:
            self._is_opening = False
        await self._serve(session)

    def warm_up(self) -> None:
        """Have a session before anybody asks; where that fails it is tried again for a while."""
        if self.is_idle and not self._is_over and self._means.keeps_warm():
            self._warming_since = trio.current_time()
            self._means.nursery.start_soon(self._open_ahead)

    async def _open_ahead(self) -> None:
        """One session, of which nobody has need yet: tried ever more slowly.

        A server that is started anew, or a link that comes back, is found before the next question.
        """
        began = trio.current_time()
        wait_s = SESSION_RETRY_SECONDS
        while not await self._run_ahead():
            await trio.sleep_until(max(trio.current_time() + wait_s, self._failed_until))
            wait_s = min(2 * wait_s, SESSION_IDLE_SECONDS)
            now = trio.current_time()
            is_late = now - max(began, self._used_at) >= SESSION_WARM_SECONDS
            if is_late or self._is_over or not self.is_idle or not self._means.keeps_warm():
                return
            self._warming_since = now

    async def _run_ahead(self) -> bool:
        """As `_run`; False if there was none, which is nobody's failure: who asks will try."""
        try:
            session = await self._handshake()
        except OSError as error:
            drop_frames(error)
            if getattr(error, "is_unproven", False):
                self._fail(error)
                return False
            self._means.counters.failures += 1
            self._warming_since = -math.inf
            if self._queue:
                self._open_one()
            return False
        finally:
            self._warming_since = -math.inf
        await self._serve(session)
        return True

    async def prove(self, within_s: float | None = None) -> str:
        """Open a session, though nobody asks: "" once there is one, else why there is none."""
        try:
            session = await self._handshake(within_s)
        except OSError as error:
            drop_frames(error)
            return (error if isinstance(error, SessionFailed) else _failure(error)).reason
        self._means.nursery.start_soon(self._serve, session)
        return ""

    async def _serve(self, session: Session) -> None:
        """Until its end."""
        self._failed = None
        self._sessions.append(session)
        began = trio.current_time()
        self._span.began(session, began)
        try:
            self._send_queued(session)
            if self._queue:
                self._open_one()
            await session.serve()
        finally:
            self._sessions.remove(session)
            self._go_on(session, began)

    async def _handshake(self, within_s: float | None = None) -> Session:
        """Raises OSError."""
        within_s = self._means.link.connect_s if within_s is None else within_s
        ticket, self._ticket = self._ticket, None  # each is used once (RFC 8446 §C.4)
        began = trio.current_time()
        if began - self._proven_at >= SESSION_PROOF_SECONDS:
            ticket = None
        with trio.move_on_after(within_s):
            session = await self._connect(self.server, self, ticket)
            self._means.counters.connects += 1
            self._proven_at = began if ticket is None else self._proven_at
            return session
        raise SessionFailed(f"no session in {within_s:g} s")

    def _send_queued(self, session: Session) -> None:
        """As many as it takes, in their order."""
        takes = self._span.takes
        while (
            self._queue and session.is_open and session.waiting < SESSION_QUERIES and takes(session)
        ):
            port = next(iter(self._queue))
            del self._queue[port]
            port.session, port.has_queued = session, True
            self._span.sent(session)
            session.send(port)
            self._means.departed(port)

    def _fail(self, error: OSError) -> None:
        """Tell all who wait for one, unless there is another."""
        drop_frames(error)
        failed = error if isinstance(error, SessionFailed) else _failure(error)
        self._means.counters.failures += 1
        self._failed = failed
        wait_s = SESSION_UNPROVEN_SECONDS if failed.is_unproven else SESSION_RETRY_SECONDS
        now = trio.current_time()
        self._failed_until = now + wait_s
        other = self._least_busy(now)
        if other is not None:
            self._send_queued(other)
            return
        queued, self._queue = self._queue, {}
        self._hear_all(list(queued), failed)

    def _go_on(self, session: Session, began: float) -> None:
        """What waits on a session that ended goes out again, once; another one is kept warm."""
        lost = session.orphans()
        now = trio.current_time()
        if lost and not session.reason:
            self._span.cut(session)
        self._span.ended(session, now)
        repeats = [port for port in lost if self._may_repeat(session, port)]
        others = [port for port in lost if port not in repeats]
        if session.reason:
            self._means.counters.broken += 1
            if not session.has_served:  # the next would be no better
                self._failed = SessionFailed(session.reason)
                self._failed_until = now + SESSION_RETRY_SECONDS
        for port in repeats:
            self._repeat(port)
        self._hear_all(others, SessionFailed(session.reason or "connection closed by the server"))
        if self._queue:
            self._open_one()
        is_used = now - self._used_at < SESSION_WARM_SECONDS
        is_settled = now - began >= SESSION_SETTLED_SECONDS
        if is_used and is_settled:
            self.warm_up()

    def _may_repeat(self, session: Session, port: SessionPort) -> bool:
        """What was put on a session that was there already, which may have been long gone; or on
        one that was lost on the way."""
        is_new = port.has_queued and not session.has_served
        return (session.is_lost or not is_new) and self._has_repeats(session, port)

    def _has_repeats(self, session: Session, port: SessionPort) -> bool:
        """Once, and where others were answered meanwhile a few times."""
        most = SESSION_REPEATS if session.has_served else 1
        return port.repeats < most and not self._is_over

    def _repeat(self, port: SessionPort) -> None:
        port.repeats += 1
        port.session, port.has_queued = None, False
        self.put(port)

    async def _tell(self, ports: list[SessionPort], failed: SessionFailed) -> None:
        self._hear_all(ports, failed)

    def _hear_all(self, ports: list[SessionPort], failed: SessionFailed) -> None:
        for port in ports:
            port.session = None
            self._means.hear(port, failed)


def _failure(error: OSError) -> SessionFailed:
    """In the kernel's word: ECONNREFUSED."""
    return SessionFailed(errno.errorcode.get(error.errno or 0, "no connection"))
