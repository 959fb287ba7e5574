"""Servers that are asked over QUIC: RFC 9250, proven or not asked, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from resolver.errors import CertificateRefused, ExchangeFailed
from resolver.lab.faults import Path
from resolver.limits import (
    QUERY_PADDING_OCTETS,
    SESSION_IDLE_SECONDS,
    SESSION_PING_SECONDS,
    SESSION_RETRY_SECONDS,
    SESSION_STREAM_OCTETS,
    SESSION_STREAMS,
    SESSION_WARM_SECONDS,
)
from resolver.protocol.edns import OPT_KEEPALIVE
from resolver.protocol.message import Record
from resolver.protocol.transport import Transport
from resolver.protocol.wire import parse_untrusted
from resolver.upstream import quic_session, quic_trust
from tests.support import set_limit, trio_test
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.quic_servers import QuicScript, over_quic, strict
from tests.upstream.tls_servers import HOST, NAME, Clear, certificate
from tests.upstream.virtual_servers import ANSWER, World, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.forwarding.doq_server import Stream


def good(respond: Callable[[Stream], object] | None = None) -> QuicScript:
    return QuicScript(certificate(NAME), respond)


@pytest.mark.rfc("RFC 9250 §5.5.1")
@trio_test
async def test_a_server_is_asked_on_streams_and_nothing_else_leaves() -> None:
    """RFC 9250 §4.2, §4.2.1, §5.5.2: a stream a query, id 0, no keepalive option; RFC 8467."""
    world, server, one = World(), good(), over_quic()
    elsewhere = Clear(world)
    async with running(world, strict(one), _192_0_2_1=server):
        for at in range(3):
            reply = await ask(world, forward(one), f"n{at}.example.com")
            assert reply.message.answer[0].rdata == ANSWER
            assert reply.transport is Transport.QUIC
        assert (server.server.handshakes, elsewhere.count) == (1, 0)
    assert [stream.number for stream in server.streams] == [0, 4, 8]
    for stream in server.streams:
        assert len(stream.query) == QUERY_PADDING_OCTETS
        assert stream.query[:2] == b"\0\0"
        edns = parse_untrusted(stream.query).edns
        assert edns is not None
        assert edns.option(OPT_KEEPALIVE) is None


@trio_test
async def test_answers_come_in_any_order() -> None:
    held: list[Stream] = []
    server, one = good(held.append), over_quic()
    world = World(speculation=False)
    world.faults.set(HOST, Path(delay_s=0.01))
    async with running(world, strict(one), _192_0_2_1=server), trio.open_nursery() as nursery:
        for at in range(3):
            nursery.start_soon(ask, world, forward(one), f"n{at}.example.com")
        await trio.sleep(0.2)
        while held:
            server.answer(held.pop())
        server.wake()
    assert server.server.handshakes == 1


def _made(*, purpose: x509.ObjectIdentifier | None = None, has_names: bool = True) -> Any:
    """A certificate as trustme makes none, by itself alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    leaf = certificate(NAME)
    shown = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(shown.not_valid_before_utc)
        .not_valid_after(shown.not_valid_after_utc)
    )
    if has_names:
        names = x509.SubjectAlternativeName([x509.DNSName(NAME)])
        builder = builder.add_extension(names, critical=False)
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(key, hashes.SHA256())


def _refusal(made: Any, name: str = NAME) -> str:
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    try:
        quic_trust.verify_untrusted(quic_trust.Shown(made, []), name, pem, is_clock_believed=True)
    except CertificateRefused as error:
        return error.text
    return ""


