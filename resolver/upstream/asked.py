"""One `ask` under way, as the dispatcher sees it: the cut query, its timers, its asker's task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio.lowlevel import Abort, reschedule

if TYPE_CHECKING:
    from collections.abc import Callable

    import trio

    from resolver.delegation import Key
    from resolver.errors import ResolverError
    from resolver.upstream.cut_actions import Event
    from resolver.upstream.cut_query import CutQuery
    from resolver.upstream.request import Reply
    from resolver.upstream.timers import Timer

    Hear = Callable[["Asked", Event, float], None]  # tell it what happened


class Asked:
    """*reply* or *error* is the end. *scopes* end what is asked over streams, *resorts* are the
    moments of last resorts, *lookup* ends a nameserver look-up."""

    __slots__ = ("error", "is_parked", "lookup", "query", "reply", "resorts", "scopes", "task",
                 "timer", "wants_lookup")  # fmt: skip

    def __init__(self, query: CutQuery) -> None:
        self.query = query
        self.reply: Reply | None = None
        self.error: ResolverError | None = None
        self.timer: Timer | None = None
        self.task: trio.lowlevel.Task | None = None
        self.wants_lookup = False
        self.is_parked = False
        self.lookup: trio.CancelScope | None = None
        self.scopes: dict[Key, trio.CancelScope] = {}
        self.resorts: dict[Key, Timer] = {}

    def __repr__(self) -> str:
        return f"<Asked {self.query!r}>"

    def wake(self) -> None:
        """Let the asker's task look at what there is now."""
        task, self.task = self.task, None
        if task is not None:
            reschedule(task)

    def let_go(self, _: object) -> Abort:
        """The asker's task is cancelled while it sleeps."""
        self.task = None
        return Abort.SUCCEEDED
