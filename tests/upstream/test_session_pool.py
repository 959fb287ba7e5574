"""How many sessions one server has, what goes out on which, and what becomes of those that end."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.limits import (
    SESSION_FULL_QUERIES,
    SESSION_PROOF_SECONDS,
    SESSION_QUERIES,
    SESSION_SETTLED_SECONDS,
    SESSIONS_PER_SERVER,
)
from resolver.protocol.transport import Transport
from resolver.upstream.link_profile import LinkProfile
from resolver.upstream.session import SessionFailed
from resolver.upstream.session_counters import SessionCounters
from resolver.upstream.session_pool import Means, SessionPool
from tests.support import trio_test
from tests.upstream.tls_servers import encrypted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.model import Server
    from resolver.upstream.session import Host, SessionPort


class Fake:
    """A `Session` that keeps what it is given until it is told to answer."""

    def __init__(self, host: Host) -> None:
        self.is_open = True
        self.has_served = self.is_lost = False
        self.reason = ""
        self.ticket: object | None = None
        self.mute = False
        self.ports: list[SessionPort] = []
        self._host = host
        self._ended = trio.Event()

    @property
    def waiting(self) -> int:
        return len(self.ports)

    def is_mute(self, now: float) -> bool:
        del now
        return self.mute

    def send(self, port: SessionPort) -> None:
        self.ports.append(port)

    def leave(self, port: SessionPort) -> None:
        self.ports.remove(port)

    def orphans(self) -> list[SessionPort]:
        left, self.ports = self.ports, []
        return left

    def shut(self) -> None:
        self.is_open = False
        self._ended.set()

    async def serve(self) -> None:
        await self._ended.wait()
        self.is_open = False

    def reply(self) -> None:
        port = self.ports.pop(0)
        self._host.heard(self, port, b"reply to " + port.query)
        self.has_served = True


class Rig:
    """A pool, its sessions, and what was heard."""

    def __init__(self) -> None:
        self.sessions: list[Fake] = []
        self.tickets: list[object | None] = []
        self.heard: dict[bytes, bytes | OSError] = {}
        self.departed: list[bytes] = []
        self.error: OSError | None = None
        self.pool: SessionPool

    async def connect(self, server: Server, host: Host, ticket: object | None) -> Fake:
        assert server.transport is Transport.TLS
        await trio.sleep(0.1)
        self.tickets.append(ticket)
        if self.error is not None:
            raise self.error
        session = Fake(host)
        self.sessions.append(session)
        return session

    def ask(self, query: bytes) -> SessionPort:
        port = self.pool.open()
        port.send(query)
        return port

    def _hear(self, port: SessionPort, data: bytes | OSError) -> None:
        assert port.query not in self.heard, "heard once"
        self.heard[port.query] = data


@asynccontextmanager
async def rig(*, keeps_warm: bool = True) -> AsyncIterator[Rig]:
    one = Rig()
    async with trio.open_nursery() as nursery:
        means = Means(
            nursery,
            one._hear,
            lambda port: one.departed.append(port.query),
            SessionCounters(),
            lambda: keeps_warm,
            LinkProfile(),
        )
        one.pool = SessionPool(encrypted(), one.connect, means)
        yield one
        nursery.cancel_scope.cancel()


@trio_test
@pytest.mark.reaches("SESSION_FULL_QUERIES", "SESSIONS_PER_SERVER")
async def test_another_session_is_opened_where_many_wait_and_not_before() -> None:
    async with rig() as one:
        for at in range(SESSION_FULL_QUERIES):
            one.ask(b"%d" % at)
            await trio.sleep(1)
        assert len(one.sessions) == 1
        one.ask(b"more")
        await trio.sleep(1)
        assert len(one.sessions) == 2
        one.ask(b"next")
        assert one.sessions[1].waiting == 1, "the emptier one has it"
        for at in range(1000):
            one.ask(b"x%d" % at)
            await trio.sleep(0.2)
        assert len(one.sessions) == SESSIONS_PER_SERVER


@trio_test
@pytest.mark.reaches("SESSION_QUERIES")
async def test_what_no_session_has_room_for_waits() -> None:
    async with rig() as one:
        one.ask(b"first")
        await trio.sleep(1)
        most = SESSIONS_PER_SERVER * SESSION_QUERIES
        for at in range(most):
            one.ask(b"%d" % at)
            if at % 100 == 0:
                await trio.sleep(0.2)
        assert max(each.waiting for each in one.sessions) == SESSION_QUERIES
        assert sum(each.waiting for each in one.sessions) == most
        for session in one.sessions:
            session.reply()
        await trio.sleep(1)
        assert sum(each.waiting for each in one.sessions) == most - SESSIONS_PER_SERVER + 1


@trio_test
async def test_what_waited_for_a_session_is_told_when_it_leaves() -> None:
    async with rig() as one:
        one.ask(b"first")
        assert one.departed == []
        await trio.sleep(1)
        assert one.departed == [b"first"]
        one.ask(b"second")
        assert one.departed == [b"first"]
        assert one.sessions[0].waiting == 2


@trio_test
async def test_a_query_goes_out_once_more_and_no_oftener() -> None:
    """The session had served, so it was closed as idle ones are; the next one has not."""
    async with rig() as one:
        one.ask(b"first")
        await trio.sleep(1)
        one.sessions[0].reply()
        one.ask(b"second")
        one.sessions[0].shut()
        await trio.sleep(1)
        assert [port.query for port in one.sessions[1].ports] == [b"second"]
        one.sessions[1].shut()
        await trio.sleep(1)
        assert isinstance(one.heard[b"second"], SessionFailed)
        assert len(one.sessions) == 2


@trio_test
async def test_what_is_put_on_a_session_opened_ahead_goes_out_once_more() -> None:
    """It has served nobody, and was closed while nothing was asked: that is no failure."""
    async with rig() as one:
        one.pool.warm_up()
        await trio.sleep(1)
        one.ask(b"first")
        one.sessions[0].shut()
        await trio.sleep(1)
        assert [port.query for port in one.sessions[1].ports] == [b"first"]
        one.sessions[1].shut()
        await trio.sleep(1)
        assert isinstance(one.heard[b"first"], SessionFailed)
        assert len(one.sessions) == 2


@trio_test
async def test_a_server_that_closes_what_was_opened_for_a_question_has_failed() -> None:
    async with rig() as one:
        one.ask(b"first")
        await trio.sleep(1)
        one.sessions[0].shut()
        await trio.sleep(1)
        assert isinstance(one.heard[b"first"], SessionFailed)
        assert len(one.sessions) == 1


@trio_test
async def test_what_was_lost_on_the_way_goes_out_once_more() -> None:
    async with rig() as one:
        one.ask(b"first")
        for at in range(2):
            await trio.sleep(1)
            assert [port.query for port in one.sessions[at].ports] == [b"first"]
            one.sessions[at].is_lost = True
            one.sessions[at].shut()
        await trio.sleep(1)
        assert isinstance(one.heard[b"first"], SessionFailed)
        assert len(one.sessions) == 2


@trio_test
async def test_nothing_is_heard_for_who_has_left() -> None:
    async with rig() as one:
        early = one.ask(b"early")
        early.close()
        await trio.sleep(1)
        late = one.ask(b"late")
        late.close()
        late.close()
        one.sessions[0].shut()
        await trio.sleep(1)
        assert one.heard == {}


@trio_test
async def test_all_who_wait_hear_why_there_is_no_session() -> None:
    async with rig() as one:
        one.error = ConnectionRefusedError(111, "Connection refused")
        for name in (b"a", b"b"):
            one.ask(name)
        await trio.sleep(0.5)
        one.ask(b"c")
        assert b"c" not in one.heard, "never from within send"
        await trio.sleep(0.1)
        assert {str(getattr(each, "reason", "")) for each in one.heard.values()} == {"ECONNREFUSED"}
        assert set(one.heard) == {b"a", b"b", b"c"}
        assert len(one.tickets) == 1


@trio_test
async def test_a_failure_beside_a_session_that_works_is_nobodys() -> None:
    async with rig() as one:
        for at in range(SESSION_FULL_QUERIES):
            one.ask(b"%d" % at)
            await trio.sleep(0.2)
        one.error = ConnectionResetError(104, "Connection reset by peer")
        one.ask(b"more")
        await trio.sleep(1)
        assert one.heard == {}
        one.ask(b"again")
        assert one.sessions[0].waiting == SESSION_FULL_QUERIES + 2


@trio_test
async def test_a_mute_session_is_replaced() -> None:
    async with rig() as one:
        one.ask(b"a")
        await trio.sleep(1)
        one.sessions[0].mute = True
        one.ask(b"b")
        await trio.sleep(1)
        assert [port.query for port in one.sessions[1].ports] == [b"b"]
        assert one.sessions[0].is_open, "its reply may come still"
        one.sessions[0].ports.clear()
        one.ask(b"c")
        assert not one.sessions[0].is_open


@trio_test
async def test_a_ticket_is_used_once() -> None:
    """RFC 8446 §C.4: two sessions with one ticket are known for one client's."""
    async with rig(keeps_warm=False) as one:
        one.ask(b"a")
        await trio.sleep(1)
        one.sessions[0].ticket = "ticket"
        one.sessions[0].reply()
        for name in (b"b", b"c"):
            one.sessions[-1].shut()
            await trio.sleep(1)
            one.ask(name)
            await trio.sleep(1)
        assert one.tickets == [None, "ticket", None]


