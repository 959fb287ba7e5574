"""A forwarder that blocks names and says so is no liar; one that strips or forges is named.

RFC 8914 §4.16 to §4.18.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from resolver.config.forwarders import block_pages
from resolver.config.schema import Config, Dnssec, Forward
from resolver.daemon import zones
from resolver.errors import ResolutionFailed
from resolver.model import Source, Status
from resolver.protocol.codes import EdeCode, Flag, Rcode, RRType
from resolver.protocol.edns import Edns, ede_option
from resolver.protocol.names import from_text
from resolver.protocol.wire import Record, build, parse_untrusted
from tests.making import question
from tests.recurse.household import house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.protocol.wire import Message
    from tests.recurse.household import House

HOST = "192.0.2.53"
WWW = question("www.example.net. A")


@dataclass
class Forwarder:
    """Says the same of every name: *rcode*, the address *rdata*, and *ede*; signs nothing."""

    rcode: int = Rcode.NOERROR
    rdata: bytes = b""
    ede: tuple[tuple[int, str], ...] = ()
    alias: bytes = b""
    seen: list[Message] = field(default_factory=list)

    def answer(self, data: bytes, transport: str, source: str) -> bytes:
        del transport, source
        query = parse_untrusted(data)
        self.seen.append(query)
        rtype = RRType.AAAA if len(self.rdata) == 16 else RRType.A
        is_told = bool(self.rdata) and query.qtype == rtype
        owner, records = query.qname, []
        if is_told and self.alias:
            records.append(Record(owner, RRType.CNAME, 1, 60, self.alias))
            owner = self.alias
        if is_told:
            records.append(Record(owner, rtype, 1, 60, self.rdata))
        return build(
            id=query.id,
            flags=Flag.QR | Flag.RA | self.rcode,
            question=(query.qname_raw, query.qtype, query.qclass),
            answer=records,
            authority=[],
            additional=[],
            edns=Edns(options=tuple(ede_option(*one) for one in self.ede)),
            max_size=1232,
        )


@asynccontextmanager
async def behind(
    *forwarders: Forwarder, filters: bool = False, validate: bool = True
) -> AsyncIterator[House]:
    """A resolver that forwards all of a signed Internet to *forwarders*."""
    hosts = tuple(f"192.0.2.{53 + at}" for at in range(len(forwarders)))
    entry = Forward(zone=".", addresses=hosts, filters=filters)
    base = Config(forward=(entry,), dnssec=Dnssec(validate=validate))
    async with house(village(is_signed=True), base) as home:
        for host, forwarder in zip(hosts, forwarders, strict=True):
            home.network.attach(host, forwarder)
        yield home


@pytest.mark.rfc("RFC 8914 §4.16")
@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize("code", [EdeCode.BLOCKED, EdeCode.CENSORED, EdeCode.FILTERED])
@pytest.mark.parametrize(
    ("rcode", "rdata"),
    [
        (Rcode.NXDOMAIN, b""),
        (Rcode.NOERROR, b""),
        (Rcode.REFUSED, b""),
        (Rcode.SERVFAIL, b""),
        (Rcode.NOERROR, bytes(4)),
        (Rcode.NOERROR, bytes([198, 51, 100, 1])),
    ],
)
@trio_test
async def test_what_is_blocked_is_passed_on_as_that(
    rcode: int,
    rdata: bytes,
    code: int,
    validate: bool,  # noqa: FBT001
) -> None:
    """Once asked, of one forwarder: nothing is validated and nobody else is asked."""
    first = Forwarder(rcode, rdata, ((code, "by order"),))
    second = Forwarder(rcode, rdata, ((code, "by order"),))
    async with behind(first, second, validate=validate) as home:
        answer = await home.ask(WWW)
        assert answer.rcode == rcode
        assert [rrset.rdatas for rrset in answer.answer] == ([(rdata,)] if rdata else [])
        assert answer.ede == ((code, "by order"),)
        assert answer.status is Status.INSECURE
        assert answer.source is Source.BLOCKED
        assert len(first.seen) + len(second.seen) == 1


@trio_test
async def test_what_is_blocked_is_not_what_the_zone_says() -> None:
    """It is asked again, and believed no more once the forwarder says otherwise."""
    one = Forwarder(Rcode.NXDOMAIN, b"", ((EdeCode.BLOCKED, ""),))
    async with behind(one, validate=False) as home:
        assert (await home.ask(WWW)).rcode == Rcode.NXDOMAIN
        one.rcode, one.rdata, one.ede = Rcode.NOERROR, bytes([192, 0, 2, 80]), ()
        answer = await home.ask(WWW)
        assert (answer.rcode, answer.ede, answer.source) == (Rcode.NOERROR, (), Source.NETWORK)


@pytest.mark.parametrize("rdata", [bytes(4), bytes(16)])
@trio_test
async def test_nobodys_address_is_a_block_where_the_forwarder_filters(rdata: bytes) -> None:
    asked = question(f"www.example.net. {'A' if len(rdata) == 4 else 'AAAA'}")
    async with behind(Forwarder(rdata=rdata), filters=True) as home:
        answer = await home.ask(asked)
        assert answer.source is Source.BLOCKED
        assert [each.code for each in answer.ede] == [EdeCode.BLOCKED]
        assert HOST in answer.ede[0].text
    async with behind(Forwarder(rdata=rdata), filters=False) as home:
        with pytest.raises(ResolutionFailed):
            await home.ask(asked)


@pytest.mark.parametrize(
    ("text", "is_block"),
    [
        ("146.112.61.106", True),
        ("::ffff:146.112.61.108", True),
        ("146.112.61.103", False),
        ("146.112.61.112", False),
        ("2620:119:35::35", False),
    ],
)
@trio_test
async def test_the_address_of_a_providers_block_page_is_a_block(
    text: str,
    is_block: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenDNS says no word of it; another's address is a forgery."""
    pages = block_pages(Forward(zone=".", provider="https://opendns"))
    monkeypatch.setattr(zones, "block_pages", lambda _: pages)
    rdata = ip_address(text).packed
    asked = question(f"www.example.net. {'A' if len(rdata) == 4 else 'AAAA'}")
    async with behind(Forwarder(rdata=rdata), filters=True) as home:
        if not is_block:
            with pytest.raises(ResolutionFailed):
                await home.ask(asked)
            return
        answer = await home.ask(asked)
        assert answer.source is Source.BLOCKED
        assert answer.status is Status.INSECURE
        (said,) = answer.ede
        assert said.code == EdeCode.BLOCKED
        assert said.text == f"{HOST} answers with the address of a block page"


