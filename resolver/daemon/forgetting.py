"""Flush: forgetting, on an operator's word, in memory, on disk, ready replies, what is kept warm.

The next question asks servers. What was on its way or read when it begins is told to who asked for
it, and kept by nobody: the parts change hands (`handover`), so that nothing old comes back that was
judged, read from the disk or rendered meanwhile.
Of several workers each forgets what is in its own memory; the disk is everybody's. So is what
machines share, but what another machine has in its memory it tells still. Each function returns how
many entries went, by where they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cache.store_forget import Meant
from resolver.daemon.handover import DENIALS, EVERYTHING, Wrong, hand_over
from resolver.daemon.wiring import assemble_again
from resolver.errors import StoreFailed
from resolver.model import Status
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from resolver.daemon.handover import Working
    from resolver.daemon.wiring import Parts
    from resolver.model import Name

    Counts = dict[str, int]

_KEYS = (RRType.DS, RRType.DNSKEY)


async def forget(daemon: Working, name: Name, *, below: bool) -> Counts:
    """Forget *name*, lower-cased, and with *below* all names below it.

    Raises StoreFailed, if the disk would not have it; memory has forgotten it even so.
    """
    meant = Meant(name, below)
    if below and name == names.ROOT:
        return await _forget(daemon, meant, EVERYTHING._replace(meant=meant))
    return await _forget(daemon, meant, Wrong(frozenset({name}), meant, meant=meant))


async def forget_all(daemon: Working) -> Counts:
    """Forget all but what is known of servers. Raises StoreFailed, as `forget`."""
    return await forget(daemon, names.ROOT, below=True)


async def forget_denials(daemon: Working) -> Counts:
    """Forget what was denied, and what failed. Raises StoreFailed, as `forget`."""
    meant = Meant(names.ROOT, below=True, only_denials=True)
    return await _forget(daemon, meant, DENIALS._replace(meant=meant))


async def _forget(daemon: Working, meant: Meant, wrong: Wrong) -> Counts:
    await daemon.persistence.are_notes_read.wait()  # else they bring back what was kept warm
    async with daemon.reloading:
        prefetch = daemon.parts.base.prefetch
        warm = 0 if meant.only_denials else prefetch.warm.forget(meant)
        on_disk, failure = await _despite(daemon.persistence.forget(meant))
        shared, unshared = await _despite(daemon.sharing.forget(meant))
        ready = len(daemon.parts.packets)
        fresh = assemble_again(daemon.parts)
        in_memory = await hand_over(daemon, fresh, wrong)
        if not meant.only_denials:  # again: what is wanted by hand has to be fetched now
            prefetch.forget_names(meant)
    for error in filter(None, (failure, unshared)):
        raise error
    gone = {"in_memory": in_memory, "on_disk": on_disk, "ready_replies": ready, "warm": warm}
    return gone if daemon.sharing.cache is None else gone | {"shared": shared}


async def _despite(work: Awaitable[int]) -> tuple[int, StoreFailed | None]:
    """What came of *work* on the disk, which is no reason to keep it in memory."""
    try:
        return await work, None
    except StoreFailed as error:
        return 0, error


async def forget_bogus(daemon: Working) -> Counts:
    """Forget what failed validation, and the keys with which it did. Raises StoreFailed.

    Of the zones that were found bogus, and of those that bogus data came from, DS and DNSKEY are
    asked anew: where they were wrong, the data alone would fail once more.
    """
    async with daemon.reloading:
        parts = daemon.parts
        places = _bogus_places(parts)
        on_disk, failure = await _despite(daemon.persistence.forget_places(places))
        shared, unshared = await _despite(daemon.sharing.forget_places(places))
        memory = parts.memory
        before = len(memory.rrsets) + len(memory.negatives) + len(memory.bogus)
        for name, rtype in places:
            memory.rrsets.drop(name, rtype)
            memory.negatives.drop(name, rtype)
        memory.bogus.clear()
        in_memory = before - len(memory.rrsets) - len(memory.negatives)
        parts.keystore.forget_bogus()
        parts.packets.flush()
    for error in filter(None, (failure, unshared)):
        raise error
    gone = {"in_memory": in_memory, "on_disk": on_disk}
    return gone if daemon.sharing.cache is None else gone | {"shared": shared}


def _bogus_places(parts: Parts) -> set[tuple[Name, int]]:
    """Names and types of what was found bogus, and of the keys above that."""
    bogus = [question for question, _ in parts.memory.bogus.entries.items()]
    zones = {trust.zone for trust in parts.keystore.all() if trust.status is Status.BOGUS}
    zones.update(parts.walker.closest(question).zone for question in bogus)
    keys = ((zone, rtype) for zone in zones for rtype in _KEYS)
    return {(question.qname, question.qtype) for question in bogus} | set(keys)


async def forget_servers(daemon: Working) -> Counts:
    """Forget round-trip times and habits of all servers. Raises StoreFailed, as `forget`."""
    parts = daemon.parts
    servers = len(parts.infra)
    parts.infra.clear()
    parts.dispatcher.encrypted.forget()
    if parts.resolver.stale is not None:
        parts.resolver.stale.silent_cuts.clear()
    _, failure = await _despite(_noted(daemon))
    if failure is not None:
        raise failure
    return {"servers": servers}


async def _noted(daemon: Working) -> int:
    await daemon.persistence.keep_notes()
    return 0
