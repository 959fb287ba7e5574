"""Health over HTTP, and what a drain does while somebody asks for it."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from msgspec.structs import replace

from resolver.config import schema
from resolver.daemon import draining, health_page
from resolver.daemon.pages import health_of
from resolver.daemon.reload import reload
from resolver.limits import (
    DRAIN_GRACE_SECONDS,
    DRAIN_LEAST_SECONDS,
    DRAIN_LOOK_SECONDS,
    DRAIN_QUIET_SECONDS,
    HEALTH_HEAD_OCTETS,
    HEALTH_PROBER_SECONDS,
    HEALTH_PROBERS,
)
from resolver.telemetry.http_page import reply, serve
from tests.daemon.reloading import ask
from tests.daemon.telling import becomes, get, quick, telling
from tests.listen.test_tcp import Door
from tests.operate.operated import desk
from tests.recurse.household import village
from tests.support import set_limit, trio_test, trio_test_real

NAME = "www.example.com."


def test_it_answers_once_it_has_been_well_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)

    @trio_test_real
    async def body() -> None:
        async with telling() as (_, _, port):
            told = await becomes(port, 200)
            assert told["reasons"] == []
            assert {name: one["is_met"] for name, one in told["conditions"].items()} == {
                "started": True, "in_service": True, "listeners": True, "link": True,
                "latency": True, "workers": True,
            }  # fmt: skip
            assert (await get(port, "/health?x=1"))[0] == 200
            assert (await get(port, "/health/last-resort"))[0] == 200
            assert await get(port, method="HEAD") == (200, "")
            assert (await get(port, method="POST"))[0] == 405
            for elsewhere in ("/", "/metrics", "/healthy", "/health/"):
                assert (await get(port, elsewhere))[0] == 404

    body()


def test_it_goes_when_a_reload_takes_its_address_away() -> None:
    @trio_test_real
    async def body() -> None:
        async with telling() as (daemon, _, port):
            config = replace(daemon.config, health=schema.Health())
            await reload(daemon, config)
            with trio.fail_after(5):
                while not daemon.sockets.missing:
                    try:
                        await get(port)
                    except OSError:
                        break
                    await trio.sleep(0.05)

    body()


def test_a_drain_is_told_at_once_and_who_comes_is_answered_until_nobody_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick(monkeypatch)
    set_limit(monkeypatch, draining, "DRAIN_LEAST_SECONDS", 0.3)
    set_limit(monkeypatch, draining, "DRAIN_QUIET_SECONDS", 0.5)

    @trio_test_real
    async def body() -> None:
        async with telling() as (daemon, port, page):
            await becomes(page, 200)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(draining.drain, daemon, 30.0)
                told = await becomes(page, 503)
                assert told["reasons"] == ["in service: drained, or ending"]
                for _ in range(6):
                    assert (await ask(port, NAME)).answer
                    await trio.sleep(0.1)
            with pytest.raises(ConnectionRefusedError):
                await ask(port, NAME)
            assert (await get(page))[0] == 503
            await draining.undrain(daemon)
            assert (await ask(port, NAME)).answer
            await becomes(page, 200)

    body()


def test_a_drain_that_is_undone_meanwhile_closes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)

    @trio_test_real
    async def body() -> None:
        async with telling() as (daemon, port, page):
            await becomes(page, 200)
            came: list[bool] = []

            async def drain() -> None:
                came.append(await draining.drain(daemon, 30.0))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(drain)
                await becomes(page, 503)
                await draining.undrain(daemon)
            assert came == [False]
            assert (await ask(port, NAME)).answer

    body()


@pytest.mark.reaches(
    "DRAIN_GRACE_SECONDS", "DRAIN_LEAST_SECONDS", "DRAIN_QUIET_SECONDS", "DRAIN_LOOK_SECONDS"
)
def test_a_drain_waits_for_its_least_for_quiet_and_no_longer_than_its_grace() -> None:
    @trio_test
    async def body() -> None:
        async with desk(village()) as it:
            daemon = it.home.daemon
            health_of(daemon).own()  # somebody asks
            services: Any = daemon.listeners.services
            service = services["one"] = type("Service", (), {"queries": 0})()

            async def come(until_s: float) -> None:
                until = trio.current_time() + until_s
                while trio.current_time() < until:
                    service.queries += 1
                    await trio.sleep(0.05)

            for busy_s, waits_s in (
                (0.0, DRAIN_LEAST_SECONDS),
                (10.0, 10.0 + DRAIN_QUIET_SECONDS),
                (60.0, DRAIN_GRACE_SECONDS),
            ):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(come, busy_s)
                    daemon.sockets.is_leaving = True
                    began = trio.current_time()
                    await draining._until_gone(daemon, DRAIN_GRACE_SECONDS)
                    waited_s = trio.current_time() - began
                    assert waited_s == pytest.approx(waits_s, abs=2 * DRAIN_LOOK_SECONDS)
                    nursery.cancel_scope.cancel()
            services.clear()

    body()


class Verdict:
    """Health that says what it is told to."""

    def begin(self) -> None:
        """Nothing to look at."""

    def verdict(self) -> dict[str, Any]:
        return {"is_healthy": True, "is_last_resort": True}


def of_length(octets: int) -> bytes:
    head, end = b"GET /health HTTP/1.1\r\nX: ", b"\r\n\r\n"
    return head + b"x" * (octets - len(head) - len(end)) + end


@pytest.mark.reaches("HEALTH_PROBERS", "HEALTH_PROBER_SECONDS", "HEALTH_HEAD_OCTETS")
@trio_test
async def test_probers_are_bounded() -> None:
    pages = health_page.health_pages(Verdict())  # type: ignore[arg-type]
    assert reply(of_length(HEALTH_HEAD_OCTETS), pages).startswith(b"HTTP/1.1 200 ")
    door = Door()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, door, pages)
        long = door.connect()
        await long.send_all(of_length(HEALTH_HEAD_OCTETS + 1))
        assert (await long.receive_some(12)) == b"HTTP/1.1 400"
        silent = []
        for _ in range(HEALTH_PROBERS + 2):
            silent.append(door.connect())
            await trio.sleep(0.001)
        began = trio.current_time()
        for each in silent[:2]:
            assert await each.receive_some(1) == b""
        assert trio.current_time() - began < 0.1
        assert await silent[-1].receive_some(1) == b""
        assert trio.current_time() - began == pytest.approx(HEALTH_PROBER_SECONDS, abs=0.1)
        nursery.cancel_scope.cancel()
