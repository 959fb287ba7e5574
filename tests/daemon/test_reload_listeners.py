"""Listeners that come and go at a reload: whoever asked is answered."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Block
from resolver.daemon.list_keeper import ListKeeper
from resolver.daemon.reload import reload
from resolver.limits import HANDOVER_SECONDS
from resolver.protocol.codes import Rcode
from tests.daemon.reloading import (
    ADDRESSES,
    HOST,
    Forwarder,
    addresses,
    ask,
    free_port,
    query,
    served,
)
from tests.daemon.test_reload import ONE, warm
from tests.support import trio_test_real

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["udp+tcp", "udp", "tcp"])
@trio_test_real
async def test_a_listener_that_goes_answers_what_it_was_asked(kind: str) -> None:
    async with served() as house:
        house.network.attach("198.51.100.201", Forwarder(ONE, after_s=0.5))
        second = free_port()
        forwarding = house.forwarding("corp.", "198.51.100.201")
        first = f"{HOST}:{house.port}"
        with_second = replace(
            forwarding,
            server=replace(house.config.server, listen=(first, f"{kind}://{HOST}:{second}")),
        )
        await reload(house.daemon, with_second)
        data = query("host.corp.", 9)
        is_udp = kind != "tcp"
        with trio.socket.socket(type=socket.SOCK_DGRAM if is_udp else socket.SOCK_STREAM) as sock:
            await sock.connect((HOST, second))
            await sock.send(data if is_udp else len(data).to_bytes(2, "big") + data)
            await trio.sleep(0.1)
            await reload(house.daemon, forwarding)
            with trio.fail_after(3):
                reply = await sock.recv(512)
            assert ONE in reply
            with trio.fail_after(3):
                if is_udp:
                    await trio.sleep(0.1)
                    await sock.send(data)
                    with pytest.raises(ConnectionRefusedError):
                        await sock.recv(512)
                else:
                    assert await sock.recv(512) == b""
        with trio.fail_after(3):
            while len(house.daemon.listeners.services) > 2:  # noqa: ASYNC110  # nobody is told
                await trio.sleep(0.02)
        assert house.daemon.bound == [(HOST, house.port)]


@trio_test_real
async def test_all_addresses_in_place_of_one_on_the_same_port() -> None:
    """The system gives the port only once our own socket is closed; then it is taken at once."""
    async with served() as house:
        await warm(house)
        listening = house.listening(f"0.0.0.0:{house.port}")
        await reload(house.daemon, listening)
        with trio.fail_after(3):
            while house.daemon.bound != [("0.0.0.0", house.port)]:  # noqa: ASYNC110, S104
                await trio.sleep(0.02)
        reply = await ask(house.port, "example.com.", host="127.0.0.2")
        assert ADDRESSES["example.com."] in addresses(reply)


@trio_test_real
async def test_who_asks_while_the_old_socket_waits_for_an_answer_is_answered() -> None:
    """It is open until then, so it is read until then."""
    async with served() as house:
        house.network.attach("198.51.100.201", Forwarder(ONE, after_s=0.6))
        await reload(house.daemon, house.forwarding("corp.", "198.51.100.201"))
        with trio.socket.socket(type=socket.SOCK_DGRAM) as sock:
            await sock.connect((HOST, house.port))
            await sock.send(query("host.corp.", 9))
            await trio.sleep(0.1)
            await reload(house.daemon, house.listening(f"{HOST}:{free_port()}"))
            await trio.sleep(0.1)
            assert (await ask(house.port, "www.example.com.")).rcode == Rcode.NOERROR


@pytest.mark.reaches("HANDOVER_SECONDS")
@trio_test_real
async def test_a_slow_answer_holds_up_an_address_on_the_same_port_for_a_while_only() -> None:
    """Nobody is served there before the old socket is closed."""
    async with served() as house:
        house.network.attach("198.51.100.201", Forwarder(ONE, after_s=60.0))
        forwarding = house.forwarding("corp.", "198.51.100.201")
        await reload(house.daemon, forwarding)
        with trio.socket.socket(type=socket.SOCK_DGRAM) as sock:
            await sock.connect((HOST, house.port))
            await sock.send(query("host.corp.", 9))
            await trio.sleep(0.1)
            server = replace(forwarding.server, listen=(f"0.0.0.0:{house.port}",))
            began = trio.current_time()
            await reload(house.daemon, replace(forwarding, server=server))
            with trio.fail_after(HANDOVER_SECONDS + 2):
                while house.daemon.bound != [("0.0.0.0", house.port)]:  # noqa: ASYNC110, S104
                    await trio.sleep(0.02)
            assert trio.current_time() - began >= HANDOVER_SECONDS


@trio_test_real
async def test_new_listeners_do_not_wait_for_lists(
    *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload ends when what is blocked is; who asks at a new address is answered before, and
    another reload has its turn."""
    is_compiled = trio.Event()

    async def compile_slowly(_: ListKeeper, *__: object, **___: object) -> None:
        await is_compiled.wait()

    monkeypatch.setattr(ListKeeper, "look", compile_slowly)
    (tmp_path / "list").write_text("0.0.0.0 ads.example\n")
    async with served() as house, trio.open_nursery() as nursery:
        other = free_port()
        config = house.listening(f"127.0.0.1:{house.port}", f"127.0.0.1:{other}")
        wanted = replace(config, block=(Block(source=str(tmp_path / "list")),))
        nursery.start_soon(reload, house.daemon, wanted)
        reply = None
        with trio.fail_after(30):
            while reply is None:
                with suppress(ConnectionRefusedError):
                    reply = await ask(other, "www.example.com.")
        assert addresses(reply) == [ADDRESSES["www.example.com."]]
        assert not is_compiled.is_set()
        assert not house.daemon.reloading.locked()
        is_compiled.set()
