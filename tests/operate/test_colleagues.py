"""Several workers, one door: what they say is joined, and who is silent is told."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from resolver.limits import CONTROL_REPLY_OCTETS
from resolver.operate import colleagues as module
from resolver.operate.colleagues import Answering, Colleagues, joined
from resolver.operate.perform import performed
from resolver.operate.request import request_untrusted
from resolver.operate.verb import Nothing, Refused, Reply, Right, Verb, summed
from resolver.runtime.worker_lines import WorkerLines
from tests.operate.knocking import VERBS, Size
from tests.support import set_limit, trio_test_real

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator


async def _add(daemon: Any, _: Nothing) -> Reply:
    if daemon == 66:
        raise Refused("not this one")
    return {"n": daemon}


async def _many(daemon: Any, given: Size) -> AsyncGenerator[Reply, None]:
    for number in range(given.items):
        yield {"n": 10 * daemon + number, "text": "x" * given.octets}


async def _go_on(daemon: Any, _: Nothing) -> AsyncGenerator[Reply, None]:
    GOING_ON.add(daemon)
    try:
        while True:
            await trio.sleep(0.01)
            if daemon == 66:
                raise Refused("not this one")
            yield {"n": daemon}
    finally:
        GOING_ON.discard(daemon)


GOING_ON: set[Any] = set()
OURS = VERBS | {
    verb.name: verb
    for verb in (
        Verb("add", Right.LOOK, "add up", Nothing, _add, merge=summed),
        Verb("many", Right.LOOK, "say many", Size, _many, streams=True, merge=summed),
        Verb(
            "go on",
            Right.LOOK,
            "for ever",
            Nothing,
            _go_on,
            streams=True,
            merge=summed,
            is_endless=True,
        ),
    )
}


class House:
    """The first of several workers, which are numbers to their verbs."""

    def __init__(self, lines: WorkerLines, nursery: trio.Nursery) -> None:
        self.lines = lines
        self.nursery = nursery
        self.others = Colleagues(lines.to_others())
        self.answering: dict[int, Answering] = {}

    def employ(self, number: int, daemon: Any) -> trio.CancelScope:
        """A process becomes worker *number*; what ends it."""
        scope = trio.CancelScope()
        answering = Answering(self.lines.of(number), OURS, partial(performed, daemon))
        self.answering[number] = answering

        async def work() -> None:
            with scope:
                await answering.run()

        self.nursery.start_soon(work)
        return scope

    def items(self, line: bytes, daemon: Any = 1) -> AsyncGenerator[Reply, None]:
        request = request_untrusted(line, OURS)
        return joined(performed(daemon, request), self.others, request)

    async def told(self, line: bytes, daemon: Any = 1) -> list[Reply]:
        with trio.fail_after(60):
            async with aclosing(self.items(line, daemon)) as items:
                return [item async for item in items]


@asynccontextmanager
async def house(workers: int) -> AsyncIterator[House]:
    lines = WorkerLines(workers)
    async with trio.open_nursery() as nursery:
        home = House(lines, nursery)
        nursery.start_soon(home.others.run)
        yield home
        nursery.cancel_scope.cancel()
    lines.close()


@trio_test_real
async def test_all_are_asked_and_what_they_say_is_joined() -> None:
    async with house(3) as home:
        home.employ(1, 20)
        home.employ(2, 300)
        assert await home.told(b'{"do":"add"}') == [{"n": 321}]
        assert await home.told(b'{"do":"add"}') == [{"n": 321}]


@trio_test_real
async def test_items_come_from_one_after_the_other() -> None:
    async with house(3) as home:
        home.employ(1, 20)
        home.employ(2, 30)
        told = await home.told(b'{"do":"many","items":2}')
        assert [(each["worker"], each["n"]) for each in told] == [
            (0, 10), (0, 11), (1, 200), (1, 201), (2, 300), (2, 301),
        ]  # fmt: skip


@trio_test_real
async def test_one_that_refuses_is_told() -> None:
    async with house(3) as home:
        home.employ(1, 66)
        home.employ(2, 300)
        failed = [{"worker": 1, "error": "not this one"}]
        assert await home.told(b'{"do":"add"}') == [{"n": 301, "failed": failed}]


@trio_test_real
async def test_what_the_first_refuses_nobody_else_is_asked() -> None:
    async with house(2) as home:
        home.employ(1, 20)
        with pytest.raises(Refused, match="not this one"):
            await home.told(b'{"do":"add"}', daemon=66)


@pytest.mark.reaches("CONTROL_WORKER_SECONDS")
@trio_test_real
async def test_one_that_is_dead_is_told_and_its_successor_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, module, "CONTROL_WORKER_SECONDS", 0.05)
    async with house(3) as home:
        home.employ(2, 300)
        failed = [{"worker": 1, "error": "worker 1 does not answer"}]
        for _ in range(30):  # more than the kernel keeps for who does not read
            assert await home.told(b'{"do":"add"}') == [{"n": 301, "failed": failed}]
        monkeypatch.undo()
        home.employ(1, 20)
        assert await home.told(b'{"do":"add"}') == [{"n": 321}]


@trio_test_real
async def test_a_large_item_comes_whole() -> None:
    async with house(2) as home:
        home.employ(1, 2)
        octets = CONTROL_REPLY_OCTETS - 100
        told = await home.told(b'{"do":"many","items":3,"octets":%d}' % octets)
        assert [len(each["text"]) for each in told] == [octets] * 6


@trio_test_real
async def test_one_that_is_too_large_is_told() -> None:
    async with house(2) as home:
        home.employ(1, 2)
        told = await home.told(b'{"do":"many","octets":%d}' % CONTROL_REPLY_OCTETS)
        assert "the reply has over" in told[1]["failed"][0]["error"]


@trio_test_real
async def test_who_stops_reading_stops_the_work() -> None:
    async with house(2) as home:
        home.employ(1, 2)
        request = request_untrusted(b'{"do":"many","items":1000000}', OURS)
        async with aclosing(home.others.items(1, request)) as items:
            assert (await anext(items))["n"] == 20
        assert await home.told(b'{"do":"add"}') == [{"n": 3}]


@trio_test_real
async def test_what_has_no_end_is_told_of_all_together_and_by_who_comes_after_the_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_limit(monkeypatch, module, "CONTROL_WORKER_SECONDS", 0.5)
    async with house(3) as home:
        dies = home.employ(1, 20)
        home.employ(2, 300)
        with trio.fail_after(60):
            async with aclosing(home.items(b'{"do":"go on"}')) as items:
                assert [await anext(items) for _ in range(3)] == [{"n": 321}] * 3
                dies.cancel()
                failed = [{"worker": 1, "error": "worker 1 does not answer"}]
                assert {"n": 301, "failed": failed} in [await anext(items) for _ in range(2)]
                home.employ(1, 40)
                assert {"n": 341} in [await anext(items) for _ in range(3)]
            while GOING_ON:  # noqa: ASYNC110  # they are told to stop
                await trio.sleep(0.01)


@trio_test_real
async def test_what_has_no_end_goes_on_without_who_refuses_but_not_without_the_first() -> None:
    async with house(2) as home:
        home.employ(1, 66)
        async with aclosing(home.items(b'{"do":"go on"}')) as items:
            failed = [{"worker": 1, "error": "not this one"}]
            assert await anext(items) == {"n": 1, "failed": failed}
        with pytest.raises(Refused, match="not this one"):
            await home.told(b'{"do":"go on"}', daemon=66)


@trio_test_real
async def test_who_is_told_to_stop_before_it_has_said_anything_stops() -> None:
    async with house(2) as home:
        home.employ(1, 20)
        request = request_untrusted(b'{"do":"sleep"}', OURS)
        with trio.move_on_after(0.1):
            async with aclosing(home.others.items(1, request)) as items:
                await anext(items)
        with trio.fail_after(30):
            while home.answering[1]._asked:  # noqa: ASYNC110
                await trio.sleep(0.01)


@trio_test_real
async def test_several_ask_at_a_time() -> None:
    async with house(2) as home:
        home.employ(1, 20)
        heard: list[list[Reply]] = []

        async def ask() -> None:
            heard.append(await home.told(b'{"do":"many","items":5}'))

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(ask)
        assert len(heard) == 8
        assert all(each == heard[0] for each in heard)


@trio_test_real
async def test_octets_that_are_no_message_are_passed_over() -> None:
    async with house(2) as home:
        home.employ(1, 20)
        for end in (home.lines.to_others()[1], home.lines.of(1)):
            end.send(b"garbage")
            end.close()
        assert await home.told(b'{"do":"add"}') == [{"n": 21}]
