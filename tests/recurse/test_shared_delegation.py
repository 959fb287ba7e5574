"""Many walks over one delegation at once, some cut short: it serves the next one all the same."""

from __future__ import annotations

import contextlib
from random import Random
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.delegation import AddressBook
from resolver.errors import ResolutionFailed
from resolver.lab.authority import Authority, Manners
from resolver.lab.faults import Path
from resolver.lab.world import ROOT_SERVERS, World
from resolver.limits import FAILURE_TTL_MAX_SECONDS
from resolver.protocol.codes import Flag, Rcode, RRType
from resolver.protocol.names import from_text
from resolver.protocol.render import build
from resolver.protocol.wire import parse_untrusted
from tests.making import question
from tests.recurse.household import house
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.lab.virtual_parts import Answers
    from tests.recurse.household import House

CLIENTS = 60


def town() -> World:
    """shop.net. has one nameserver with glue, which is silent for MX, and two to be looked up.

    Of these one's own zone is broken, the other's is far.
    """
    world = World()
    root = world.zone(".")
    for nameserver, hosts in ROOT_SERVERS.items():
        world.serve(root, nameserver, *hosts)
    net = world.zone("net.")
    world.serve(net, "ns.net.", "192.0.2.10")
    far, dead = world.zone("far.net."), world.zone("dead.net.")
    world.serve(far, "ns.far.net.", "192.0.2.20", path=Path(delay_s=0.2))
    world.serve(dead, "ns.dead.net.", "192.0.2.30", manners=Manners(rcode=Rcode.SERVFAIL))
    shop = world.zone("shop.net.")
    fussy = Manners(drops_types=frozenset({RRType.MX}))
    world.serve(shop, "ns.shop.net.", "192.0.2.40", manners=fussy, path=Path(loss=0.2))
    world.serve(shop, "dns.far.net.", "192.0.2.41", path=Path(delay_s=0.1, loss=0.2))
    world.serve(shop, "dns.dead.net.", "192.0.2.42")
    for at in range(CLIENTS):
        shop.add_address(f"www{at}", f"203.0.113.{at + 1}")
    for zone in (far, dead, shop, net):
        world.delegate(zone)
    world.servers["192.0.2.42"] = Authority()  # knows nothing of the zone
    return world


class Fussy(Authority):
    """Refuses names that begin with x, and no others."""

    def answer(self, data: bytes, transport: str, source: str) -> Answers:
        query = parse_untrusted(data)
        if query.question is not None and query.question[0][1:2].lower() == b"x":
            flags = Flag.QR | Rcode.REFUSED
            return [build(id=query.id, flags=flags, question=query.question)]
        return super().answer(data, transport, source)


async def ask(home: House, at: int, rng: Random) -> None:
    """One client, who may go away, and whose time may be short."""
    await trio.sleep(rng.uniform(0, 3))
    rtype = rng.choice(("A", "MX"))
    with trio.move_on_after(rng.choice((0.01, 0.1, 0.5, 20.0))):
        with contextlib.suppress(ResolutionFailed):
            await home.ask(question(f"www{at}.shop.net. {rtype}"), seconds=rng.choice((0.2, 2, 10)))


@pytest.mark.rfc("RFC 1034 §5.3.3")
@pytest.mark.parametrize("speculation", [False, True])
@pytest.mark.parametrize("seed", range(6))
@trio_test
async def test_walks_that_are_cut_short_leave_the_delegation_whole(
    seed: int,
    speculation: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    books: list[AddressBook] = []
    begin = AddressBook.__init__

    def noted(self: AddressBook, *args: object) -> None:
        begin(self, *args)  # type: ignore[arg-type]
        books.append(self)

    monkeypatch.setattr(AddressBook, "__init__", noted)
    async with house(town(), speculation=speculation) as home:
        async with trio.open_nursery() as nursery:
            for at in range(CLIENTS):
                nursery.start_soon(ask, home, at, Random(seed * CLIENTS + at))
        await trio.sleep(FAILURE_TTL_MAX_SECONDS)
        assert [name for book in books for name in book.searching()] == []
        for at in range(0, CLIENTS, 10):
            answer = await home.ask(question(f"www{at}.shop.net. A"))
            assert answer.answer


@trio_test
async def test_a_name_that_is_refused_sends_no_other_name_to_a_dead_server() -> None:
    """One server refuses one name and answers the others; its neighbour is dead."""
    world = town()
    shop, good = world.zones[from_text("shop.net.")], "192.0.2.40"
    world.servers[good] = Fussy([shop])
    for host in (good, "192.0.2.41"):
        world.faults.set(host, Path(delay_s=0.01, dead=host != good))
    async with house(world) as home:
        costs: list[int] = []
        for at in range(0, 16, 2):
            with contextlib.suppress(ResolutionFailed):
                await home.ask(question(f"x{at}.shop.net. A"))
            sent, began = home.sent, trio.current_time()
            assert (await home.ask(question(f"www{at}.shop.net. A"))).answer
            costs.append(home.sent - sent)
            if at:  # after the first nobody can know which of its faces is the true one
                assert trio.current_time() - began < 0.1
            await trio.sleep(20)
        assert costs[-1] == 1
