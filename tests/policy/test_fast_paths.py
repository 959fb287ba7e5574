"""Views: what policy makes of an answer is served to those it is for, and to no others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import trio
import trio.testing

from resolver.model import RRset
from resolver.policy.path import Step
from resolver.policy.views import Clients, Views
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.transport import Client, Transport
from resolver.protocol.wire import parse_untrusted
from tests.asking import octets, read, replied
from tests.making import question
from tests.recurse.household import House, house, slow_village, village
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.model import Answer, Query
    from resolver.protocol.wire import Message

WWW = question("www.example.net. A")
TRUE, OTHER = bytes([192, 0, 2, 80]), bytes([203, 0, 113, 1])
HOST, GUEST = Client("127.0.0.1", 1, Transport.UDP), Client("192.0.2.7", 1, Transport.UDP)


class Rewrites(Step):
    """Puts another address in the place of every one that was resolved."""

    name = "rewrites"

    def after(self, query: Query, answer: Answer) -> Answer:
        assert query.client is GUEST
        told = [RRset(one.owner, one.rtype, one.ttl, (OTHER,)) for one in answer.answer]
        return replace(answer, answer=tuple(told))


def guests(step: Step) -> Views:
    return Views((), [Clients("guests", (step,), networks=("192.0.2.0/24",))])


def addresses(reply: Message) -> list[bytes]:
    return [record.rdata for record in reply.answer if record.rtype == RRType.A]


def hit(home: House, client: Client) -> list[bytes] | None:
    """What the packet cache alone tells *client*."""
    fast_path = home.pipeline.fast_path(Transport.UDP)
    reply = fast_path.recall(octets(WWW), bytes(map(int, client.host.split("."))))
    return None if reply is None else addresses(parse_untrusted(reply))


@trio_test
async def test_an_answer_that_was_rewritten_is_for_its_view_alone() -> None:
    """After resolution, and from packets: two views never see each other's."""
    async with house(village()) as home:
        home.parts.fast_paths.go_by(guests(Rewrites()))
        assert addresses(await read(home, octets(WWW), GUEST)) == [OTHER]
        asked = home.sent
        assert (hit(home, GUEST), hit(home, HOST)) == ([OTHER], None)
        assert addresses(await read(home, octets(WWW), HOST)) == [TRUE]
        assert (hit(home, GUEST), hit(home, HOST)) == ([OTHER], [TRUE])
        assert home.sent == asked  # what was resolved is everybody's


@trio_test
async def test_a_change_of_policy_forgets_packets_and_keeps_what_they_were_made_of() -> None:
    async with house(village()) as home:
        home.parts.fast_paths.go_by(guests(Rewrites()))
        await replied(home, octets(WWW), GUEST)
        fast_path = home.pipeline.fast_path(Transport.UDP)
        assert fast_path.recall(octets(WWW), b"\xc0\0\2\7") is not None
        asked = home.sent
        home.parts.fast_paths.go_by(guests(Step()))
        fast_path.begin()
        assert fast_path.recall(octets(WWW), b"\xc0\0\2\7") is None
        assert addresses(await read(home, octets(WWW), GUEST)) == [TRUE]
        assert home.sent == asked


@trio_test
async def test_what_an_old_policy_made_of_an_answer_is_not_kept_for_a_new_one() -> None:
    """It changed while the answer was on its way."""
    async with house(slow_village()) as home:
        home.parts.fast_paths.go_by(guests(Rewrites()))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(replied, home, octets(WWW), GUEST)
            await trio.sleep(0.5)
            home.parts.fast_paths.go_by(guests(Step()))
        assert hit(home, GUEST) is None
        assert addresses(await read(home, octets(WWW), GUEST)) == [TRUE]
        assert hit(home, GUEST) == [TRUE]


@trio_test
async def test_the_access_list_is_a_step_and_bars_the_way_to_packets() -> None:
    async with house(village()) as home:
        await replied(home, octets(WWW), HOST)
        assert hit(home, HOST) == [TRUE]
        assert hit(home, GUEST) is None
        refused = await read(home, octets(WWW), GUEST)
        assert refused.rcode == Rcode.REFUSED
        assert home.pipeline.counters.refused == 1
