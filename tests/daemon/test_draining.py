"""A daemon that is drained: what is there is answered, who comes is told that nobody listens."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.daemon import draining
from resolver.daemon.reload import reload
from resolver.errors import ConfigError
from tests.daemon.reloading import HOST, Forwarder, addresses, ask, free_port, served
from tests.support import trio_test_real

if TYPE_CHECKING:
    from resolver.protocol.message import Message

NAME = "www.example.com."


@trio_test_real
async def test_what_was_asked_is_answered_and_who_comes_is_refused() -> None:
    async with served() as house:
        forwarder = Forwarder(bytes([192, 0, 2, 1]), after_s=0.5)
        house.network.attach("203.0.113.77", forwarder)
        await reload(house.daemon, house.forwarding("slow.", "203.0.113.77"))
        heard: list[Message] = []

        async def wait() -> None:
            heard.append(await ask(house.port, "www.slow."))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            while not forwarder.asked:  # noqa: ASYNC110
                await trio.sleep(0.01)
            await draining.drain(house.daemon)
        assert addresses(heard[0]) == [forwarder.address]
        assert house.daemon.bound == []
        with pytest.raises(ConnectionRefusedError):
            await ask(house.port, NAME)


@trio_test_real
async def test_it_stays_so_over_a_reload_until_it_listens_again() -> None:
    async with served() as house:
        await draining.drain(house.daemon)
        await draining.drain(house.daemon)
        await reload(house.daemon, house.allowing("127.0.0.0/8", "192.0.2.1"))
        with pytest.raises(ConnectionRefusedError):
            await ask(house.port, NAME)
        await draining.undrain(house.daemon)
        await draining.undrain(house.daemon)
        assert (await ask(house.port, NAME)).answer


@trio_test_real
async def test_it_listens_where_it_is_configured_by_then() -> None:
    async with served() as house:
        other = free_port()
        await draining.drain(house.daemon)
        await reload(house.daemon, house.listening(f"{HOST}:{other}"))
        await draining.undrain(house.daemon)
        assert (await ask(other, NAME)).answer


@trio_test_real
async def test_a_port_that_another_took_meanwhile_is_told() -> None:
    async with served() as house:
        await draining.drain(house.daemon)
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
            other.bind((HOST, house.port))
            with pytest.raises(ConfigError, match="another program listens there"):
                await draining.undrain(house.daemon)
        assert house.daemon.sockets.is_drained
        await draining.undrain(house.daemon)
        assert (await ask(house.port, NAME)).answer
