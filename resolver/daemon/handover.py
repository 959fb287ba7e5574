"""Other parts in the place of those in use, between two queries: what goes on, and what does not.

Caches are handed over, but for what is wrong by now; connections, round-trip times and counters go
on. A query that began before ends as it began, with the old parts, which from then on work on
caches of their own: nothing that it had read or was told shows later. That is why an operator's
flush is one, too. Large caches are gone through in slices.
"""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

from resolver.policy.fast_paths import Keep
from resolver.protocol import names
from resolver.runtime.rests import Rests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sized

    import trio

    from resolver.cache.store_forget import Meant
    from resolver.daemon.listeners import Listeners
    from resolver.daemon.notes import Notes
    from resolver.daemon.persistence import Persistence
    from resolver.daemon.sharing import Sharing
    from resolver.daemon.upkeep import Upkeep
    from resolver.daemon.wiring import Parts
    from resolver.model import Name
    from resolver.packets.cache import PacketCache


class Working(Protocol):
    """The process, as far as it is made of parts (`run.Daemon`). *reloading*: see `hand_over`."""

    parts: Parts
    persistence: Persistence
    sharing: Sharing
    upkeep: Upkeep
    notes: Notes
    listeners: Listeners
    nursery: trio.Nursery
    reloading: trio.Lock

    def limit_rate(self) -> None: ...


class Wrong(NamedTuple):
    """Names that count no more. *tops*: what failed, was proven absent or has keys at and below
    these is forgotten too. *is_all*: nothing counts; *denials*: no denial nor failure does.
    *meant*: the same of what waits to be written to disk."""

    tops: frozenset[Name]
    is_wrong: Callable[[Name], bool]
    is_all: bool = False
    denials: bool = False
    meant: Meant | None = None


def _never(_: Name) -> bool:
    return False


NOTHING = Wrong(frozenset(), _never)
EVERYTHING = Wrong(frozenset({names.ROOT}), lambda _: True, is_all=True)
DENIALS = Wrong(frozenset(), _never, denials=True)


class Ready(NamedTuple):
    """Ready replies that stay right: which, *but* for names that policy answers in another way from
    now on, and *types* that may lead to such a one."""

    keep: Keep
    but: Callable[[Name], bool] = _never
    types: frozenset[int] = frozenset()


NO_PACKETS = Ready(Keep.NONE)


def below(tops: Iterable[Name]) -> Wrong:
    """All names at and below *tops*."""
    wrong = frozenset(tops)
    if names.ROOT in wrong:
        return EVERYTHING
    endings = tuple(wrong)

    def is_wrong(name: Name) -> bool:
        return name.endswith(endings) and any(names.is_subdomain(name, top) for top in endings)

    return Wrong(wrong, is_wrong) if wrong else NOTHING


async def hand_over(
    daemon: Working, fresh: Parts, wrong: Wrong, *, ready: Ready = NO_PACKETS
) -> int:
    """Have *daemon* work with *fresh*, which has what its parts know but for what is *wrong*.

    *ready* replies stay, but for those that tell of what is *wrong*. Returns how many entries of
    caches went. Not while another runs: who calls holds *reloading*.
    """
    before, keep = daemon.parts, Keep.NONE if wrong.is_all else ready.keep
    gone = await purge(before, wrong)
    if keep is not Keep.NONE and (wrong.tops or ready.but is not _never):
        told = partial(_any, (wrong.is_wrong, ready.but))
        if not await purge_packets(before.packets, told, ready.types):
            keep = Keep.NONE
    if wrong.denials:
        gone += _sizes(before.memory.negatives, before.memory.failures, before.memory.denial)
    _swap(daemon, fresh, wrong, keep)
    daemon.nursery.start_soon(_drain, before)
    return gone


def _any(sayings: tuple[Callable[[Name], bool], ...], name: Name) -> bool:
    return any(says(name) for says in sayings)


async def purge_packets(
    packets: PacketCache, is_wrong: Callable[[Name], bool], types: frozenset[int] = frozenset()
) -> bool:
    """Forget ready replies that tell of names that *is_wrong*, or are of *types*, in slices.

    False if all went meanwhile, for another reason: what is there now may be wrong again.
    """
    generation, rests = packets.generation, Rests()
    for _ in packets.purge(is_wrong, types):
        await rests.turn()
    return packets.generation == generation


async def purge(parts: Parts, wrong: Wrong) -> int:
    """Forget what is *wrong*, while these parts still serve. How many entries went."""
    memory = parts.memory
    if wrong.is_all:  # new caches do that
        return _sizes(
            memory.rrsets, memory.negatives, parts.delegations, memory.failures, memory.denial
        )
    if not wrong.tops:
        return 0
    gone, rests = 0, Rests()
    for count in chain(memory.purge(wrong.is_wrong), parts.delegations.purge(wrong.is_wrong)):
        gone += count
        await rests.turn()
    return gone


def _sizes(*caches: Sized | None) -> int:
    return sum(len(cache) for cache in caches if cache is not None)


async def _drain(parts: Parts) -> None:
    """Give back what the old parts still hold, in slices."""
    rests = Rests()
    for _ in chain(parts.memory.drain(), parts.delegations.drain()):
        await rests.turn()


def _swap(daemon: Working, fresh: Parts, wrong: Wrong, keep: Keep) -> None:
    """The one step: nothing in it waits, and nothing fails."""
    before = daemon.parts
    _take_counts(fresh, before)
    if not wrong.is_all:
        fresh.memory.take_over(before.memory, wrong.tops, denials=not wrong.denials)
        fresh.delegations.take_over(before.delegations)
        fresh.keystore.take_over(before.keystore)
        for name in wrong.tops:
            fresh.keystore.forget(name)
    fresh.take_effect(keep)
    daemon.parts = fresh
    daemon.persistence.serve(fresh, wrong.meant)
    daemon.sharing.serve(fresh, wrong.meant)
    daemon.limit_rate()
    daemon.upkeep.go_on(before)
    daemon.notes.follow()
    daemon.listeners.hand_to(fresh.pipeline)


# --- counters ----------------------------------------------------------------------------------


def _take_counts(fresh: Parts, before: Parts) -> None:
    """What only ever grows goes on from where it was."""
    for new, old in zip(_counting(fresh), _counting(before), strict=True):
        if new is None or old is None:
            continue
        for attribute in type(new).COUNTS:  # type: ignore[attr-defined]
            setattr(new, attribute, getattr(new, attribute) + getattr(old, attribute))


def _counting(parts: Parts) -> Iterator[object | None]:
    """Those of one configuration that count, in one order."""
    resolver, memory = parts.resolver, parts.memory
    yield from (resolver, resolver.jobs, resolver.trust, resolver.stale, parts.pipeline.early)
    yield from (memory.rrsets.entries, memory.negatives.entries, parts.delegations.entries)
    yield from (memory.failures.entries, memory.bogus.entries, memory.denial)
