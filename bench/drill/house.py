"""A daemon on real sockets with one of Gibbard's places behind it: `python -m bench.drill.house`.

    python -m bench.drill.house PORT DIRECTORY      until its input ends

The place is G28 (Sydney), with as many names as a drill takes.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from random import Random

import msgspec
import trio

from bench.gibbard.country import Country
from bench.gibbard.situations import SITUATIONS
from bench.gibbard.story import configuration
from resolver.config.schema import Control, Server
from resolver.daemon.operated import Hooks
from resolver.daemon.run import running
from resolver.limits import THREAD_TURN_SECONDS

BATCHES = 8


def country() -> Country:
    situation = next(one for one in SITUATIONS if one.key == "G28")
    return Country(situation, BATCHES, signed_at=time.time())


async def serve(port: int, directory: str) -> None:
    place = country()
    config = msgspec.structs.replace(
        configuration(place, directory),
        server=Server(listen=(f"127.0.0.1:{port}",), user=""),
        control=Control(socket=str(Path(directory, "control"))),
    )
    network = place.world.network(seed=1)
    async with running(config, network=network, rng=Random(1), persists=True) as daemon:
        daemon.control.open(config)
        daemon.control.begin(Hooks())
        daemon.nursery.start_soon(daemon.collector.run, daemon.work)  # as `serve` has it
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        daemon.control.close()


if __name__ == "__main__":
    logging.disable()
    sys.setswitchinterval(THREAD_TURN_SECONDS)  # as `serve` does
    trio.run(serve, int(sys.argv[1]), sys.argv[2])
