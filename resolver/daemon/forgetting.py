"""Forgetting names: memory, disk, ready replies, and what is kept warm (flush).

The next question about such a name asks servers. What is on its way when it begins was asked a
moment ago, and counts. Of several workers each forgets what is in its own memory; the disk is
everybody's.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Protocol

import trio

from resolver.cache.store_forget import Meant
from resolver.errors import StoreFailed

if TYPE_CHECKING:
    from resolver.daemon.persistence import Persistence
    from resolver.daemon.wiring import Parts
    from resolver.model import Name


class Remembering(Protocol):
    """The process, as far as it remembers (`run.Daemon`)."""

    parts: Parts
    persistence: Persistence


async def forget(daemon: Remembering, name: Name, *, below: bool) -> None:
    """Forget *name*, lower-cased, and with *below* all names below it.

    Raises StoreFailed, if the disk would not have it; memory has forgotten it even so.
    """
    meant = Meant(name, below)
    daemon.parts.base.prefetch.warm.forget(meant)
    failure: StoreFailed | None = None
    try:
        await daemon.persistence.forget(meant)  # first: memory could have it back from there
    except StoreFailed as error:
        failure = error
    parts = daemon.parts
    for _ in chain(parts.memory.forget_names(name, meant), parts.delegations.forget(meant)):
        await trio.lowlevel.checkpoint()
    parts.keystore.forget(name)
    parts.packets.flush()
    parts.base.prefetch.forget_names(meant)  # again: what is wanted by hand has to be fetched now
    if failure is not None:
        raise failure
