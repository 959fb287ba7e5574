"""Clients that send options by the dozen, or by the thousand: the reply has each once."""

from __future__ import annotations

from collections import Counter

import pytest

from resolver.config.schema import Config, Server
from resolver.protocol.codes import Rcode
from resolver.protocol.edns import (
    OPT_COOKIE,
    OPT_KEEPALIVE,
    OPT_NSID,
    OPT_PADDING,
    Edns,
    Option,
)
from resolver.protocol.transport import ENCRYPTED, Client, Transport
from resolver.protocol.wire import parse_untrusted
from tests.asking import octets, replied
from tests.making import question
from tests.recurse.household import house, village
from tests.support import trio_test

WWW = question("www.example.net. A")
HOST = "127.0.0.1"
LARGEST = 0xFFFF
SERVER = Config(server=Server(nsid="box 7"))


def _client(transport: Transport) -> Client:
    return Client(HOST, 4000, transport, HOST)


def _many(count: int) -> tuple[Option, ...]:
    cookie, padding = (OPT_COOKIE, bytes(8)), (OPT_PADDING, bytes(3))
    return ((OPT_NSID, b""), cookie, padding, (OPT_KEEPALIVE, b"")) * count


@pytest.mark.parametrize("transport", list(Transport))
@trio_test
async def test_cve_2026_42944_several_options_of_a_kind_are_answered_once(
    transport: Transport,
) -> None:
    """Unbound's, with -14586 and -55991: they overflowed the room that was made for one of each."""
    asked = octets(WWW, edns=Edns(options=_many(60)))
    async with house(village(), SERVER) as home:
        for _ in range(2):  # found out, and known
            reply = await replied(home, asked, _client(transport))
            message = parse_untrusted(reply)
            assert message.rcode == Rcode.NOERROR
            assert message.answer
            assert message.edns is not None
            counts = Counter(code for code, _ in message.edns.options)
            assert counts[OPT_NSID] == 1
            assert set(counts.values()) == {1}
            assert (OPT_PADDING in counts) == (transport in ENCRYPTED)


@pytest.mark.parametrize("transport", [one for one in Transport if one is not Transport.UDP])
@trio_test
async def test_cve_2026_41292_long_lists_of_options_are_read_over(transport: Transport) -> None:
    """Unbound's: each option was looked for from the list's beginning, for minutes."""
    empty: tuple[Option, ...] = ((65_001, b""),) * 16_000
    asked = octets(WWW, edns=Edns(options=(*empty, (OPT_NSID, b""))))
    assert len(asked) > LARGEST - 2000
    async with house(village(), SERVER) as home:
        for _ in range(2):
            message = parse_untrusted(await replied(home, asked, _client(transport)))
            assert message.answer
            assert message.edns is not None
            assert message.edns.option(OPT_NSID) is not None, "the last one counts too"
            assert len(message.edns.options) == 1
