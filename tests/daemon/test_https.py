"""HTTPS listeners come, change what they serve, and go at a reload."""

from __future__ import annotations

import base64
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import dns.message
import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Https
from resolver.daemon.reload import reload
from resolver.daemon.tls_contexts import ALPN
from resolver.errors import TlsFailed
from resolver.lab.virtual_parts import Delayed
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted
from resolver.runtime.tls_stream import TlsStream
from tests.daemon.reloading import HOST, PATIENCE_S, Forwarder, House, free_port, served
from tests.daemon.test_certificates import Files
from tests.daemon.test_designating import SVCB, told
from tests.daemon.test_tls_reload import accepts
from tests.listen.http2_frames import DATA, END_STREAM, Talker, frames, window
from tests.support import trio_test_real

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.config.schema import Config
    from resolver.lab.virtual_parts import Answers

GET = b"GET %b HTTP/1.1\r\nhost: a\r\n\r\n"
WWW = b"?name=www.example.com"


async def connected(port: int, *alpn: str, version: ssl.TLSVersion | None = None) -> TlsStream:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if version is not None:
        context.maximum_version = version
    stream = TlsStream(await trio.open_tcp_stream(HOST, port), context)
    try:
        await stream.handshake(PATIENCE_S)
    except TlsFailed:
        await stream.aclose()
        raise
    return stream


async def got(stream: TlsStream, target: bytes) -> bytes:
    with trio.fail_after(5):
        await stream.send_all(GET % target)
        return await stream.receive_some(4096)


def with_https(house: House, port: int, directory: Path, path: str = "") -> Config:
    config = house.listening(f"{HOST}:{house.port}", f"https://{HOST}:{port}{path}")
    return replace(config, tls=Files(directory).config.tls)


@trio_test_real
async def test_it_comes_and_goes(tmp_path: Path) -> None:
    port = free_port()
    async with served() as house:
        before = house.config
        done = await reload(house.daemon, with_https(house, port, tmp_path))
        assert "server.listen" in done.reopened
        stream = await connected(port)
        said = await got(stream, b"/resolve" + WWW)
        assert b'"data":"192.0.2.80"' in said
        assert (await got(stream, b"/else" + WWW)).startswith(b"HTTP/1.1 404")
        await stream.aclose()
        values = house.daemon.registry.values()
        with trio.fail_after(5):
            while not values["resolver_https_queries_total"]:
                await trio.sleep(0.01)
                values = house.daemon.registry.values()
        assert values["resolver_https_http1_total"] == 1
        assert values["resolver_https_refused_total"] == 1
        await reload(house.daemon, before)
        with trio.fail_after(5):
            while await accepts(port):
                pass


@trio_test_real
async def test_what_is_served_changes_while_connections_go_on(tmp_path: Path) -> None:
    port = free_port()
    async with served() as house:
        config = with_https(house, port, tmp_path)
        await reload(house.daemon, config)
        stream = await connected(port)
        assert (await got(stream, b"/dns-query" + WWW)).startswith(b"HTTP/1.1 200")
        done = await reload(house.daemon, replace(config, https=Https(paths=("/x",), cors=True)))
        assert set(done.live) == {"https.paths", "https.cors"}
        assert (await got(stream, b"/dns-query" + WWW)).startswith(b"HTTP/1.1 404")
        said = await got(stream, b"/x" + WWW)
        assert b"\r\naccess-control-allow-origin: *\r\n" in said
        await stream.aclose()


@trio_test_real
async def test_it_is_designated_with_its_path(tmp_path: Path) -> None:
    port = free_port()
    async with served() as house:
        config = with_https(house, port, tmp_path, "/own")
        config = replace(config, tls=replace(config.tls, names=("dns.example.net",)))
        await reload(house.daemon, config)
        (offered,) = await told(house.port, *SVCB)
        assert offered.startswith(f'1 dns.example.net. alpn="h2,h3" port="{port}"')
        assert offered.endswith('dohpath="/own{?dns}"')


