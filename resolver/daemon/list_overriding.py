"""What an operator wants of lists for a while: a name let through or blocked, all blocking paused.

It counts at once, for every worker, and ends by itself; see `operate.overrides`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from resolver.daemon.handover import NOTHING
from resolver.daemon.overriding import go_by_it, keep
from resolver.policy.lists import ListStep, list_steps

if TYPE_CHECKING:
    from resolver.daemon.overriding import Overridden
    from resolver.model import Name

_NEVER = 0.0


class ListOverrides:
    """One for the life of a process."""

    def __init__(self, daemon: Overridden) -> None:
        self._daemon = daemon
        self._changed = trio.Event()

    def __repr__(self) -> str:
        return f"<ListOverrides {self._daemon.parts.base.overrides!r}>"

    async def let_through(self, name: Name, until: float | None) -> None:
        """Have no list block *name* and what is below it until that Unix time; None: as before."""
        await self._set(self._daemon.parts.base.overrides.allowed, name, until)

    async def block(self, name: Name, until: float | None) -> None:
        """Have *name* and what is below it blocked until then."""
        await self._set(self._daemon.parts.base.overrides.blocked, name, until)

    async def pause(self, until: float | None) -> None:
        """Have nothing blocked until then."""
        self._daemon.parts.base.overrides.paused_until = until or _NEVER
        await self._decided()

    async def _set(self, names: dict[Name, float], name: Name, until: float | None) -> None:
        if until is None:
            names.pop(name, None)
        else:
            names[name] = until
        await self._decided()

    async def _decided(self) -> None:
        await self.apply()
        self._changed.set()
        await keep(self._daemon)

    async def keep_time(self) -> None:
        """Have everything end when it is to, until cancelled."""
        while True:
            self._changed = trio.Event()
            with trio.move_on_after(self._next_end()):
                await self._changed.wait()
                continue
            await self.apply()
            await keep(self._daemon)

    def _next_end(self) -> float:
        overrides, wall = self._daemon.parts.base.overrides, self._daemon.parts.clock.wall()
        ends = [*overrides.allowed.values(), *overrides.blocked.values()]
        if overrides.paused_until:
            ends.append(overrides.paused_until)
        return max(0.0, min(ends) - wall) if ends else float("inf")

    async def apply(self) -> None:
        """Let go of what is over, and have the rest in force."""
        daemon = self._daemon
        base, wall = daemon.parts.base, daemon.parts.clock.wall()
        overrides = base.overrides
        for names in (overrides.allowed, overrides.blocked):
            for name in [each for each, until in names.items() if until <= wall]:
                del names[name]
        if overrides.paused_until <= wall:
            overrides.paused_until = _NEVER
        base.lists.override(
            overrides.allowed, overrides.blocked, paused=bool(overrides.paused_until)
        )
        steps = (step for path in daemon.parts.views.paths for step in path.steps)
        has_step = any(isinstance(step, ListStep) for step in steps)
        if any(list_steps(daemon.parts.config, frozenset(), base.lists)) != has_step:
            async with daemon.reloading:
                await go_by_it(daemon, NOTHING)
