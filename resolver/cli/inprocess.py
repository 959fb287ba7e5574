"""A whole resolver inside one command: no port is bound, and its cache starts empty."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import trio

from resolver.daemon import run
from resolver.library.settings import Settings
from resolver.runtime import interrupt

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Iterable

    from resolver.daemon.run import Daemon
    from resolver.model import Answer, Question


@asynccontextmanager
async def resolver(options: argparse.Namespace) -> AsyncIterator[Daemon]:
    """A resolver as the options describe it; it neither listens nor primes for one question."""
    settings = Settings.of(options.config, lab=options.lab, zones=None)
    with settings.internet() as (fitting, network):
        root = msgspec.structs.replace(fitting.root, prime=False)
        config = msgspec.structs.replace(fitting, root=root)
        async with run.running(config, network=network, listens=False) as daemon:
            yield daemon


def answers(
    asked: Iterable[Question], options: argparse.Namespace
) -> list[tuple[Question, tuple[Answer, float]]]:
    """Each question with its answer and the seconds it took, all by one resolver."""

    async def all_of_them() -> list[tuple[Question, tuple[Answer, float]]]:
        async with resolver(options) as daemon:
            checking = not options.cd
            return [(one, await ask(daemon, one, checking=checking)) for one in asked]

    with interrupt.allowed():
        return trio.run(all_of_them)


async def ask(daemon: Daemon, question: Question, *, checking: bool = True) -> tuple[Answer, float]:
    """The answer and the seconds it took; a failure is an answer too."""
    began = trio.current_time()
    answer = await daemon.parts.pipeline.answer(question, checking=checking)
    return answer, trio.current_time() - began
