"""A listener that is dead while others live is opened anew, alone; one that is flooded is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from resolver.daemon import self_probe
from resolver.daemon.bind import Wish
from resolver.daemon.reload import reload
from resolver.daemon.self_probe import SelfProbe, Verdict, probe
from resolver.limits import SELF_PROBE_FAILURES, SELF_PROBES_EACH
from resolver.listen.udp_socket import PlainUdpSocket
from resolver.protocol.transport import Transport
from tests.daemon.reloading import free_port, served
from tests.support import set_limit, trio_test_real

if TYPE_CHECKING:
    from resolver.daemon.run import Daemon


def wish_of(daemon: Daemon, transport: Transport) -> Wish:
    return next(wish for wish in daemon.sockets.open if wish.transport is transport)


async def looks(daemon: Daemon, times: int) -> None:
    for _ in range(times):
        await daemon.self_probe.look()


@trio_test_real
async def test_listeners_that_answer_pass() -> None:
    async with served() as (daemon, *_):
        for transport in (Transport.UDP, Transport.TCP):
            assert await probe(wish_of(daemon, transport)) is Verdict.PASSED
        await looks(daemon, 2)
        assert daemon.self_probe.reopened == 0


@pytest.mark.reaches("SELF_PROBE_FAILURES", "SELF_PROBE_PATIENCE_SECONDS")
@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_one_that_is_dead_is_opened_anew_alone(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, self_probe, "SELF_PROBE_PATIENCE_SECONDS", 0.2)

    @trio_test_real
    async def body() -> None:
        async with served() as (daemon, *_):
            wish = wish_of(daemon, transport)
            others = {each: sock for each, sock in daemon.sockets.open.items() if each != wish}
            before = daemon.sockets.open[wish]
            service: Any = daemon.listeners.services[wish]
            (service._running if wish.is_udp else service._accepting).cancel()
            await trio.testing.wait_all_tasks_blocked()
            await looks(daemon, SELF_PROBE_FAILURES - 1)
            assert daemon.sockets.open[wish] is before
            await looks(daemon, 1)
            assert daemon.self_probe.reopened == 1
            assert daemon.sockets.open[wish] is not before
            assert {each: daemon.sockets.open[each] for each in others} == others
            assert await probe(wish) is Verdict.PASSED

    body()


def test_where_all_fail_nothing_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the machine then, or the loop."""

    async def failing(_: Wish) -> Verdict:
        return Verdict.FAILED

    monkeypatch.setattr(self_probe, "probe", failing)

    @trio_test_real
    async def body() -> None:
        async with served() as (daemon, *_):
            await looks(daemon, 2 * SELF_PROBE_FAILURES)
            assert daemon.self_probe.failures == 4 * SELF_PROBE_FAILURES
            assert daemon.self_probe.reopened == 0

    body()


def test_one_whose_queue_is_full_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(wish: Wish) -> Verdict:
        return Verdict.FAILED if wish.is_udp else Verdict.PASSED

    monkeypatch.setattr(self_probe, "probe", failing)
    monkeypatch.setattr(PlainUdpSocket, "is_full", property(lambda _: True))

    @trio_test_real
    async def body() -> None:
        async with served() as (daemon, *_):
            await looks(daemon, 2 * SELF_PROBE_FAILURES)
            assert daemon.self_probe.reopened == 0

    body()


@trio_test_real
async def test_what_clients_ask_proves_as_much() -> None:
    """Where queries come by themselves nothing is asked."""
    async with served() as (daemon, *_):
        await daemon.self_probe.look()
        asked = daemon.self_probe.probes
        for wish in daemon.sockets.open:
            assert await probe(wish) is Verdict.PASSED  # as a client would
        await daemon.self_probe.look()
        assert daemon.self_probe.probes == asked


@trio_test_real
async def test_an_address_that_is_not_here_is_no_failure() -> None:
    assert await probe(Wish("x", Transport.UDP, ("192.0.2.1", 53))) is Verdict.NOT_HERE


@pytest.mark.reaches("SELF_PROBE_SECONDS")
def test_it_looks_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, self_probe, "SELF_PROBE_SECONDS", 0.01)

    @trio_test_real
    async def body() -> None:
        async with served() as (daemon, *_):
            daemon.nursery.start_soon(daemon.self_probe.run)
            with trio.fail_after(30):
                while daemon.self_probe.probes < 4:  # noqa: ASYNC110  # time is what it waits for
                    await trio.sleep(0.01)

    body()


@trio_test_real
async def test_each_transport_is_asked_in_its_own_protocol() -> None:
    """A handshake over TLS and HTTPS; over QUIC a version that nobody speaks, and all answer."""
    pytest.importorskip("h2")
    pytest.importorskip("aioquic")
    urls = [f"{kind}://127.0.0.1:{free_port()}" for kind in ("tls", "https", "quic")]
    async with served() as house:
        await reload(house.daemon, house.listening(*urls))
        wishes = list(house.daemon.sockets.open)
        assert {wish.transport for wish in wishes} >= {
            Transport.TLS, Transport.HTTPS, Transport.QUIC,
        }  # fmt: skip
        verdicts = {wish.transport: await probe(wish) for wish in wishes}
        assert set(verdicts.values()) == {Verdict.PASSED}, verdicts


def test_one_of_several_workers_looks_at_what_became_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel decides whose socket a question comes to: another's answer proves nothing, and a
    question that lies unread here proves that nobody takes it."""
    set_limit(monkeypatch, self_probe, "SELF_PROBE_PATIENCE_SECONDS", 0.1)

    @trio_test_real
    async def body() -> None:
        async with served() as (daemon, *_):
            wish = wish_of(daemon, Transport.UDP)
            looking = SelfProbe(daemon, workers=2)
            assert await looking._probe_own(wish) is Verdict.PASSED
            daemon.listeners.services[wish]._running.cancel()  # type: ignore[union-attr]
            await trio.testing.wait_all_tasks_blocked()
            assert await looking._probe_own(wish) is Verdict.FAILED
            assert daemon.sockets.open[wish].has_unread

    body()


@pytest.mark.reaches("SELF_PROBES_EACH")
def test_where_all_questions_come_to_others_nothing_is_against_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def to_others(wish: Wish) -> Verdict:
        asked.append(wish)
        return Verdict.FAILED

    monkeypatch.setattr(self_probe, "probe", to_others)

    @trio_test_real
    async def body() -> None:
        async with served() as (daemon, *_):
            wish = wish_of(daemon, Transport.TCP)
            assert await SelfProbe(daemon, workers=3)._probe_own(wish) is Verdict.PASSED
            assert len(asked) == SELF_PROBES_EACH * 3

    body()
