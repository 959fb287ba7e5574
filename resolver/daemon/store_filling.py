"""Fills the filter of names on disk from the file: at the start, and where it is too full to help.

One of the workers does it for all, a few records at a time and from a thread, so that nothing waits
for it: until it is done every look-up goes to disk. On the way the file comes into memory, which is
what a first look-up after a start of the machine would wait for.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import trio

from resolver.errors import StoreFailed
from resolver.limits import (
    STORE_FILTER_KEYS,
    STORE_FILTER_PAUSE_SECONDS,
    STORE_FILTER_SECONDS,
    STORE_FILTER_TWICE_SECONDS,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.cache.store import File, Store
    from resolver.cache.store_filter import Filter

_FIRST: Final = -(1 << 63)


async def keep_filter(store: Store, hop: Callable[..., Awaitable[Any]]) -> None:
    """Fill the filter of *store* whenever it is wanted, until cancelled. *hop*: to a thread."""
    filled_at = float("-inf")
    while True:
        file, now = store.file, trio.current_time()
        if file is not None and (
            _is_wanted(store.filter, file.size_octets)
            or (store.filter.is_full() and now >= filled_at + STORE_FILTER_TWICE_SECONDS)
        ):
            with suppress(StoreFailed):  # who writes will find out, and see to it
                await _read_in(file, hop)
                await _fill(store, file, hop)
                filled_at = now
        await trio.sleep(STORE_FILTER_SECONDS)


def _is_wanted(filter_: Filter, octets: int) -> bool:
    return not filter_.is_whole or (filter_.is_full() and filter_.may_grow(octets))


async def _read_in(file: File, hop: Callable[..., Awaitable[Any]]) -> None:
    """Piece by piece: who looks something up meanwhile waits for one of them at most."""
    start: int | None = 0
    while start is not None:
        start = await hop(file.read_in, start)
        await trio.sleep(STORE_FILTER_PAUSE_SECONDS)


async def _fill(store: Store, file: File, hop: Callable[..., Awaitable[Any]]) -> None:
    state = store.filter.begin(file.size_octets)
    last: int | None = _FIRST
    while last is not None:
        last = await hop(_some, store.filter, file, last)
        await trio.sleep(STORE_FILTER_PAUSE_SECONDS)
    if file is store.file and store.filter.state == state:
        store.filter.finish()


def _some(filter_: Filter, file: File, after: int) -> int | None:
    """Fill it from some of what lies behind number *after*. The last one's number; None: no more.

    From a thread. Raises StoreFailed.
    """
    last, keys = file.keys(after, STORE_FILTER_KEYS)
    filter_.add(keys)
    return last
