"""Answer now, go on later: who has waited for long enough is told what there is to tell, while the
resolution ends and is kept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.model import Answer, Query, RRset, Source
from resolver.protocol.codes import Rcode, RRType
from resolver.protocol.transport import Transport
from resolver.protocol.wire import Message, parse_untrusted
from resolver.recurse import early
from resolver.recurse.early import EarlyAnswers
from resolver.runtime.task_pool import contained
from tests.asking import CLIENT, SOURCE, octets
from tests.making import question
from tests.recurse.household import House, house, slow_village
from tests.support import trio_test

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WWW, ALIAS = question("www.example.net. A"), question("alias.example.net. A")
TRUE, OLD = bytes([192, 0, 2, 80]), bytes([203, 0, 113, 9])


def known_once(query: Query) -> Answer | None:
    """What was known of www once, as if it were to last; nothing of others."""
    if query.question != WWW:
        return None
    old = RRset(WWW.qname, RRType.A, 300, (OLD,))
    return Answer(query.question, Rcode.NOERROR, (old,), sources=(Source.CACHE,))


def answers_early(home: House, nursery: trio.Nursery, *, after_s: float = 0.5) -> EarlyAnswers:
    def spawn(job: Callable[..., Awaitable[None]], *arguments: object) -> None:
        nursery.start_soon(partial(contained, job, *arguments))

    home.pipeline.early = EarlyAnswers(known_once, after_s=lambda: after_s, spawn=spawn)
    return home.pipeline.early


class Client:
    """Asks, and notes when it was answered."""

    def __init__(self, home: House) -> None:
        self.replies: list[tuple[float, Message]] = []
        self._home = home

    def ask(self, data: bytes) -> None:
        self._began = trio.current_time()
        self._home.pipeline.start(data, CLIENT, self._heard)

    def _heard(self, reply: bytes | None) -> None:
        assert reply is not None
        self.replies.append((trio.current_time() - self._began, parse_untrusted(reply)))

    @property
    def addresses(self) -> list[bytes]:
        return [record.rdata for _, reply in self.replies for record in reply.answer]


@trio_test
async def test_a_client_is_answered_at_its_deadline_and_the_walk_goes_on() -> None:
    async with house(slow_village()) as home, trio.open_nursery() as nursery:
        door = answers_early(home, nursery)
        client = Client(home)
        client.ask(octets(WWW))
        await trio.sleep(0.6)
        assert [round(after_s, 3) for after_s, _ in client.replies] == [0.5]
        assert client.addresses == [OLD]
        assert (door.unattended, door.answered_early) == (1, 1)
        fast_path = home.pipeline.fast_path(Transport.UDP)
        assert fast_path.recall(octets(WWW), SOURCE) is None  # an early answer is nobody else's
        await trio.sleep(5)
        assert door.unattended == 0
        assert client.addresses == [OLD]  # it is answered once
        kept = fast_path.recall(octets(WWW), SOURCE)
        assert kept is not None
        assert [record.rdata for record in parse_untrusted(kept).answer] == [TRUE]
        assert home.pipeline.counters.resolved == 1


@trio_test
async def test_who_is_answered_in_time_is_not_answered_early() -> None:
    async with house(slow_village()) as home, trio.open_nursery() as nursery:
        door = answers_early(home, nursery, after_s=4.0)
        client = Client(home)
        client.ask(octets(WWW))
        await trio.sleep(8)
        assert client.addresses == [TRUE]
        assert (door.unattended, door.answered_early) == (0, 0)
        assert len(nursery.child_tasks) == 0  # nobody waits for what has happened


@trio_test
async def test_where_there_is_nothing_to_tell_the_client_waits_on() -> None:
    async with house(slow_village()) as home, trio.open_nursery() as nursery:
        door = answers_early(home, nursery)
        client = Client(home)
        client.ask(octets(ALIAS))
        await trio.sleep(8)
        assert client.addresses[-1] == TRUE
        assert (door.unattended, door.answered_early) == (0, 0)


@pytest.mark.reaches("UNATTENDED_RESOLUTIONS")
@trio_test
async def test_few_resolutions_go_on_for_nobody() -> None:
    """Over the bound clients wait, as they would without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(early, "UNATTENDED_RESOLUTIONS", 2)
        async with house(slow_village()) as home, trio.open_nursery() as nursery:
            door = answers_early(home, nursery)
            clients = [Client(home) for _ in range(5)]
            for client in clients:
                client.ask(octets(WWW))
            await trio.sleep(8)
            assert sorted(client.addresses[0] for client in clients) == 3 * [TRUE] + 2 * [OLD]
            assert door.answered_early == 2
