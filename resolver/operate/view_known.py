"""What verbs see of what the daemon knows, and may have done to it (`daemon.operated_known`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from resolver.cache.negative import Denied
    from resolver.cache.rrset import Entry
    from resolver.model import Delegation, Name, Question
    from resolver.operate.overrides import Overrides, Stale
    from resolver.pipeline import Pipeline

    Counts = dict[str, int]


class Knowing(Protocol):
    """The process, as far as it knows things."""

    @property
    def overrides(self) -> Overrides:
        """What operators have decided since the start, or before a restart."""
        ...

    async def forget(self, name: Name, *, below: bool) -> Counts:
        """As `daemon.forgetting.forget`, as are the next four. They raise StoreFailed."""
        ...

    async def forget_all(self) -> Counts: ...
    async def forget_denials(self) -> Counts: ...
    async def forget_bogus(self) -> Counts: ...
    async def forget_servers(self) -> Counts: ...
    async def on_disk(self, name: Name) -> list[Entry | Denied | Delegation]:
        """All that is kept of *name* there, as it counts today; nothing if the disk fails."""
        ...

    def watched(
        self, hear: Callable[[object], None], *, is_cold: bool
    ) -> AbstractContextManager[Pipeline]:
        """As `daemon.watching.watched`."""
        ...

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have *work* done in a task of the daemon's: whoever wanted it may leave."""
        ...

    async def waive(self, name: Name, until: float | None) -> int:
        """As `daemon.overriding.waive`, as are the next two."""
        ...

    async def set_stale(self, mode: Stale) -> None: ...
    async def keep_warm(self, question: Question, *, is_wanted: bool) -> None: ...
