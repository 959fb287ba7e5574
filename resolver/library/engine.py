"""A daemon without listeners that answers this program's questions. Runs under trio.

Each question that memory cannot answer gets a task of its own in the engine's nursery: who gives
up, by a timeout or by cancellation, stops waiting at once, and what was under way goes on within
its budget (`resolution.query_timeout`) and is cached. Every question is answered exactly once, at
the latest when the engine ends.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import trio

from resolver.daemon.run import running
from resolver.library.failures import Closed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from resolver.library.answer import Source
    from resolver.library.settings import Settings
    from resolver.model import Answer, Question
    from resolver.pipeline import Pipeline


class Found(NamedTuple):
    """An answer (a failure is one too), and where it came from."""

    answer: Answer
    source: Source


Deliver: TypeAlias = "Callable[[Found | Exception], None]"


class Engine:
    """Answers questions within trio's own thread."""

    def __init__(self, pipeline: Pipeline, nursery: trio.Nursery) -> None:
        self._pipeline = pipeline
        self._nursery = nursery
        self._is_closed = False

    def at_once(self, question: Question, *, validate: bool) -> Found | None:
        """The answer if nobody needs to be asked for it."""
        answer = self._pipeline.at_once(question, checking=validate)
        if answer is None:
            return None
        return Found(answer, "local" if answer.is_authoritative else "cache")

    def start(self, question: Question, validate: bool, deliver: Deliver) -> None:  # noqa: FBT001  # called through trio's queue, which knows no keywords
        """Have *deliver* called once, now or later, with the answer or with what went wrong."""
        if self._is_closed:
            deliver(closed())
            return
        try:
            found = self.at_once(question, validate=validate)
        except Exception as error:  # noqa: BLE001  # the asker's thread is where it is told
            deliver(error)
            return
        if found is not None:
            deliver(found)
            return
        self._nursery.start_soon(self._work, question, validate, deliver)

    async def _work(self, question: Question, validate: bool, deliver: Deliver) -> None:  # noqa: FBT001  # likewise
        try:
            answer = await self._pipeline.answer(question, checking=validate)
        except trio.Cancelled:
            deliver(closed())
            raise
        except Exception as error:  # noqa: BLE001  # a fault of ours ends one question
            deliver(error)
            return
        deliver(Found(answer, "network"))

    def close(self) -> None:
        """Nothing new begins; what is under way is told that it is over."""
        self._is_closed = True
        self._nursery.cancel_scope.cancel()


def closed() -> Closed:
    return Closed("the resolver is closed")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Engine]:
    """An engine as long as the block runs. Raises ConfigError, perhaps within a group (`sole`)."""
    async with AsyncExitStack() as stack:
        with settings.internet() as (config, network):
            daemon = await stack.enter_async_context(
                running(config, network=network, listens=False)
            )
        if network is not None:
            stack.callback(network.close)
        nursery = await stack.enter_async_context(trio.open_nursery())
        engine = Engine(daemon.parts.pipeline, nursery)
        try:
            yield engine
        finally:
            engine.close()


def sole(error: Exception) -> Exception:
    """The error itself, however many nurseries have wrapped it; a group if it is several."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
