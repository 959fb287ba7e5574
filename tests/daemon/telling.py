"""A daemon that tells of its health over HTTP, and how it is asked."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio
from msgspec.structs import replace

from resolver.config import schema
from resolver.daemon import health as module
from resolver.daemon import health_probes
from resolver.daemon.reload import reload
from resolver.operate import health_conditions
from tests.daemon.reloading import HOST, free_port, served
from tests.support import set_limit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from resolver.daemon.run import Daemon


async def get(port: int, path: str = "/health", method: str = "GET") -> tuple[int, Any]:
    """Status, and what it says."""
    stream = await trio.open_tcp_stream(HOST, port)
    async with stream:
        await stream.send_all(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join([piece async for piece in stream])
    head, _, body = answer.partition(b"\r\n\r\n")
    told = json.loads(body) if body.startswith(b"{") else body.decode()
    return int(head.split()[1]), told


@asynccontextmanager
async def telling() -> AsyncIterator[tuple[Daemon, int, int]]:
    """A daemon with health at an address of its own; its port for questions, and that one."""
    async with served() as house:
        port = free_port()
        listening = schema.Health(listen=f"{HOST}:{port}")
        await reload(house.daemon, replace(house.config, health=listening))
        yield house.daemon, house.port, port


async def becomes(port: int, status: int) -> Any:
    """What is told once it is *status*, soon."""
    with trio.fail_after(20):
        while (found := await get(port))[0] != status:  # noqa: ASYNC110
            await trio.sleep(0.05)
    return found[1]


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks come soon; that they are late, on a machine that is busy, does not count."""
    set_limit(monkeypatch, module, "HEALTH_LOOK_SECONDS", 0.05)
    patient(monkeypatch)


def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for where in (health_probes, health_conditions):
        set_limit(monkeypatch, where, "HEALTH_LATENCY_SECONDS", 30.0)
