"""Look-ups between machines, raced against the walk: they are never what a client waits for.

A client query waits SHARED_HEAD_START_SECONDS in all for those that are in vain, so that what
another machine knows costs no packet. After that the walk begins; what comes first counts. Where
look-ups take longer than that of late, nothing waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.runtime.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from resolver.budget import Share
    from resolver.cache.shared_level import Lookup
    from resolver.model import Link, Question
    from resolver.recurse.known import Known

    Links = tuple[Link, ...]
    Fetch = Callable[[], Awaitable[Links]]


async def sooner(
    memory: Known, question: Question, budget: Share, fetch: Fetch, *, synthesise: bool = True,
    proof_only: bool = False,
) -> tuple[Link | None, Links]:  # fmt: skip
    """As `Known.recall` once another machine's record is there, or what *fetch* brings: what comes
    first. Neither: there is nothing to look up, so that *fetch* has not begun. Raises as it does.
    """
    lookup = await _head_start(memory, question, budget)
    links: Links = ()
    if lookup is None:
        return None, links
    if not lookup.is_over:
        with trio.CancelScope() as scope:
            lookup.racing.append(scope.cancel)
            try:
                links = await fetch()
            finally:
                lookup.racing.remove(scope.cancel)
        if links:
            return None, links
    now = lookup.level.shared.now()
    return memory.recall(question, now, synthesise=synthesise, proof_only=proof_only), links


async def _head_start(memory: Known, question: Question, budget: Share) -> Lookup | None:
    """Have *question* looked up, with as much of a head start as *budget* has left.

    Its look-up, if it found something or goes on.
    """
    shared = memory.shared
    if shared is None:
        return None
    begun = trio.current_time()  # before its own CPU
    lookup = shared.ask(question)
    if lookup is None:
        return None
    if lookup.done is None:
        lookup.done = Gate()
    whole = budget.whole
    if shared.is_prompt and whole.head_start_s > 0:
        until = begun + whole.head_start_s
        with trio.move_on_at(until), shared.alarm.at(until):
            await lookup.done.wait()
        if not lookup.is_something:  # else a walk was saved
            whole.head_start_s -= trio.current_time() - begun
    return lookup if lookup.is_something or not lookup.is_over else None
