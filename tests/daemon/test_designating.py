"""What is offered is what is served and shown at this moment."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import dns.message
import dns.query
import dns.rcode
import pytest
import trio
from msgspec.structs import replace

from resolver.config.schema import Ddr, Tls
from resolver.daemon.bind import Wish
from resolver.daemon.certificates import Subject, make
from resolver.daemon.designating import offer_of
from resolver.daemon.reload import reload
from resolver.policy.designation import Offer
from resolver.protocol import names
from resolver.protocol.transport import Transport
from tests.daemon.reloading import HOST, PATIENCE_S, House, free_port, served
from tests.support import trio_test_real

if TYPE_CHECKING:
    from resolver.config.schema import Config
    from resolver.daemon.certificates import Identity

WALL = 1e9
NAME = "dns.example.net."
SVCB = "_dns.resolver.arpa", "SVCB"
RESINFO = "resolver.arpa", "TYPE261"


def identity(*listed: str, addresses: tuple[str, ...] = (HOST,)) -> Identity:
    return make(Subject(listed, addresses), wall=WALL)


TLS = Wish("server.listen", Transport.TLS, (HOST, 853))
UDP = Wish("server.listen", Transport.UDP, (HOST, 53))
METRICS = Wish("metrics.listen", None, (HOST, 9153))


@pytest.mark.parametrize(
    ("configured", "in_certificate", "told"),
    [
        (("dns.example.net",), ("else.example",), "dns.example.net."),
        ((), ("*.example.net", "localhost", "dns.example.net"), "dns.example.net."),
        (("192.0.2.1", "dns.example.net"), ("else.example",), "dns.example.net."),
        ((), ("localhost",), ""),
        ((), ("*.example.net",), ""),
    ],
)
def test_the_name(configured: tuple[str, ...], in_certificate: tuple[str, ...], told: str) -> None:
    offer = offer_of([TLS], configured, [identity(*in_certificate)], wall=WALL)
    assert offer.name == (names.from_text(told) if told else b"")


def test_proven_is_what_every_certificate_is_for() -> None:
    one, other = identity("a.example"), identity("a.example", addresses=("192.0.2.1", "::1"))
    assert offer_of([TLS], (), [one], wall=WALL).proven == {bytes([127, 0, 0, 1])}
    assert offer_of([TLS], (), [one, other], wall=WALL).proven == frozenset()


def test_a_certificate_out_of_its_time_proves_nothing() -> None:
    """A client would refuse it (RFC 9462 §4.2), on a private network not even look at it (§4.3)."""
    one = identity("a.example")
    for wall in (one.valid_from - 1, one.valid_until):
        offer = offer_of([TLS], (), [one], wall=wall)
        assert offer.proven == frozenset()
        assert offer.places
    assert offer_of([TLS], (), [one], wall=one.valid_until - 1).proven


def test_without_an_encrypted_listener_there_is_no_offer() -> None:
    assert (
        offer_of([UDP, METRICS], ("dns.example.net",), [identity("a.example")], wall=WALL)
        == Offer()
    )
    assert offer_of([TLS], ("dns.example.net",), [], wall=WALL) == Offer()


# --- the daemon ----------------------------------------------------------------------------------


async def ask(
    port: int, name: str, qtype: str, *, tcp: bool = False, host: str = HOST
) -> dns.message.Message:
    by = dns.query.tcp if tcp else dns.query.udp
    asked = dns.message.make_query(name, qtype)
    return await trio.to_thread.run_sync(lambda: by(asked, host, timeout=PATIENCE_S, port=port))


async def told(port: int, name: str, qtype: str, *, tcp: bool = False) -> list[str]:
    reply = await ask(port, name, qtype, tcp=tcp)
    assert reply.rcode() == dns.rcode.NOERROR
    return [str(rdata) for rrset in reply.answer for rdata in rrset]


def encrypted(house: House, port: int, host: str = HOST) -> Config:
    listen = (f"{host}:{house.port}", f"tls://{host}:{port}")
    return replace(house.listening(*listen), tls=Tls(names=("dns.example.net",)))


@pytest.mark.rfc("RFC 9462 §4")
@trio_test_real
async def test_it_comes_and_goes_with_a_reload() -> None:
    """And no packet of before is served after."""
    port = free_port()
    async with served() as house:
        assert await told(house.port, *SVCB) == []
        config = encrypted(house, port)
        await reload(house.daemon, config)
        expected = [f'1 {NAME} alpn="dot" port="{port}" ipv4hint="{HOST}"']
        assert await told(house.port, *SVCB) == expected
        assert await told(house.port, *SVCB, tcp=True) == expected
        assert await told(house.port, "_dns.resolver.arpa", "A") == []
        assert len(await told(house.port, *RESINFO)) == 1
        await reload(house.daemon, replace(config, ddr=Ddr(answer=False)))
        assert await told(house.port, *SVCB) == []
        assert await told(house.port, *RESINFO) == []
        await reload(house.daemon, config)
        assert await told(house.port, *SVCB) == expected
        await reload(house.daemon, house.config)
        assert await told(house.port, *SVCB) == []


@trio_test_real
async def test_a_wildcard_listener_tells_the_address_that_was_asked() -> None:
    port = free_port()
    async with served() as house:
        await reload(house.daemon, encrypted(house, port, "0.0.0.0"))  # noqa: S104
        with trio.fail_after(PATIENCE_S):  # nobody serves it before the old socket is closed
            while ("0.0.0.0", house.port) not in house.daemon.bound:  # noqa: ASYNC110, S104
                await trio.sleep(0.02)
        for tcp in (False, True):
            for host in (HOST, "127.0.0.2"):
                reply = await ask(house.port, *SVCB, tcp=tcp, host=host)
                assert f'ipv4hint="{host}"' in str(reply.answer[0])


@pytest.mark.rfc("RFC 9462 §4")
@trio_test_real
async def test_dig_reads_it() -> None:
    if shutil.which("dig") is None:
        pytest.skip("not installed: dig")
    port = free_port()
    async with served() as house:
        await reload(house.daemon, encrypted(house, port))

        async def dig(*question: str) -> str:
            done = await trio.run_process(
                ["dig", f"@{HOST}", "-p", str(house.port), *question],
                capture_stdout=True,
                stderr=subprocess.STDOUT,
            )
            return re.sub(r"\s+", " ", done.stdout.decode())

        said = await dig(*SVCB)
        assert f'300 IN SVCB 1 {NAME} alpn="dot" port={port} ipv4hint={HOST}' in said
        assert f"{NAME} 300 IN A {HOST}" in said
        assert "flags: qr aa rd ra" in said
        said = await dig("+norec", *RESINFO)
        assert "flags: qr aa ra" in said
        assert "ANSWER: 1" in said