@trio_test
@pytest.mark.rfc("RFC 8446 §4.6.1")
@pytest.mark.reaches("SESSION_PROOF_SECONDS")
async def test_a_certificate_is_looked_at_again_however_many_tickets_follow_each_other() -> None:
    """Each session gives another ticket, so one that has expired would do for ever."""
    step_s = SESSION_PROOF_SECONDS / 4
    async with rig(keeps_warm=False) as one:
        for at in range(9):
            one.ask(b"%d" % at)
            await trio.sleep(1)
            one.sessions[-1].ticket = f"ticket {at}"
            one.sessions[-1].reply()
            one.sessions[-1].shut()
            await trio.sleep(step_s - 1)
        full = [at for at, ticket in enumerate(one.tickets) if ticket is None]
        assert full == [0, 4, 8]


@trio_test
@pytest.mark.reaches("SESSION_SETTLED_SECONDS")
async def test_a_server_that_closes_at_once_is_not_connected_to_for_ever() -> None:
    async with rig() as one:
        one.ask(b"a")
        await trio.sleep(0.2)
        one.sessions[0].reply()
        await trio.sleep(SESSION_SETTLED_SECONDS - 1)
        one.sessions[0].shut()
        await trio.sleep(1)
        assert len(one.sessions) == 1
        one.ask(b"b")
        await trio.sleep(SESSION_SETTLED_SECONDS + 1)
        one.sessions[1].reply()
        one.sessions[1].shut()
        await trio.sleep(1)
        assert len(one.sessions) == 3


@trio_test
async def test_what_a_server_grants_is_less_a_second_for_the_way() -> None:
    async with rig(keeps_warm=False) as one:
        one.ask(b"a")
        await trio.sleep(1)
        session = one.sessions[0]
        assert one.pool.idle_s(session, 10.0) == 9.0
        assert one.pool.idle_s(session, 0.0) == 0.0
        assert one.pool.idle_s(session, math.inf) == 60.0
