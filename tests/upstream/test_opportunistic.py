"""Zones' servers that speak TLS: found out in the background, used, and given up at once."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.limits import (
    OPPORTUNISTIC_DAMPING_SECONDS,
    OPPORTUNISTIC_PERSISTENCE_SECONDS,
    OPPORTUNISTIC_PROBES,
    OPPORTUNISTIC_SECONDS,
    OPPORTUNISTIC_SERVERS,
    OPPORTUNISTIC_SESSIONS,
    OPPORTUNISTIC_USES,
    OPPORTUNISTIC_USES_SECONDS,
)
from resolver.model import Delegation, Question, Server
from resolver.protocol.codes import RRType
from resolver.protocol.names import from_text
from resolver.protocol.transport import Transport
from resolver.upstream.encrypted import Encryption
from resolver.upstream.opportunity import KeptOpportunity
from tests.support import trio_test
from tests.upstream.tls_servers import HOST, NAME, TlsScript, certificate, server_context
from tests.upstream.virtual_servers import ZONE, World

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from resolver.upstream.opportunistic import Opportunist
    from resolver.upstream.request import Reply


class Place:
    """A zone's server at HOST, in clear text and, unless *is_plain*, over TLS."""

    def __init__(self, *, is_on: bool = True, is_plain: bool = False, **named: object) -> None:
        self.world = World(**named)  # type: ignore[arg-type]
        self.clear = self.world.serve(HOST)
        # Self-signed by somebody, for somebody else: nothing is proven.
        self.tls = TlsScript(server_context(certificate(NAME, by="nobody")))
        self.is_plain = is_plain
        self.encryption = Encryption(is_opportunistic=is_on)

    @property
    def opportunist(self) -> Opportunist:
        found = self.world.dispatcher.encrypted.opportunist
        assert found is not None
        return found

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            if not self.is_plain:
                nursery.start_soon(self.tls.listen, self.world.network, HOST, nursery)
            await nursery.start(self.world.dispatcher.run)
            self.world.dispatcher.encrypted.go_by(self.encryption)
            yield
            nursery.cancel_scope.cancel()

    async def ask(self, *hosts: str, cut: Delegation | None = None) -> Reply:
        self.world.whole.deadline = trio.current_time() + 100
        self.world.whole.queries = 100
        request = self.world.request(*(hosts or (HOST,)))
        if cut is not None:
            request = request._replace(delegation=cut)
        question = Question(from_text("www.example.com"), RRType.A)
        return await self.world.dispatcher.ask(request._replace(question=question))

    async def ask_often(self) -> None:
        """Often enough for it to be tried, and until that is done."""
        for _ in range(OPPORTUNISTIC_USES):
            assert (await self.ask()).transport is Transport.UDP
        await trio.sleep(OPPORTUNISTIC_SECONDS + 1)


@trio_test
@pytest.mark.rfc("RFC 9539")
@pytest.mark.reaches("OPPORTUNISTIC_USES")
async def test_a_server_that_is_asked_often_and_speaks_tls_is_asked_so() -> None:
    place = Place()
    async with place.running():
        await place.ask_often()
        assert place.tls.established == 1
        for _ in range(5):
            assert (await place.ask()).transport is Transport.TLS
        assert place.clear.count == OPPORTUNISTIC_USES
        assert (place.opportunist.counters.probes, place.opportunist.counters.successes) == (1, 1)


