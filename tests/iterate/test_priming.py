"""Priming: who is asked for the root, and how soon again when nobody answers (RFC 9609)."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import trio

from resolver.cache.delegation import DelegationCache
from resolver.config.schema import Config, Dnssec
from resolver.errors import ResolutionFailed
from resolver.iterate.priming import keep_primed
from resolver.lab.virtual_time import VirtualClock
from resolver.lab.world import ROOT_SERVERS, World
from resolver.limits import PRIMING_REFRESH_SHARE, PRIMING_RETRY_SECONDS
from resolver.model import Delegation, Name, Question, Referral, Server
from resolver.protocol.codes import RRType
from resolver.protocol.names import ROOT, from_text
from tests.making import question
from tests.recurse.household import WALL, house
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.runtime.clock import Clock
    from resolver.upstream.request import Ask, Reply, Request

HOST = from_text("a.root-servers.net.")


async def _keep(ask: Ask, kept: DelegationCache, clock: Clock) -> None:
    await keep_primed(ask, kept, Delegation(ROOT, (), {}), clock, is_signed=lambda: True)


@pytest.mark.rfc("RFC 9609 §3.3")
@pytest.mark.reaches("PRIMING_RETRY_SECONDS")
@trio_test
async def test_a_priming_that_failed_is_tried_again_later() -> None:
    asked = []

    async def ask(request: Request) -> Reply:  # noqa: ARG001  # called by any name
        asked.append(trio.current_time())
        raise ResolutionFailed("nobody answers")

    kept = DelegationCache()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep, ask, kept, VirtualClock())
        await trio.sleep(2.5 * PRIMING_RETRY_SECONDS)
        nursery.cancel_scope.cancel()
    gaps = [later - sooner for sooner, later in pairwise(asked)]
    assert gaps == pytest.approx([PRIMING_RETRY_SECONDS] * 2)
    assert len(kept) == 0


@pytest.mark.rfc("RFC 9609 §3")
@pytest.mark.reaches("PRIMING_REFRESH_SHARE")
@trio_test
async def test_what_the_root_says_replaces_the_hints_and_is_renewed_before_it_expires() -> None:
    asked = []
    glue: dict[Name, tuple[Server, ...]] = {HOST: (Server("192.0.2.1", 53, HOST),)}
    told = Referral(ROOT, (HOST,), 1000, glue, ())

    async def ask(request: Request) -> Reply:
        asked.append((trio.current_time(), request.question))
        return cast("Reply", SimpleNamespace(classified=SimpleNamespace(referral=told)))

    kept, clock = DelegationCache(), VirtualClock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep, ask, kept, clock)
        await trio.sleep(990)
        nursery.cancel_scope.cancel()
    assert [question for _, question in asked] == [Question(ROOT, RRType.NS)] * 2
    assert asked[1][0] - asked[0][0] == pytest.approx(1000 * PRIMING_REFRESH_SHARE)
    root = kept.get(ROOT, clock.now())
    assert root is not None
    assert root.nameservers == (HOST,)
    assert root.is_signed


@pytest.mark.parametrize(("is_signed", "validate"), [(False, True), (True, False), (True, True)])
@trio_test
async def test_what_an_unsigned_root_says_of_names_between_counts_at_once(
    is_signed: bool,  # noqa: FBT001
    validate: bool,  # noqa: FBT001
) -> None:
    """ "ent." is an empty non-terminal: NODATA, without signatures where there are none to be had.

    It was asked of three servers, for a root was always taken for a signed one.
    """
    world = World()
    root = world.zone(".")
    for nameserver, hosts in ROOT_SERVERS.items():
        world.serve(root, nameserver, *hosts)
    zone = world.zone("a.ent.")
    world.serve(zone, "ns.a.ent.", "192.0.2.10")
    zone.add_address("www", "192.0.2.80")
    world.delegate(zone)
    for one in (zone, root) if is_signed else ():
        world.sign(one, wall=WALL)
    config = Config(dnssec=Dnssec(validate=validate))
    async with house(world, config, prime=True) as home:
        await trio.sleep(1)
        root_cut = home.parts.delegations.get(ROOT, home.parts.clock.now())
        assert root_cut is not None
        assert root_cut.is_signed is (is_signed and validate)
        before = home.sent
        await home.ask(question("www.a.ent. A"))
        keys = 2 if is_signed and validate else 0
        assert home.sent == before + 3 + keys
        await home.ask(question("nothing. A"))
        assert home.sent == before + 4 + keys
