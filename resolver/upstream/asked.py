"""One `ask` under way, as the dispatcher sees it: the cut query, its timers, its asker's task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio.lowlevel import Abort, current_task

from resolver.runtime.naps import nap, wake

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import trio

    from resolver.delegation import Key
    from resolver.errors import ResolverError
    from resolver.upstream.cut_actions import Event
    from resolver.upstream.cut_query import CutQuery
    from resolver.upstream.request import Reply
    from resolver.upstream.timers import Timer

    Hear = Callable[["Asked", Event, float], None]  # tell it what happened

_sleep = nap(lambda _: Abort.SUCCEEDED)


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

    def news(self) -> Awaitable[None]:
        """Until `wake`, for the asker's task, which awaits it at once."""
        self.task = task = current_task()
        task.custom_sleep_data = self  # which trio takes away when it goes on, cancelled or not
        return _sleep()

    def wake(self) -> None:
        """Let the asker's task look at what there is now, if it sleeps."""
        task = self.task
        if task is not None and task.custom_sleep_data is self:
            wake(task)
