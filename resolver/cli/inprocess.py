"""A whole resolver inside one command: no port is bound, and its cache starts empty."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from resolver import app
from resolver.config import load
from resolver.config.schema import Config

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator

    from resolver.app import Daemon
    from resolver.model import Answer, Question


def configuration(options: argparse.Namespace) -> Config:
    """The file that --config names, or the defaults. Raises ConfigError."""
    return load.load(options.config) if options.config else Config()


@asynccontextmanager
async def resolver(options: argparse.Namespace) -> AsyncIterator[Daemon]:
    """A resolver as the options describe it, on the real Internet or (--lab) a simulated one."""
    config = configuration(options)
    if options.lab:
        from resolver.lab import served  # noqa: PLC0415  # the lab is loaded only for those who ask

        async with served.running(config, listens=False) as daemon:
            yield daemon
    else:
        async with app.running(config, listens=False) as daemon:
            yield daemon


async def ask(daemon: Daemon, question: Question, *, checking: bool = True) -> tuple[Answer, float]:
    """The answer and the seconds it took; a failure is an answer too."""
    began = trio.current_time()
    answer = await daemon.parts.pipeline.answer(question, checking=checking)
    return answer, trio.current_time() - began
