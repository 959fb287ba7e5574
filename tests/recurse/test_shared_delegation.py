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
from resolver.protocol.codes import Rcode, RRType
from tests.making import question
from tests.recurse.household import house
from tests.support import trio_test

if TYPE_CHECKING:
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
        await trio.sleep(float(FAILURE_TTL_MAX_SECONDS))
        assert [name for book in books for name in book.searching()] == []
        for at in range(0, CLIENTS, 10):
            answer = await home.ask(question(f"www{at}.shop.net. A"))
            assert answer.answer
