"""TLS over any stream: whole handshakes and failed ones, both ways to end, sending at once."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest
import trio
import trio.testing

from resolver.errors import CertificateRefused, TlsFailed
from resolver.limits import TLS_CHUNK_OCTETS
from resolver.runtime import tls_stream
from resolver.runtime.tls_stream import TlsStream
from tests.runtime.tls_pair import (
    CLIENT,
    PATIENCE_S,
    SERVER,
    VERSIONS,
    client_context,
    client_over,
    in_memory,
    server_context,
)
from tests.support import set_limit, trio_test, trio_test_real


async def all_of(stream: TlsStream) -> bytes:
    parts = [part async for part in stream]
    return b"".join(parts)


@pytest.mark.parametrize("version", VERSIONS)
@trio_test
async def test_what_one_end_sends_the_other_receives(version: ssl.TLSVersion) -> None:
    context = client_context()
    context.maximum_version = version
    client, server = await in_memory(context)
    assert client.version == server.version == version.name.replace("_", ".")
    sent = bytes(range(256)) * 1000  # many records
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, sent)
        nursery.start_soon(server.send_all, sent[::-1])
        for end, expected in ((server, sent), (client, sent[::-1])):
            received = b""
            while len(received) < len(sent):
                piece = await end.receive_some(1000)
                assert 0 < len(piece) <= 1000
                received += piece
            assert received == expected


@pytest.mark.rfc("RFC 7301 §3.2")
@pytest.mark.parametrize(("offer", "chosen"), [(["dot"], "dot"), (["h2"], None), ([], None)])
@trio_test
async def test_both_ends_know_what_was_agreed(offer: list[str], chosen: str | None) -> None:
    context = client_context()
    context.set_alpn_protocols(offer)
    client, server = await in_memory(context)
    assert client.alpn == server.alpn == chosen
    assert client.peer_certificate is not None
    assert server.peer_certificate is None


@pytest.mark.rfc("RFC 8446 §6.1")
@pytest.mark.parametrize("version", VERSIONS)
@trio_test
async def test_one_direction_is_closed_and_the_other_goes_on(version: ssl.TLSVersion) -> None:
    context = client_context()
    context.maximum_version = version
    client, server = await in_memory(context)
    await client.send_all(b"question")
    await client.send_eof()
    await client.send_eof()  # once is enough
    assert await all_of(server) == b"question"
    assert await server.receive_some() == b""
    await server.send_all(b"answer")
    await server.send_eof()
    assert await all_of(client) == b"answer"
    assert not client.is_cut
    assert not server.is_cut
    with pytest.raises(trio.BrokenResourceError):
        await client.send_all(b"more")


@pytest.mark.rfc("RFC 8446 §6.1")
@pytest.mark.parametrize("octets", [b"", b"\x17\x03\x03\x00\x20half a record"])
@trio_test
async def test_an_end_that_was_not_announced_is_marked(octets: bytes) -> None:
    """What was received may be less than what was sent: for DNS the message's length says so."""
    client, server = await in_memory()
    await client.send_all(b"question")
    await client.transport.send_all(octets)
    await client.transport.aclose()
    assert await all_of(server) == b"question"
    assert server.is_cut


@trio_test
async def test_closing_says_so() -> None:
    client, server = await in_memory()
    await client.aclose()
    await client.aclose()
    assert await server.receive_some() == b""
    assert not server.is_cut
    for use in (client.receive_some(), client.send_all(b"more")):
        with pytest.raises(trio.ClosedResourceError):
            await use


@trio_test
async def test_a_forged_record_ends_the_connection_with_a_reason() -> None:
    client, server = await in_memory()
    await client.transport.send_all(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    with pytest.raises(trio.BrokenResourceError, match="decryption failed or bad record mac"):
        await server.receive_some()
    with pytest.raises(trio.BrokenResourceError):
        await server.send_all(b"answer")
    await server.aclose()
    with pytest.raises(trio.BrokenResourceError, match="bad record mac"):  # the alert came
        await client.receive_some()


# --- handshakes that fail ------------------------------------------------------------------------


async def _failures(client: TlsStream, server: TlsStream) -> list[TlsFailed | None]:
    """What each end says of it."""
    said: dict[TlsStream, TlsFailed | None] = {}

    async def shake(end: TlsStream) -> None:
        try:
            await end.handshake(PATIENCE_S)
            said[end] = None
            await end.receive_some()
        except TlsFailed as error:
            said[end] = error
        except trio.BrokenResourceError:
            pass
        finally:
            await end.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shake, client)
        nursery.start_soon(shake, server)
    return [said[client], said[server]]


@pytest.mark.parametrize(
    ("name", "context", "code", "text"),
    [
        ("localhost", client_context(trusts=False), 20, "unable to get local issuer certificate"),
        ("else.example", CLIENT, 62, "Hostname mismatch"),
    ],
)
@trio_test
async def test_a_certificate_is_refused_with_openssls_verdict(
    name: str, context: ssl.SSLContext, code: int, text: str
) -> None:
    near, far = trio.testing.memory_stream_pair()
    client = client_over(near, context)
    refusal, _ = await _failures(client, TlsStream(far, server_context(name), is_server=True))
    assert isinstance(refusal, CertificateRefused)
    assert refusal.code == code
    assert text in refusal.text


@trio_test
async def test_who_speaks_no_version_of_ours_is_told_so() -> None:
    old = client_context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    new = server_context()
    new.minimum_version = ssl.TLSVersion.TLSv1_3
    near, far = trio.testing.memory_stream_pair()
    failures = await _failures(client_over(near, old), TlsStream(far, new, is_server=True))
    assert [str(failure) for failure in failures] == [
        "tlsv1 alert protocol version",  # ours has left before the end
        "unsupported protocol",
    ]


