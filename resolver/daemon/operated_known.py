"""What the daemon knows, as verbs see it (`operate.view_known.Knowing`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.daemon import forgetting, overriding, watching
from resolver.runtime.task_pool import contained

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from resolver.cache.negative import Denied
    from resolver.cache.rrset import Entry
    from resolver.daemon.overriding import Overridden
    from resolver.model import Delegation, Name, Question
    from resolver.operate.overrides import Overrides, Stale
    from resolver.pipeline import Pipeline

    Counts = dict[str, int]


class OperatedKnowledge:
    """What *daemon* knows, and what operators may have done to it."""

    def __init__(self, daemon: Overridden) -> None:
        self._known = daemon

    @property
    def overrides(self) -> Overrides:
        return self._known.parts.base.overrides

    async def forget(self, name: Name, *, below: bool) -> Counts:
        return await forgetting.forget(self._known, name, below=below)

    async def forget_all(self) -> Counts:
        return await forgetting.forget_all(self._known)

    async def forget_denials(self) -> Counts:
        return await forgetting.forget_denials(self._known)

    async def forget_bogus(self) -> Counts:
        return await forgetting.forget_bogus(self._known)

    async def forget_servers(self) -> Counts:
        return await forgetting.forget_servers(self._known)

    async def on_disk(self, name: Name) -> list[Entry | Denied | Delegation]:
        return await self._known.persistence.on_disk(name)

    def watched(
        self, hear: Callable[[object], None], *, is_cold: bool
    ) -> AbstractContextManager[Pipeline]:
        return watching.watched(self._known.parts, hear, is_cold=is_cold)

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        self._known.parts.base.spawn(contained, work)

    async def waive(self, name: Name, until: float | None) -> int:
        return await overriding.waive(self._known, name, until)

    async def set_stale(self, mode: Stale) -> None:
        await overriding.set_stale(self._known, mode)

    async def keep_warm(self, question: Question, *, is_wanted: bool) -> None:
        await overriding.keep_warm(self._known, question, is_wanted=is_wanted)