@trio_test
async def test_an_alias_that_ends_at_nobodys_address_is_a_block() -> None:
    one = Forwarder(rdata=bytes(4), alias=from_text("blocked.example.net"))
    async with behind(one, filters=True) as home:
        answer = await home.ask(WWW)
        assert [rrset.rtype for rrset in answer.answer] == [RRType.CNAME, RRType.A]
        assert answer.status is Status.INSECURE
        assert [each.code for each in answer.ede] == [EdeCode.BLOCKED]


@pytest.mark.parametrize("filters", [True, False])
@trio_test
async def test_a_forwarder_that_strips_signatures_is_named(filters: bool) -> None:  # noqa: FBT001
    """Or forges: an address that somebody has, and no word of a block."""
    one = Forwarder(rdata=bytes([198, 51, 100, 1]))
    async with behind(one, filters=filters) as home:
        for _ in range(2):
            with pytest.raises(ResolutionFailed) as failed:
                await home.ask(WWW)
            assert any(f"from forwarder {HOST}" in each.text for each in failed.value.ede)


@pytest.mark.parametrize("code", [EdeCode.STALE_ANSWER, EdeCode.FORGED_ANSWER, EdeCode.PROHIBITED])
@trio_test
async def test_another_extended_error_excuses_nothing(code: int) -> None:
    one = Forwarder(rdata=bytes([198, 51, 100, 1]), ede=((code, ""),))
    async with behind(one) as home:
        with pytest.raises(ResolutionFailed):
            await home.ask(WWW)
