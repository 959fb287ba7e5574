"""What the process does about its host: look for garbage, tell the service manager it is ready.

Linux first, each call with a fallback: where a platform lacks one, the daemon runs without it.
"""

from __future__ import annotations

import gc
import os
import socket
from typing import TYPE_CHECKING

import trio

from resolver.limits import GARBAGE_MISSES, GARBAGE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable


async def collect_garbage(misses: Callable[[], int]) -> None:
    """Look for cyclic garbage where that is not felt, and only among what is young.

    A pass walks what every object refers to: 1 µs an object once memory is cold, 274 ms for a
    cache of a million records, and 5 ms for what a few hundred queries hold. The caches free by
    reference counts alone and hold no cycles, nor does a query leave any; so passes are a safety
    net, made between *misses* (a counter), and what has survived one is set aside for good. Where
    there were more than GARBAGE_MISSES since the last look it is set aside unseen.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    seen = misses()
    try:
        while True:
            await trio.sleep(float(GARBAGE_SECONDS))
            before, seen = seen, misses()
            if seen - before <= int(GARBAGE_MISSES):
                gc.collect()
            gc.freeze()
    finally:
        gc.enable()
        gc.unfreeze()


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)): "READY=1", "STOPPING=1". Nothing happens without it."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(address)
            sock.sendall(state.encode())
        except OSError:
            return  # a manager that is gone cannot be told