@pytest.mark.rfc("RFC 7301 §3.2")
@trio_test_real
async def test_what_is_agreed_on(tmp_path: Path) -> None:
    """HTTP/2 where both can; whoever names neither, or nothing, is served by HTTP/1.1."""
    port = free_port()
    async with served() as house:
        await reload(house.daemon, with_https(house, port, tmp_path))
        for offered, agreed in (
            (("h2", "http/1.1"), "h2"),
            (("http/1.1", "h2"), "h2"),
            (("http/1.1",), "http/1.1"),
            (("spdy/3",), None),
            ((), None),
        ):
            stream = await connected(port, *offered)
            assert stream.alpn == agreed
            if agreed != "h2":
                assert b"192.0.2.80" in await got(stream, b"/dns-query" + WWW)
            await stream.aclose()


@trio_test_real
async def test_tls_1_2_is_not_spoken_here(tmp_path: Path) -> None:
    """HTTP/2 would need a list of its ciphers (RFC 9113 §9.2.2), and all clients have 1.3."""
    port = free_port()
    async with served() as house:
        await reload(house.daemon, with_https(house, port, tmp_path))
        with pytest.raises(TlsFailed):
            await connected(port, "h2", version=ssl.TLSVersion.TLSv1_2)
        assert (
            house.daemon.tls.server(ALPN[Transport.TLS]).minimum_version == ssl.TLSVersion.TLSv1_2
        )


class BigForwarder(Forwarder):
    """Answers with as much TXT as a message holds, over TCP."""

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        del source
        end = 12 + len(parse_untrusted(data).question.qname) + 4
        if transport == "udp":
            return [Delayed(data[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + data[12:end], 0.0)]
        head = b"\xc0\x0c\0\x10\0\1\0\0\x0e\x10\0\xfa\xf9"
        texts = [head + (b"%08d" % number).ljust(249, b"x") for number in range(_TEXTS)]
        counts = b"\0\1" + _TEXTS.to_bytes(2, "big") + bytes(4)
        reply = data[:2] + b"\x81\x80" + counts + data[12:end] + b"".join(texts)
        return [Delayed(reply, 0.0)]


_TEXTS = 248  # of 262 octets each


@trio_test_real
async def test_an_answer_of_65_kb(tmp_path: Path) -> None:
    """In frames and windows over HTTP/2, in one piece over HTTP/1.1, in slices as JSON."""
    port = free_port()
    async with served() as house:
        house.network.attach("198.51.100.201", BigForwarder(b""))
        config = with_https(house, port, tmp_path)
        there = house.forwarding("corp.", "198.51.100.201")
        await reload(house.daemon, replace(config, forward=there.forward, dnssec=there.dnssec))
        asked = dns.message.make_query("big.corp.", "TXT", id=0).to_wire()
        talker, stream = Talker(), await connected(port, "h2")
        with trio.fail_after(10):
            await stream.send_all(talker.hello(s4=100_000) + window(0, 50_000) + talker.ask(asked))
            heard = b""
            while not _is_whole(heard):
                heard += await stream.receive_some(65_536)
        status, body = talker.read(heard)[1]
        reply = dns.message.from_wire(body)
        assert (status, len(reply.answer[0])) == (200, _TEXTS)
        assert 64_000 < len(body) <= 65_535
        await stream.aclose()
        text = base64.urlsafe_b64encode(asked).rstrip(b"=")
        for target in (b"/dns-query?dns=" + text, b"/resolve?name=big.corp&type=TXT"):
            stream = await connected(port)
            said = await got(stream, target)
            while said.count(b"x" * 200) < _TEXTS:
                said += await stream.receive_some(65_536)
            assert said.startswith(b"HTTP/1.1 200")
            await stream.aclose()


def _is_whole(octets: bytes) -> bool:
    try:
        return frames(octets)[-1][:2] == (DATA, END_STREAM)
    except (AssertionError, IndexError):
        return False


def test_http_is_loaded_where_it_is_spoken() -> None:
    code = "import resolver.daemon.run, sys; print({'h2', 'h11'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
