"""`open`: the same under trio and asyncio, in what it gives and in how it ends."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import resolver
from tests.support import trio_test, trio_test_real

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from typing import TypeAlias

    Main: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
    Run: TypeAlias = Callable[[Main], None]

LOOPS: dict[str, Run] = {
    "trio": trio.run,
    "asyncio": lambda main: asyncio.run(main()),
    "asyncio-debug": lambda main: asyncio.run(main(), debug=True),
}
DEAD = "www.dead.org"


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    return LOOPS[request.param]


def test_an_answer_in_an_event_loop(run: Run) -> None:
    async def main() -> None:
        async with resolver.open(lab=True) as r:
            answer = await r.resolve("alias.example.com", "AAAA")
            assert answer.addresses == ("2001:db8::80",)
            assert answer.canonical_name == "www.example.com."
            assert answer.why == "secure, from the zone's servers"
            assert (await r.resolve("alias.example.com", "AAAA")).why == "secure, from the cache"
            assert (await r.resolve("localhost")).addresses == ("127.0.0.1",)
            assert (await r.ask("www.refused.org")).rcode.name == "SERVFAIL"
            with pytest.raises(resolver.Bogus, match="DNSSEC bogus: the signature"):
                await r.resolve("www.bogus.org")
            with pytest.raises(resolver.BadQuestion):
                await r.resolve("a..b")
            with pytest.raises(resolver.NameNotFound):
                await r.resolve_address("192.0.2.1")

    run(main)


def test_what_the_block_raises_comes_out_as_it_is(run: Run) -> None:
    """No exception group around it."""

    async def main() -> None:
        async with resolver.open(lab=True):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(main)


def test_it_can_be_opened_again_and_not_twice(run: Run) -> None:
    async def main() -> None:
        r = resolver.Resolver(resolver.Config(), lab=True)
        with pytest.raises(resolver.Closed):
            await r.resolve("www.example.com")
        for _ in range(2):
            async with r:
                assert (await r.resolve("www.example.com")).addresses == ("192.0.2.80",)
                with pytest.raises(RuntimeError, match="open already"):
                    await r.__aenter__()
            with pytest.raises(resolver.Closed):
                await r.resolve("www.example.com")

    run(main)


def test_what_cannot_be_opened_says_so(run: Run, tmp_path: Path) -> None:
    """The error itself, although the engine is started within nurseries."""
    anchors = tmp_path / "anchors"
    config = {"dnssec": {"trust_anchors_file": str(anchors)}}

    async def main() -> None:
        anchors.write_text(". IN DS 1 8 2 00")
        broken = resolver.open(config, lab=False)
        anchors.write_text("nonsense")
        with pytest.raises(resolver.ConfigError, match="anchors"):
            await broken.__aenter__()
        async with resolver.open(lab=True) as r:
            assert await r.resolve("www.example.com")

    threads = threading.active_count()
    run(main)
    assert threading.active_count() == threads


def test_asyncio_has_one_thread_as_long_as_it_is_open() -> None:
    async def main() -> None:
        before = threading.active_count()
        async with resolver.open(lab=True) as r:
            await asyncio.gather(*(r.resolve("www.example.com") for _ in range(20)))
            assert threading.active_count() == before + 1
        assert threading.active_count() == before

    asyncio.run(main())


def test_trio_has_no_thread() -> None:
    async def main() -> None:
        async with resolver.open(lab=True) as r:
            await r.resolve("www.example.com")
            assert threading.active_count() == before

    before = threading.active_count()
    trio.run(main)


def test_an_unclosed_resolver_is_told_and_its_thread_ends() -> None:
    async def main() -> None:
        kept = [await resolver.open(lab=True).__aenter__()]
        (thread,) = set(threading.enumerate()) - before
        with pytest.warns(ResourceWarning, match="unclosed"):
            kept.clear()
        thread.join(10)
        assert not thread.is_alive()

    before = set(threading.enumerate())
    asyncio.run(main())


@trio_test_real
async def test_a_timeout_of_trio_ends_the_wait_and_nothing_else() -> None:
    async with resolver.open(lab=True) as r:
        with trio.move_on_after(0.1) as scope:
            await r.resolve(DEAD)
        assert scope.cancelled_caught
        assert await r.resolve("www.example.com")


def test_a_timeout_of_asyncio_ends_the_wait_and_nothing_else() -> None:
    async def main() -> None:
        async with resolver.open(lab=True) as r:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await r.resolve(DEAD)
            waiting = asyncio.create_task(r.resolve(DEAD))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await r.resolve("www.example.com")

    asyncio.run(main(), debug=True)


@trio_test_real
async def test_a_block_of_trio_that_is_cancelled_is_left_at_once() -> None:
    with trio.CancelScope() as scope:
        async with resolver.open(lab=True) as r:
            scope.deadline = trio.current_time() + 0.01  # to open may take long on a busy machine
            await r.resolve(DEAD)
    assert scope.cancelled_caught
    with pytest.raises(resolver.Closed):
        await r.resolve("www.example.com")


def test_a_block_of_asyncio_that_is_cancelled_is_left_at_once() -> None:
    async def block() -> None:
        async with resolver.open(lab=True) as r:
            opened.set()
            await r.resolve(DEAD)

    async def main() -> None:
        task = asyncio.create_task(block())
        await opened.wait()
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 2)

    opened = asyncio.Event()
    threads = threading.active_count()
    asyncio.run(main(), debug=True)
    assert threading.active_count() == threads


def test_an_opening_of_asyncio_that_is_cancelled_leaves_no_thread() -> None:
    async def main() -> None:
        task = asyncio.create_task(resolver.open(lab=True).__aenter__())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert threading.active_count() == threads

    threads = threading.active_count()
    asyncio.run(main(), debug=True)


def test_whoever_still_waits_at_the_close_is_told(run: Run) -> None:
    told: list[str] = []

    async def wait(r: resolver.Resolver) -> None:
        try:
            await r.resolve(DEAD)
        except resolver.Closed as error:
            told.append(str(error))

    async def in_trio() -> None:
        async with trio.open_nursery() as nursery, resolver.open(lab=True) as r:
            nursery.start_soon(wait, r)
            await trio.testing.wait_all_tasks_blocked()

    async def in_asyncio() -> None:
        async with asyncio.TaskGroup() as group, resolver.open(lab=True) as r:
            group.create_task(wait(r))
            await asyncio.sleep(0.05)

    run(in_trio if run is LOOPS["trio"] else in_asyncio)
    assert told == ["the resolver is closed"]


@trio_test
async def test_who_gives_up_does_not_stop_the_work() -> None:
    """In virtual time: the answer of a slow zone comes, and is there for the next who asks."""
    async with resolver.open(lab=True) as r:
        with trio.move_on_after(0.2) as scope:
            await r.resolve("www.slow.org")
        assert scope.cancelled_caught
        await trio.sleep(5)
        began = trio.current_time()
        assert (await r.resolve("www.slow.org")).why.endswith("from the cache")
        assert trio.current_time() == began


@trio_test
async def test_a_cached_answer_is_a_checkpoint_too() -> None:
    """Trio's rule: what may wait lets others run, and can be cancelled, each time."""
    async with resolver.open(lab=True) as r:
        await r.resolve("www.example.com")
        with trio.testing.assert_checkpoints():
            await r.resolve("www.example.com")


@trio_test
async def test_nothing_of_the_lab_is_left_running_in_trio() -> None:
    """Nor any other task: a program may open and close as often as it likes."""

    def tasks() -> int:
        return trio.lowlevel.current_statistics().tasks_living

    before = tasks()
    for _ in range(3):
        async with resolver.open(lab=True) as r:
            await r.resolve("www.truncated.org")  # over TCP: a server's task for each connection
        await trio.testing.wait_all_tasks_blocked()
    assert tasks() == before
