"""Who was meant proves it, over TLS, HTTPS and QUIC alike, or is not asked: nothing else leaves."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

import pytest
import trio

from resolver.errors import ExchangeFailed
from resolver.limits import TOLD_NAMES
from resolver.protocol.codes import EdeCode
from resolver.upstream.tls_terms import key_digest
from tests.support import trio_test
from tests.upstream import https_servers, quic_servers, tls_servers
from tests.upstream.encrypted_worlds import ask, forward, running
from tests.upstream.https_servers import HttpsScript, over_https
from tests.upstream.quic_servers import QuicScript, over_quic
from tests.upstream.tls_servers import (
    HOST,
    NAME,
    Clear,
    TlsScript,
    certificate,
    encrypted,
    server_context,
)
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

    import trustme

    from resolver.model import Server
    from resolver.upstream.encrypted import Encryption
    from tests.upstream.encrypted_worlds import Listener

    Leaf = trustme.LeafCert


class Over(NamedTuple):
    """One transport: a server that shows a certificate, its address, the terms; what was asked."""

    server: Callable[[Leaf], Listener]
    address: Callable[..., Server]
    strict: Callable[..., Encryption]
    asked: Callable[[Listener], Sized]


def _tls(leaf: Leaf) -> TlsScript:
    return TlsScript(server_context(leaf))


OVER = {
    "tls": Over(_tls, encrypted, tls_servers.strict, lambda one: one.queries),  # type: ignore[attr-defined]
    "https": Over(HttpsScript, over_https, https_servers.strict, lambda one: one.requests),  # type: ignore[attr-defined]
    "quic": Over(QuicScript, over_quic, quic_servers.strict, lambda one: one.streams),  # type: ignore[attr-defined]
}
each_transport = pytest.mark.parametrize("over", OVER.values(), ids=OVER)

_BAD = {
    "expired": (certificate(NAME, days=(-30, -1)), NAME, "certificate has expired"),
    "not yet valid": (certificate(NAME, days=(1, 30)), NAME, "certificate is not yet valid"),
    "another name": (
        certificate("dns.other.example", "a.example"),
        NAME,
        f"certificate of {HOST} is for dns.other.example, a.example, not for {NAME}",
    ),
    "another address": (certificate("192.0.2.99"), "", f"is for 192.0.2.99, not for {HOST}"),
    "a name, no address": (certificate(NAME), "", f"is for {NAME}, not for {HOST}"),
    "no name but in the subject": (
        certificate(), NAME, f"is for no name (no subjectAltName), not {NAME}",
    ),
    "unknown authority": (
        certificate(NAME, by="somebody"), NAME, "unable to get local issuer certificate",
    ),
}  # fmt: skip


@pytest.mark.rfc("RFC 8310 §8.1")
@pytest.mark.parametrize("case", _BAD)
@each_transport
@trio_test
async def test_a_bad_certificate_is_told_and_nothing_leaves_in_clear_text(
    over: Over, case: str
) -> None:
    """RFC 8310 §8.1 (strict). The reason is OpenSSL's own, in EDE 22."""
    leaf, name, said = _BAD[case]
    await _refuses(over, leaf, name, said)


async def _refuses(
    over: Over, leaf: Leaf, name: str, said: str, *, pins: frozenset[bytes] = frozenset()
) -> None:
    world, server, one = World(), over.server(leaf), over.address(name=name)
    world.serve(HOST)  # who would answer in clear text
    clear = Clear(world)
    async with running(world, over.strict(one, pins=pins), _192_0_2_1=server):
        for _ in range(3):
            with pytest.raises(ExchangeFailed) as failed:
                await ask(world, forward(one))
            assert [each.code for each in failed.value.ede] == [EdeCode.NO_REACHABLE_AUTHORITY]
            assert said in failed.value.ede[0].text
        assert (clear.count, len(over.asked(server))) == (0, 0)
        assert world.dispatcher.encrypted.counters.unproven == 1
        assert world.dispatcher.ways.outage_s(trio.current_time()) == 0, "somebody is there"


@each_transport
@trio_test
async def test_an_address_is_proof_where_no_name_is_wanted(over: Over) -> None:
    world, one, server = World(), over.address(name=""), over.server(certificate(HOST))
    async with running(world, over.strict(one), _192_0_2_1=server):
        assert (await ask(world, forward(one))).message.answer


@pytest.mark.rfc("RFC 7858 §4.2")
@each_transport
@trio_test
async def test_a_pinned_key_is_proof_enough_and_another_is_none(over: Over) -> None:
    """RFC 7858 §4.2. Nobody else vouches for it, and it is for another name; over again resumed."""
    leaf = certificate("dns.other.example", by="nobody")
    pem = leaf.cert_chain_pems[0].bytes().decode()
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    world, server, one = World(), over.server(leaf), over.address()
    terms = over.strict(one, pins=frozenset({key_digest(der)}))
    async with running(world, terms, _192_0_2_1=server):
        assert (await ask(world, forward(one))).message.answer
        server.hang_up()  # type: ignore[attr-defined]
        await trio.sleep(1)
        assert (await ask(world, forward(one), "b.example.com")).message.answer
        assert world.dispatcher.encrypted.counters.resumed == 1
    wrong = frozenset({bytes(32)})
    await _refuses(over, leaf, NAME, f"key of {HOST} is sha256/", pins=wrong)


@each_transport
@trio_test
@pytest.mark.reaches("TOLD_NAMES")
async def test_not_all_names_of_a_strange_certificate_are_told(over: Over) -> None:
    names = [f"n{at}.example" for at in range(TOLD_NAMES + 2)]
    said = f"is for {', '.join(names[:TOLD_NAMES])} and 2 more, not for {NAME}"
    await _refuses(over, certificate(*names), NAME, said)


@each_transport
@trio_test
async def test_dates_are_not_held_against_a_server_by_a_clock_that_is_not_believed(
    over: Over,
) -> None:
    """A board without a battery has to find its time server first; names count all the same."""
    world, one = World(), over.address()
    disbelieving = over.strict(one)._replace(believes_clock=lambda: False)
    server = over.server(certificate(NAME, days=(-30, -1)))
    async with running(world, disbelieving, _192_0_2_1=server):
        assert (await ask(world, forward(one))).message.answer
    world, other = World(), over.server(certificate("dns.other.example"))
    async with running(world, disbelieving, _192_0_2_1=other):
        with pytest.raises(ExchangeFailed):
            await ask(world, forward(one))