@trio_test
async def test_what_is_no_tls_is_told_from_it() -> None:
    near, far = trio.testing.memory_stream_pair()
    await near.send_all(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(TlsFailed, match="http request"):
        await TlsStream(far, SERVER, is_server=True).handshake(PATIENCE_S)
    near, far = trio.testing.memory_stream_pair()
    await near.send_all(b"\0\x1d" + bytes(29))
    with pytest.raises(TlsFailed, match="wrong version number"):
        await TlsStream(far, SERVER, is_server=True).handshake(PATIENCE_S)


@trio_test
async def test_a_handshake_has_its_time() -> None:
    """Also where the other end takes nothing: the client's half of its first flight, say."""
    near, far = trio.testing.memory_stream_pair()
    await near.send_all(b"\x16\x03\x01")
    server = TlsStream(far, SERVER, is_server=True)
    began_at = trio.current_time()
    with pytest.raises(TlsFailed, match="timed out"):
        await server.handshake(PATIENCE_S)
    assert trio.current_time() == began_at + PATIENCE_S
    await server.aclose()


@trio_test
async def test_the_other_end_may_leave_meanwhile() -> None:
    near, far = trio.testing.memory_stream_pair()
    await near.send_all(b"\x16\x03\x01")
    await near.aclose()
    with pytest.raises(TlsFailed, match="closed by the other end"):
        await TlsStream(far, SERVER, is_server=True).handshake(PATIENCE_S)


# --- sessions ------------------------------------------------------------------------------------


@pytest.mark.rfc("RFC 8446 §4.6.1")
@trio_test
async def test_tickets_come_with_the_handshake_and_resume() -> None:
    """Nothing needs to be sent first: clients without TCP_NODELAY would wait 40 ms for it."""
    client, server = await in_memory()
    assert not client.is_resumed
    with trio.move_on_after(1):  # nothing was said: only tickets are there to be read
        await client.receive_some()
    assert client.session is not None
    assert client.session.has_ticket
    near, far = trio.testing.memory_stream_pair()
    again = client_over(near, session=client.session)
    server = TlsStream(far, SERVER, is_server=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(again.handshake, PATIENCE_S)
        nursery.start_soon(server.handshake, PATIENCE_S)
    assert again.is_resumed
    assert server.is_resumed


async def _unread() -> tuple[TlsStream, TlsStream]:
    """The same in memory that holds nothing: who sends waits until somebody reads."""
    near, far = trio.testing.lockstep_stream_pair()
    client, server = client_over(near), TlsStream(far, SERVER, is_server=True)

    async def shake_and_read_tickets() -> None:
        await client.handshake(PATIENCE_S)
        with trio.move_on_after(1):
            await client.receive_some()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shake_and_read_tickets)
        nursery.start_soon(server.handshake, PATIENCE_S)
    return client, server


@trio_test
async def test_after_a_write_was_cut_short_nothing_follows() -> None:
    """Half a record was sent: what comes behind it would be taken for its rest."""
    _, server = await _unread()
    with trio.move_on_after(1):
        await server.send_all(b"nobody reads this")
    with pytest.raises(trio.BrokenResourceError, match="cut short"):
        await server.send_all(b"nor this")
    await server.aclose()


@pytest.mark.reaches("TLS_FAREWELL_SECONDS")
@trio_test
async def test_who_reads_nothing_cannot_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, tls_stream, "TLS_FAREWELL_SECONDS", 1.0)
    _, server = await _unread()
    began_at = trio.current_time()
    await server.aclose()
    assert trio.current_time() == began_at + 1


@pytest.mark.reaches("TLS_CHUNK_OCTETS")
@trio_test
async def test_a_flood_is_read_in_pieces() -> None:
    client, server = await in_memory()
    await client.send_all(bytes(1 << 20))
    sizes = [len(await server.receive_some(1 << 20)) for _ in range(10)]
    assert max(sizes) <= TLS_CHUNK_OCTETS


@pytest.mark.rfc("RFC 8446 §4.6.3")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="not installed: openssl")
@trio_test_real
async def test_new_keys_are_answered_with_new_keys() -> None:
    """`K` of s_client sends a KeyUpdate that asks for one in return."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    async with listener, trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            _s_client, ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-msg"]
        )
        server = TlsStream(await listener.accept(), SERVER, is_server=True)
        await server.handshake(PATIENCE_S)
        assert process.stdin is not None
        assert process.stdout is not None
        received: list[bytes] = []
        nursery.start_soon(_collect, server, received)
        await process.stdin.send_all(b"K\n")
        heard = b""
        with trio.fail_after(10):
            while b"KeyUpdate" not in heard:
                heard += await process.stdout.receive_some()
            await process.stdin.send_all(b"hello\n")
            while received != [b"hello\n"]:  # noqa: ASYNC110  # nobody is told
                await trio.sleep(0.01)
            await server.send_all(b"and hello\n")
            while b"and hello" not in heard:
                heard += await process.stdout.receive_some()
        assert heard.count(b"KeyUpdate") == 2  # theirs and ours
        nursery.cancel_scope.cancel()
    await server.aclose()


async def _collect(stream: TlsStream, received: list[bytes]) -> None:
    while piece := await stream.receive_some():
        received.append(piece)


async def _s_client(command: list[str], *, task_status: trio.TaskStatus[trio.Process]) -> None:
    await trio.run_process(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        task_status=task_status,
    )