@trio_test
@pytest.mark.rfc("RFC 9539")
async def test_nobody_is_named_and_dot_is_what_is_spoken() -> None:
    """RFC 9539 §4.6.3.4: no SNI; RFC 7858: ALPN."""
    place, seen = Place(), []

    def hear(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        seen.append(name)

    place.tls.context.sni_callback = hear
    async with place.running():
        await place.ask_often()
    assert place.tls.established == 1
    assert seen in ([], [None])


@trio_test
async def test_it_is_off_unless_it_is_wanted() -> None:
    place = Place(is_on=False)
    async with place.running():
        await place.ask_often()
        await place.ask_often()
        assert place.tls.handshakes == 0
        assert place.world.dispatcher.encrypted.opportunist is None


@trio_test
@pytest.mark.reaches("OPPORTUNISTIC_USES_SECONDS")
async def test_who_is_asked_now_and_then_is_left_alone() -> None:
    place = Place()
    async with place.running():
        for _ in range(4 * OPPORTUNISTIC_USES):
            await place.ask()
            await trio.sleep(OPPORTUNISTIC_USES_SECONDS * 0.6)
        assert place.tls.handshakes == 0


@trio_test
@pytest.mark.rfc("RFC 9539")
@pytest.mark.reaches("OPPORTUNISTIC_DAMPING_SECONDS")
async def test_who_does_not_speak_it_is_tried_once_a_day() -> None:
    place = Place(is_plain=True)
    async with place.running():
        for _ in range(5):
            await place.ask_often()
        assert place.opportunist.counters.probes == 1
        await trio.sleep(OPPORTUNISTIC_DAMPING_SECONDS)
        await place.ask_often()
        assert place.opportunist.counters.probes == 2


@trio_test
@pytest.mark.rfc("RFC 9539")
async def test_at_the_first_failure_it_is_asked_in_clear_text_for_a_day() -> None:
    """And the question at hand is answered."""
    place = Place()
    async with place.running():
        await place.ask_often()
        assert (await place.ask()).transport is Transport.TLS
        good = place.tls.context
        place.tls.context = server_context(certificate(NAME), is_old=True)
        place.tls.context.set_ciphers("AES128-SHA")  # which nobody here wants any more
        place.tls.hang_up()
        await trio.sleep(1)
        for _ in range(2):
            await place.ask_often()
        assert (len(place.opportunist), place.opportunist.counters.failures) == (0, 1)
        assert place.opportunist.counters.probes == 1
        place.tls.context = good
        await trio.sleep(OPPORTUNISTIC_DAMPING_SECONDS)
        await place.ask_often()
        assert (await place.ask()).transport is Transport.TLS


@trio_test
async def test_one_that_takes_questions_and_is_silent_costs_no_answer() -> None:
    """The same question goes out in clear text as soon as it is late."""
    place = Place()
    async with place.running():
        await place.ask_often()
        assert (await place.ask()).transport is Transport.TLS
        place.tls.gate = trio.Event()
        asked = len(place.tls.queries)
        for _ in range(10):
            assert (await place.ask()).transport is Transport.UDP
            await trio.sleep(OPPORTUNISTIC_SECONDS)
        assert (len(place.opportunist), place.opportunist.counters.failures) == (0, 1)
        assert len(place.tls.queries) - asked < 5


@trio_test
async def test_an_idle_session_that_ends_is_no_failure_and_is_not_kept_up() -> None:
    place = Place()
    async with place.running():
        await place.ask_often()
        await place.ask()
        await trio.sleep(300)
        assert place.tls.open == 0
        assert place.tls.established == 1
        assert (await place.ask()).transport is Transport.TLS
        assert place.opportunist.counters.failures == 0


@trio_test
@pytest.mark.reaches("OPPORTUNISTIC_PROBES", "OPPORTUNISTIC_SECONDS")
async def test_few_are_tried_at_once_and_none_for_long() -> None:
    place = Place()
    hosts = [f"192.0.2.{at}" for at in range(10, 10 + 2 * OPPORTUNISTIC_PROBES)]
    for host in hosts:
        place.world.serve(host)
        place.world.network.bind_tcp(host, 853)  # connects, and nobody reads
    async with place.running():
        for _ in range(OPPORTUNISTIC_USES):
            for host in hosts:
                await place.ask(host)
        assert place.opportunist.counters.probes == OPPORTUNISTIC_PROBES
        await trio.sleep(OPPORTUNISTIC_SECONDS + 0.1)
        for host in hosts:
            await place.ask(host)
        assert place.opportunist.counters.probes == 2 * OPPORTUNISTIC_PROBES


@trio_test
async def test_what_the_operator_named_is_asked_as_it_was_named() -> None:
    server = Server(HOST, 53, b"\0")
    cut = Delegation(ZONE, (b"\0",), {b"\0": (server,)}, is_forward=True, way=ZONE)
    place = Place(named=(cut,))
    async with place.running():
        for _ in range(3 * OPPORTUNISTIC_USES):
            assert (await place.ask(cut=cut)).transport is Transport.UDP
        await trio.sleep(OPPORTUNISTIC_SECONDS)
        assert place.tls.handshakes == 0


@trio_test
async def test_switched_off_all_is_clear_text_again() -> None:
    place = Place()
    async with place.running():
        await place.ask_often()
        place.world.dispatcher.encrypted.go_by(Encryption())
        assert (await place.ask()).transport is Transport.UDP


@trio_test
@pytest.mark.reaches("OPPORTUNISTIC_PERSISTENCE_SECONDS")
async def test_what_worked_goes_on_after_a_restart_for_three_days() -> None:
    before = Place()
    async with before.running():
        await before.ask_often()
        kept = before.opportunist.snapshot(trio.current_time())
    assert [(one.host, one.works) for one in kept] == [(HOST, True)]
    for away_s, transport in (
        (OPPORTUNISTIC_PERSISTENCE_SECONDS - 10, Transport.TLS),
        (OPPORTUNISTIC_PERSISTENCE_SECONDS, Transport.UDP),
    ):
        place = Place()
        async with place.running():
            place.opportunist.restore(kept, away_s=away_s, now=trio.current_time())
            assert (await place.ask()).transport is transport


@trio_test
async def test_what_failed_is_remembered_too() -> None:
    place = Place()
    async with place.running():
        kept = [KeptOpportunity(HOST, works=False, age_s=0.0)]
        place.opportunist.restore(kept, away_s=60.0, now=trio.current_time())
        await place.ask_often()
        assert place.opportunist.counters.probes == 0


@trio_test
@pytest.mark.reaches("OPPORTUNISTIC_SESSIONS", "OPPORTUNISTIC_SERVERS")
async def test_what_is_remembered_is_bounded() -> None:
    place = Place()
    async with place.running():
        many = 2 * OPPORTUNISTIC_SERVERS
        kept = [
            KeptOpportunity(f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}", at % 2 > 0, 1.0)
            for at in range(many)
        ]
        place.opportunist.restore(kept, away_s=0.0, now=trio.current_time())
        assert len(place.opportunist) == OPPORTUNISTIC_SESSIONS
        left = len(place.opportunist.snapshot(trio.current_time()))
        assert left == OPPORTUNISTIC_SESSIONS + OPPORTUNISTIC_SERVERS
        await place.ask_often()
        assert place.opportunist.counters.probes == 0, "no room for one more"