def test_a_certificate_is_for_servers_and_for_the_name() -> None:
    """RFC 5280 §4.2.1.12; RFC 8310 §8.1: a common name is none."""
    assert _refusal(_made()) == ""
    assert _refusal(_made(purpose=ExtendedKeyUsageOID.SERVER_AUTH)) == ""
    client = _made(purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
    assert _refusal(client) == "unsuitable certificate purpose"
    assert _refusal(_made(has_names=False)) == "hostname mismatch"
    assert _refusal(_made(), "other.example") == "hostname mismatch"
    assert _refusal(_made(), "192.0.2.1") == "hostname mismatch"


def test_the_systems_issuers_are_those_of_openssl() -> None:
    """None of which knows the tests' own authority."""
    leaf = x509.load_pem_x509_certificate(certificate(NAME).cert_chain_pems[0].bytes())
    with pytest.raises(CertificateRefused, match="unable to get local issuer certificate"):
        quic_trust.verify_untrusted(quic_trust.Shown(leaf, []), NAME, None, is_clock_believed=True)


async def _fails(world: World, said: str, name: str = "www.example.com") -> None:
    with pytest.raises(ExchangeFailed, match=said):
        await ask(world, forward(over_quic()), name)


@trio_test
async def test_who_speaks_another_protocol_is_not_asked() -> None:
    """RFC 9250 §4.1: by ALPN."""
    world, server = World(), QuicScript(certificate(NAME), alpn="h3")
    async with running(world, strict(over_quic()), _192_0_2_1=server):
        await _fails(world, r"handshake failed \(no application protocol\)|nobody answers")
        assert server.streams == []


def _changed(change: Callable[[bytes], bytes]) -> Callable[[Stream], None]:
    def respond(stream: Stream) -> None:
        stream.reply(change(answer(parse_untrusted(stream.query))))

    return respond


def _raw(octets: bytes) -> Callable[[Stream], None]:
    def respond(stream: Stream) -> None:
        stream.quic.send_stream_data(stream.number, octets, end_stream=True)

    return respond


_USELESS: dict[str, tuple[Callable[[Stream], object], str]] = {
    "nothing": (_raw(b""), "no message"),
    "half a length": (_raw(b"\0"), "no message"),
    "less than it said": (_raw(b"\0\x20" + bytes(20)), "no message"),
    "more than it said": (_raw(b"\0\x10" + bytes(20)), "more than one"),
    "no message": (_raw(b"\0\x10" + bytes(16)), "answers something else"),
    "a stream that is reset": (
        lambda stream: stream.quic.reset_stream(stream.number, 4),
        r"stream reset \(DOQ_EXCESSIVE_LOAD\)",
    ),
    "another id": (_changed(lambda told: b"\1\2" + told[2:]), "answers something else"),
    "another name": (
        lambda stream: stream.reply(
            answer(parse_untrusted(stream.query), question=(b"\3bad\7example\0", 1, 1))
        ),
        "answers something else",
    ),
}  # fmt: skip


@pytest.mark.rfc("RFC 9250 §5.5.1")
@pytest.mark.parametrize("case", _USELESS)
@trio_test
async def test_what_is_no_reply_is_a_failure_that_is_told_and_counted(case: str) -> None:
    """The connection goes on, and is asked again."""
    respond, said = _USELESS[case]
    world, server, one = World(), good(respond), over_quic()
    async with running(world, strict(one), _192_0_2_1=server):
        await _fails(world, said)
        broken = world.dispatcher.encrypted.counters.broken
        assert broken == len(server.streams)
        server.respond = server.answer
        assert (await ask(world, forward(one), "a.example.com")).message.answer
        assert server.server.handshakes == 1


@pytest.mark.reaches("SESSION_STREAM_OCTETS")
@trio_test
async def test_the_longest_message_comes_through() -> None:
    """65,535 octets, many times over."""
    assert SESSION_STREAM_OCTETS > 65_537

    def longest(stream: Stream) -> None:
        query = parse_untrusted(stream.query)
        texts = [
            Record(query.qname, 16, 1, 300, bytes([255]) + bytes([at % 256]) * 255)
            for at in range(240)
        ]
        stream.reply(answer(query, answer=texts, max_size=65_535))

    world, server, one = World(), good(longest), over_quic()
    async with running(world, strict(one), _192_0_2_1=server):
        for at in range(40):
            reply = await ask(world, forward(one), f"n{at}.example.com")
            assert len(reply.message.answer) == 240
        assert server.server.handshakes == 1


@trio_test
async def test_a_connection_closed_while_idle_is_no_failure_and_is_resumed() -> None:
    """RFC 9250 §5.5.1; and never with early data, which could be sent again (§4.5)."""
    world, server, one = World(), good(), over_quic()
    async with running(world, strict(one)._replace(keeps_warm=False), _192_0_2_1=server):
        await ask(world, forward(one))
        for ticket in server.server._tickets.values():
            ticket.max_early_data_size = 0xFFFFFFFF
        server.hang_up()
        await trio.sleep(1)
        assert (await ask(world, forward(one), "a.example.com")).message.answer
        assert world.dispatcher.counters.failed == 0
        assert (server.server.handshakes, server.server.resumed) == (2, 1)
        assert server.server.early == 0
        assert world.dispatcher.encrypted.counters.resumed == 1


@trio_test
async def test_a_server_that_ends_the_connection_with_an_error_says_which() -> None:
    world, server, one = World(), good(lambda stream: stream.quic.close(2)), over_quic()
    async with running(world, strict(one), _192_0_2_1=server):
        await _fails(world, r"connection ended \(DOQ_PROTOCOL_ERROR\)|nobody answers")
        assert server.server.handshakes < 4
        assert world.dispatcher.encrypted.counters.broken >= 1


@trio_test
async def test_nobody_there_is_told_at_once_where_the_kernel_says_so() -> None:
    """ICMP's port unreachable, which a connected socket hears."""
    world, one = World(), over_quic()
    real = world.network.open_udp

    def refused(server: Any) -> Any:
        port = real(server)
        error = ConnectionRefusedError(111, "refused")
        world.network.at(trio.current_time(), lambda: world.network.queue(port, error))
        return port

    world.network.open_udp = refused  # type: ignore[method-assign]
    async with running(world, strict(one)):
        began = trio.current_time()
        await _fails(world, "ECONNREFUSED|nobody answers")
        assert trio.current_time() - began < SESSION_RETRY_SECONDS


@pytest.mark.reaches("SESSION_PING_SECONDS")
@trio_test
async def test_one_connection_is_kept_alive_while_the_server_is_in_use() -> None:
    """RFC 9250 §5.5.1: PING before the idle time is over, and no longer than wanted."""
    world, server, one = World(), good(), over_quic()
    server.server.configuration.idle_timeout = SESSION_PING_SECONDS + 5
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        await trio.sleep(SESSION_WARM_SECONDS - 5)
        assert (len(server.server.open), server.server.handshakes) == (1, 1)
        await trio.sleep(60)
        assert server.server.open == []


@trio_test
async def test_where_nothing_is_kept_warm_an_idle_connection_ends() -> None:
    world, server, one = World(), good(), over_quic()
    async with running(world, strict(one)._replace(keeps_warm=False), _192_0_2_1=server):
        await ask(world, forward(one))
        await trio.sleep(SESSION_IDLE_SECONDS - 1)
        assert len(server.server.open) == 1
        await trio.sleep(10)
        assert server.server.open == []


@pytest.mark.reaches("SESSION_PROBES")
@trio_test
async def test_a_server_that_was_started_anew_is_asked_anew() -> None:
    """It knows no connection, and nothing says so: what was asked goes out on another."""
    world, server, one = World(), good(), over_quic()
    world.faults.set(HOST, Path(delay_s=0.01))
    async with running(world, strict(one), _192_0_2_1=server):
        for at in range(5):
            await ask(world, forward(one), f"n{at}.example.com")
        server.server._by_cid.clear()
        server.server._peers.clear()
        assert (await ask(world, forward(one), "a.example.com")).message.answer
        assert world.dispatcher.counters.failed == 0
        assert world.dispatcher.encrypted.counters.connects == 2


@trio_test
async def test_a_server_that_went_away_in_silence_is_noticed_by_a_ping() -> None:
    world, server, one = World(), good(), over_quic()
    async with running(world, strict(one), _192_0_2_1=server):
        await ask(world, forward(one))
        await trio.sleep(10)
        server.is_gone = True
        await trio.sleep(SESSION_PING_SECONDS + 5)
        server.is_gone = False
        server.server._by_cid.clear()
        server.server._peers.clear()
        began = trio.current_time()
        assert (await ask(world, forward(one), "b.example.com")).message.answer
        assert trio.current_time() - began < 0.1


@trio_test
async def test_loss_on_the_way_is_made_good() -> None:
    world, server, one = World(), good(), over_quic()
    async with running(world, strict(one), _192_0_2_1=server):
        world.faults.set(HOST, Path(delay_s=0.02, loss=0.2))
        for at in range(30):
            assert (await ask(world, forward(one), f"n{at}.example.com")).message.answer


@pytest.mark.reaches("SESSION_STREAMS")
@trio_test
async def test_a_session_ends_after_so_many_streams_and_nobody_notices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert SESSION_STREAMS > 100
    set_limit(monkeypatch, quic_session, "SESSION_STREAMS", 3)
    world, server, one = World(speculation=False), good(), over_quic()
    async with running(world, strict(one), _192_0_2_1=server):
        for at in range(12):
            assert (await ask(world, forward(one), f"n{at}.example.com")).message.answer
        assert server.server.handshakes > 2
        assert world.dispatcher.counters.failed == 0
