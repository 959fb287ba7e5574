"""Many questions at one zone cut: how many wait where nobody answers, and that all are served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver import limits
from resolver.budget import QueryBudget, Share
from resolver.errors import ExchangeFailed, ZoneCrowded
from resolver.lab.faults import Path
from resolver.model import Question
from resolver.protocol.codes import EdeCode, RRType
from resolver.protocol.names import from_text
from resolver.upstream.crowd import Crowd, Crowds
from tests.support import trio_test
from tests.upstream.virtual_servers import Script, Told, World

if TYPE_CHECKING:
    from resolver.protocol.message import Message
    from resolver.upstream.request import Request

SILENT = ["198.51.100.1", "203.0.113.1"]
WELL = "192.0.2.1"
MOST = limits.ZONE_UNANSWERED


def about(world: World, hosts: list[str], zone: str, label: str) -> Request:
    """A client's question of its own."""
    whole = QueryBudget(
        queries=100, ns_lookups=20, signature_checks=0, hashes=0, deadline=trio.current_time() + 10
    )
    question = Question(from_text(f"{label}.{zone}"), RRType.A)
    return world.request(*hosts, zone=from_text(zone), question=question, budget=Share(whole))


class Clients:
    """What became of what they asked."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answered: list[str] = []
        self.failed: list[str] = []
        self.turned_away: list[str] = []
        self.told: set[int] = set()

    async def ask(self, hosts: list[str], zone: str, label: str) -> None:
        try:
            await self.world.dispatcher.ask(about(self.world, hosts, zone, label))
        except ZoneCrowded as error:
            self.turned_away.append(label)
            self.told |= {ede.code for ede in error.ede}
        except ExchangeFailed:
            self.failed.append(label)
        else:
            self.answered.append(label)

    async def ask_many(self, hosts: list[str], zone: str, *, count: int, per_s: float) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(count):
                nursery.start_soon(self.ask, hosts, zone, f"n{number}")
                await trio.sleep(1 / per_s)


@pytest.mark.reaches("ZONE_UNANSWERED")
@trio_test
async def test_few_wait_for_a_silent_zone_and_others_do_not_notice() -> None:
    """RFC 9520 §3.1 asks for bounds; what is turned away is told at once."""
    world = World()
    for host in SILENT:
        world.serve(host)
        world.faults.set(host, Path(dead=True))
    world.serve(WELL)
    many, well = Clients(world), Clients(world)

    async def story() -> None:
        await well.ask([WELL], "well.test", "first")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: many.ask_many(SILENT, "silent.test", count=4000, per_s=1000))
            nursery.start_soon(lambda: well.ask_many([WELL], "well.test", count=100, per_s=25))
            await trio.sleep(3.9)
            waiting = (
                world.dispatcher.counters.asked
                - sum(len(some) for each in (many, well) for some in (each.answered, each.failed))
                - len(many.turned_away)
            )
            assert waiting <= MOST + 2
            assert world.dispatcher.in_flight < 12 * MOST
        for host in SILENT:
            world.faults.set(host, Path(delay_s=0.01))
        await trio.sleep(1)
        await many.ask(SILENT, "silent.test", "again")

    await world.run(story)
    assert len(well.answered) == 101
    assert many.answered == ["again"]
    assert len(many.turned_away) > 3000
    assert many.told == {EdeCode.NO_REACHABLE_AUTHORITY}
    assert world.dispatcher.counters.turned_away == len(many.turned_away)
    assert not world.dispatcher.shared.crowds


@pytest.mark.reaches("ZONE_SILENT_SECONDS")
@trio_test
async def test_a_far_zone_met_for_the_first_time_by_many_serves_them_all() -> None:
    """It answers after 1.4 s: longer than what a stranger is waited for, not silent."""
    world = World()
    for host in SILENT:
        world.serve(host, rtt_s=1.4)
    many = Clients(world)

    async def story() -> None:
        await many.ask_many(SILENT, "far.test", count=500, per_s=5000)

    await world.run(story)
    assert len(many.answered) == 500


@trio_test
async def test_what_a_zone_answers_is_never_turned_away() -> None:
    """Half of its names are dropped, as a firewall in front of it would: the others get through."""
    world = World()
    plain = Script()

    def is_dropped(label: str) -> bool:
        return int(label[1:]) % 2 == 1

    def reply(query: Message, transport: str) -> Told:
        name = query.qname
        is_odd = is_dropped(name[1 : 1 + name[0]].decode())
        return None if is_odd else plain.reply(query, transport)

    for host in SILENT:
        world.serve(host, Script(reply))
    many = Clients(world)

    async def story() -> None:
        await many.ask_many(SILENT, "half.test", count=1200, per_s=200)

    await world.run(story)
    assert [label for label in many.turned_away if not is_dropped(label)] == []
    assert len(many.answered) == 600


@pytest.mark.reaches("ZONE_CREDIT")
@trio_test
async def test_what_was_answered_counts_for_a_while() -> None:
    """Twice the time that a question may wait, and not for ever."""
    window, credit = limits.ASK_SECONDS, 100 * limits.ZONE_CREDIT
    crowd = Crowd(0.0)
    for _ in range(100):
        crowd.note_answer(1.0)
    crowd.waiting = MOST + 100
    assert crowd.excess(2.0) == 100 - credit
    assert crowd.excess(window + 1) == 100 - credit
    assert crowd.excess(2 * window + 2) == 100


@pytest.mark.reaches("ZONE_SPECULATION")
def test_nothing_is_spent_on_being_quick_where_many_wait() -> None:
    crowds, zone = Crowds(), from_text("silent.test")
    for _ in range(limits.ZONE_SPECULATION):
        assert crowds.is_calm(zone)
        crowds.enter(zone, 0.0)
    assert not crowds.is_calm(zone)
    crowds.leave(zone)
    assert crowds.is_calm(zone)


@pytest.mark.reaches("ZONE_UNANSWERED", "ZONE_SILENT_SECONDS")
def test_a_crowd_is_bounded_once_its_first_has_waited_for_a_while() -> None:
    crowds, zone = Crowds(), from_text("silent.test")
    later = 10.0 + limits.ZONE_SILENT_SECONDS
    for _ in range(limits.ZONE_UNANSWERED):
        assert crowds.admits(zone, later)
        crowds.enter(zone, 10.0)
    assert not crowds.admits(zone, later)
    assert crowds.admits(zone, later - 0.1)
    assert crowds.may_stay(zone, later)
    crowds.enter(zone, 10.0)
    assert not crowds.may_stay(zone, later)
