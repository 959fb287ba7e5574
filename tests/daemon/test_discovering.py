"""Forwarders in clear text that designate encrypted ones: found, proven, lost and found again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import dns.message
import dns.rrset
import pytest
import trio

from resolver.config.schema import Config, Forward
from resolver.daemon.discovering import Discovery
from resolver.daemon.zones import fixed_delegations, says_the_same
from resolver.limits import DESIGNATED_NOBODY_SECONDS, DESIGNATION_LOOK_SECONDS
from resolver.model import Question
from resolver.protocol.codes import RRType
from resolver.protocol.names import ROOT, from_text
from resolver.protocol.transport import Transport
from resolver.upstream.encrypted import Encryption
from tests.support import trio_test
from tests.upstream.tls_servers import NAME, TlsScript, authority_pem, certificate, server_context
from tests.upstream.virtual_servers import Script, World, answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from resolver.delegation import Delegation
    from resolver.protocol.message import Message

PUBLIC, PRIVATE = "192.0.2.1", "192.168.1.1"
QNAME = "_dns.resolver.arpa."
NOW_S = 1.0


class Place:
    """A forwarder at *host*, which says *svcb* on port 53, and who is there on port 853."""

    def __init__(self, host: str, ca_file: Path, *svcb: str, names: tuple[str, ...] = ()) -> None:
        self.world = World()
        self.svcb = svcb
        self.asked: list[float] = []
        self.said: list[str] = []
        self.clear = self.world.serve(host, Script(self._reply))
        self.tls = TlsScript(server_context(certificate(*(names or (host,)))))
        self.host = host
        entry = Forward(zone=".", addresses=(host,), discover=True, ca_file=str(ca_file))
        self.config = Config(forward=(entry,))
        self.fixed = dict(fixed_delegations(self.config))
        self.encryption = Encryption(authorities={str(ca_file): authority_pem()})
        self.infra = self.world.infra
        self.dispatcher = self.world.dispatcher

    @property
    def told(self) -> str:
        return "\n".join(self.said)

    def _reply(self, query: Message, _: str) -> bytes:
        if query.qtype != RRType.SVCB:
            return answer(query)
        self.asked.append(trio.current_time())
        message = dns.message.make_response(dns.message.make_query(QNAME, "SVCB"))
        message.id = query.id
        message.question[0].name = dns.name.from_wire(query.qname_raw, 0)[0]
        if self.svcb:
            message.answer.append(dns.rrset.from_text(QNAME, 300, "IN", "SVCB", *self.svcb))
        return message.to_wire()

    @asynccontextmanager
    async def running(self, discovery: Discovery | None = None) -> AsyncIterator[Discovery]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.tls.listen, self.world.network, self.host, nursery)
            await nursery.start(self.dispatcher.run)
            found = discovery or Discovery(self, {}, lambda line, _: self.said.append(line))
            nursery.start_soon(found.run)
            await trio.sleep(NOW_S)
            yield found
            nursery.cancel_scope.cancel()

    async def ask(self, name: str) -> Transport:
        self.world.whole.deadline = trio.current_time() + 100
        self.world.whole.queries = 100
        question = Question(from_text(name), RRType.A)
        reply = await self.dispatcher.ask(
            self.world.request(delegation=self.fixed[ROOT], question=question)
        )
        return reply.transport


RECORD = "1 dns.example.net. alpn=dot"


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    return tmp_path / "ca.pem"


@trio_test
@pytest.mark.rfc("RFC 9462 §4.2")
async def test_who_proves_the_address_that_was_asked_is_asked(ca_file: Path) -> None:
    place = Place(PUBLIC, ca_file, RECORD)
    async with place.running() as found:
        assert await place.ask("a.example.com") is Transport.TLS
        assert found.count == 1
    assert f"{PUBLIC} is asked over tls://{PUBLIC}:853 (its certificate proves it)" in "\n".join(
        place.said
    )


@trio_test
@pytest.mark.rfc("RFC 9462 §4.2")
async def test_who_does_not_is_not_and_that_is_told(ca_file: Path) -> None:
    """The name that the record gives proves nothing: whoever forged it would have one."""
    place = Place(PUBLIC, ca_file, RECORD, names=("dns.example.net",))
    async with place.running() as found:
        assert await place.ask("a.example.com") is Transport.UDP
        assert found.count == 0
    assert place.tls.queries == []
    assert f"{PUBLIC} is asked in clear text: tls://{PUBLIC}:853 was not proven" in "\n".join(
        place.said
    )
    assert "is for dns.example.net, not for 192.0.2.1" in place.told


@trio_test
@pytest.mark.rfc("RFC 9462 §4.3")
async def test_a_private_address_is_asked_unproven_and_that_is_told(ca_file: Path) -> None:
    place = Place(PRIVATE, ca_file, RECORD, names=(NAME,))
    async with place.running():
        assert await place.ask("a.example.com") is Transport.TLS
    assert "(not proven: a private address)" in place.told


@trio_test
async def test_what_was_found_is_proven_though_what_was_written_need_not_be(ca_file: Path) -> None:
    """Anybody on the way may designate; `profile` is for the servers of the table."""
    place = Place(PUBLIC, ca_file, RECORD, names=(NAME,))
    entry = Forward(
        zone=".", addresses=(PUBLIC, "tls://192.0.2.9"), discover=True, profile="opportunistic"
    )
    place.config = Config(forward=(entry,))
    async with place.running() as found:
        assert found.count == 0
        assert place.tls.established == 0


@trio_test
async def test_a_pin_is_proof_and_a_private_address_then_is_none(ca_file: Path) -> None:
    place = Place(PRIVATE, ca_file, RECORD)
    pins = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    entry = Forward(zone=".", addresses=(PRIVATE,), discover=True, pins=(pins,))
    place.config = Config(forward=(entry,))
    async with place.running() as found:
        assert await place.ask("a.example.com") is Transport.UDP
        assert found.count == 0


@trio_test
@pytest.mark.reaches("DESIGNATED_NOBODY_SECONDS")
async def test_it_is_asked_again_when_that_has_run_out(ca_file: Path) -> None:
    place = Place(PUBLIC, ca_file, RECORD)
    async with place.running() as found:
        await trio.sleep(300 + DESIGNATION_LOOK_SECONDS)
        assert len(place.asked) == 2
        place.svcb = ()
        await trio.sleep(300 + DESIGNATION_LOOK_SECONDS)
        assert found.count == 0
        assert await place.ask("a.example.com") is Transport.UDP
        place.svcb = (RECORD,)
        await trio.sleep(DESIGNATED_NOBODY_SECONDS)
        assert await place.ask("b.example.com") is Transport.TLS


@trio_test
@pytest.mark.reaches("DESIGNATION_LOOK_SECONDS")
async def test_clear_text_takes_the_place_of_who_is_gone_for_a_while(
    ca_file: Path,
) -> None:
    place = Place(PUBLIC, ca_file, RECORD)
    async with place.running():
        assert await place.ask("a.example.com") is Transport.TLS
        place.tls.context = server_context(certificate(NAME))
        place.tls.hang_up()
        await trio.sleep(NOW_S)
        assert await place.ask("b.example.com") is Transport.UDP
        await trio.sleep(2 * DESIGNATION_LOOK_SECONDS)
        assert "is asked in clear text" in place.told
        place.tls.context = server_context(certificate(PUBLIC))
        await trio.sleep(DESIGNATED_NOBODY_SECONDS + DESIGNATION_LOOK_SECONDS)
        assert await place.ask("c.example.com") is Transport.TLS


@trio_test
async def test_what_was_found_goes_on_over_a_reload_and_ends_with_the_table(ca_file: Path) -> None:
    place = Place(PUBLIC, ca_file, RECORD)
    async with place.running() as found:
        fresh: dict[bytes, Delegation] = dict(fixed_delegations(place.config))
        assert says_the_same(place.fixed[ROOT], fresh[ROOT]), "it is no other table"
        place.fixed, place.svcb = fresh, ()
        async with trio.open_nursery() as nursery:
            place.clear.reply = lambda *_: None
            nursery.start_soon(Discovery(place, found.known, lambda *_: None).run)
            await trio.sleep(NOW_S)
            assert await place.ask("a.example.com") is Transport.TLS
            nursery.cancel_scope.cancel()
        place.config = Config()
        assert Discovery(place, found.known, lambda *_: None).count == 0
