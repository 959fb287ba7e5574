"""A whole resolver inside one command: no port is bound, and its cache starts empty."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec
import trio

from resolver.config import load
from resolver.config.schema import Config
from resolver.daemon import run
from resolver.runtime import interrupt

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Iterable, Iterator

    from resolver.daemon.run import Daemon
    from resolver.model import Answer, Question
    from resolver.upstream.network import Network


def configuration(options: argparse.Namespace) -> Config:
    """The file that --config names, or the defaults. Raises ConfigError."""
    return Config() if options.config is None else load.load(options.config)


@contextmanager
def internet(config: Config, *, is_lab: bool) -> Iterator[tuple[Config, Network | None]]:
    """The real one (None), or a simulated one with the configuration that fits it."""
    if not is_lab:
        yield config, None
        return
    from resolver.lab import demo  # noqa: PLC0415  # loaded only for those who ask

    with tempfile.TemporaryDirectory(prefix="resolver-lab-") as directory:
        if config.server.user and os.geteuid() == 0:
            # Read and removed after root is given up; an unknown account is told at the start.
            with suppress(LookupError):
                shutil.chown(directory, config.server.user)
        simulated = demo.demo(wall=time.time())
        yield simulated.world.configure(config, directory), simulated.network


@asynccontextmanager
async def resolver(options: argparse.Namespace) -> AsyncIterator[Daemon]:
    """A resolver as the options describe it; it neither listens nor primes for one question."""
    config = configuration(options)
    root = msgspec.structs.replace(config.root, prime=False)
    config = msgspec.structs.replace(config, root=root)
    with internet(config, is_lab=options.lab) as (fitting, network):
        async with run.running(fitting, network=network, listens=False) as daemon:
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
