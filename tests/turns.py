"""What happens at each turn of the event loop, for tests of who keeps whom waiting."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Iterator


class Turns(trio.abc.Instrument):
    """*counts*: how often `note` was called between two looks at the sockets."""

    def __init__(self) -> None:
        self.counts = [0]

    def note(self) -> None:
        self.counts[-1] += 1

    def before_io_wait(self, timeout: float) -> None:
        del timeout
        self.counts.append(0)


@contextmanager
def counted() -> Iterator[Turns]:
    """From now on, until the block ends."""
    turns = Turns()
    trio.lowlevel.add_instrument(turns)
    try:
        yield turns
    finally:
        trio.lowlevel.remove_instrument(turns)
