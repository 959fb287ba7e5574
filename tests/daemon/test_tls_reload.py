"""Encrypted listeners come, change their certificate and go at a reload; never for the worse."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NamedTuple

import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Tls
from resolver.daemon.reload import reload
from resolver.errors import ConfigError
from resolver.lab.virtual_streams import receive_message
from resolver.protocol.framing import frame
from resolver.protocol.wire import parse_untrusted
from resolver.runtime.tls_stream import TlsStream
from tests.daemon.reloading import (
    ADDRESSES,
    HOST,
    PATIENCE_S,
    House,
    addresses,
    free_port,
    query,
    served,
)
from tests.daemon.test_certificates import Files
from tests.support import trio_test_real

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.config.schema import Config

NAME = "www.example.com."


class Heard(NamedTuple):
    """What a client was shown and told."""

    certificate: bytes | None
    alpn: str | None
    addresses: list[bytes]


async def connected(port: int) -> TlsStream:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["dot"])
    stream = TlsStream(await trio.open_tcp_stream(HOST, port), context)
    await stream.handshake(PATIENCE_S)
    return stream


async def ask_on(stream: TlsStream) -> Heard:
    with trio.fail_after(5):
        await stream.send_all(frame(query(NAME, 7)))
        reply = await receive_message(stream)
    assert reply is not None
    return Heard(stream.peer_certificate, stream.alpn, addresses(parse_untrusted(reply)))


async def ask(port: int) -> Heard:
    stream = await connected(port)
    try:
        return await ask_on(stream)
    finally:
        await stream.aclose()


async def accepts(port: int) -> bool:
    try:
        await (await trio.open_tcp_stream(HOST, port)).aclose()
    except OSError:
        return False
    return True


def with_tls(house: House, port: int, files: Files) -> Config:
    """Its configuration, with an encrypted listener that shows the certificate of *files*."""
    config = house.listening(f"{HOST}:{house.port}", f"tls://{HOST}:{port}")
    return replace(config, tls=files.config.tls)


@pytest.mark.rfc("RFC 7858 §3")
@trio_test_real
async def test_an_encrypted_listener_comes_and_goes(tmp_path: Path) -> None:
    port = free_port()
    async with served() as house:
        before = house.config
        done = await reload(house.daemon, with_tls(house, port, Files(tmp_path)))
        assert "server.listen" in done.reopened
        heard = await ask(port)
        assert heard.alpn == "dot"
        assert heard.addresses == [ADDRESSES[NAME]]
        values = house.daemon.registry.values()
        assert values["resolver_tls_handshakes_total"] == 1
        assert values["resolver_tls_certificate_valid_seconds"] > 0
        await reload(house.daemon, before)
        with trio.fail_after(5):
            while await accepts(port):
                pass


@trio_test_real
async def test_open_connections_go_on_when_the_certificate_changes(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "fresh").mkdir()
    async with served() as house:
        files, fresh = Files(tmp_path), Files(tmp_path / "fresh")
        config = with_tls(house, port, files)
        await reload(house.daemon, config)
        stream = await connected(port)
        first = await ask_on(stream)
        fresh.certificate.replace(files.certificate)
        fresh.key.replace(files.key)
        done = await reload(house.daemon, config)
        assert "the certificate" in done.live
        assert await ask_on(stream) == first
        assert (await ask(port)).certificate != first.certificate
        await stream.aclose()


@trio_test_real
async def test_what_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    """A key of another certificate, half a file, none; and clients are served meanwhile."""
    port = free_port()
    async with served() as house:
        files = Files(tmp_path)
        config = with_tls(house, port, files)
        await reload(house.daemon, config)
        first = await ask(port)
        whole = files.certificate.read_bytes()
        (tmp_path / "other").mkdir()
        for octets, why in (
            (Files(tmp_path / "other").certificate.read_bytes(), "another certificate"),
            (whole[: len(whole) // 2], "cut short"),
            (b"", "it has none"),
        ):
            files.certificate.write_bytes(octets)
            with pytest.raises(ConfigError, match=why):
                await reload(house.daemon, config)
            assert await ask(port) == first
        nowhere = replace(config, tls=Tls(certificate=str(tmp_path / "nowhere")))
        with pytest.raises(ConfigError, match="is not there; expected"):
            await reload(house.daemon, nowhere)
        assert await ask(port) == first


@trio_test_real
async def test_padding_can_be_switched_off(tmp_path: Path) -> None:
    port = free_port()
    async with served() as house:
        config = with_tls(house, port, Files(tmp_path))
        await reload(house.daemon, config)
        assert house.daemon.parts.base.options.padding == 468
        await reload(house.daemon, replace(config, tls=replace(config.tls, padding=0)))
        assert house.daemon.parts.base.options.padding == 0
