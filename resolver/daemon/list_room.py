"""All that a process does about lists: kept in force, changed for a while, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.daemon.list_downloads import Downloads
from resolver.daemon.list_keeper import ListKeeper, Serving
from resolver.daemon.list_overriding import ListOverrides
from resolver.policy.lists import Lists

if TYPE_CHECKING:
    import trio

    from resolver.daemon.overriding import Overridden
    from resolver.daemon.state import StateDirectory
    from resolver.telemetry.metrics import Registry
    from resolver.telemetry.shared_counters import Slot


class ListRoom:
    """Of one *daemon*."""

    def __init__(
        self, daemon: Overridden, state: StateDirectory, slot: Slot | None, *, downloads: bool
    ) -> None:
        serving = Serving(state, slot is None or slot.is_first, slot, downloads)
        self.keeper = ListKeeper(serving, daemon.parts.base.lists, lambda: daemon.parts)
        self.overrides = ListOverrides(daemon)

    def __repr__(self) -> str:
        return f"<ListRoom {self.keeper!r}>"

    async def begin(self, nursery: trio.Nursery) -> None:
        """Have lists in force before anybody asks; see `list_keeper`."""
        await self.keeper.begin()
        await self.overrides.apply()
        nursery.start_soon(self.keeper.keep)
        await self.keeper.settle()
        nursery.start_soon(self.overrides.keep_time)

    def count(self, registry: Registry) -> None:
        """Into the registry."""
        keeper, lists = self.keeper, self.keeper.lists
        registry.count("lists", Lists, lambda: [lists])
        registry.count("lists", ListKeeper, lambda: [keeper])
        registry.count(
            "lists", Downloads, lambda: [] if keeper.downloads is None else [keeper.downloads]
        )
        registry.labelled(
            "list_age_seconds",
            "Seconds since the text of a list was last found to be good, by the list.",
            lambda: dict(keeper.ages()),
        )
        registry.gauge(
            "lists_names",
            "Names of all lists in force.",
            lambda: lists.table.info.names if lists.table is not None else 0,
        )
        registry.gauge(
            "lists_bytes",
            "Octets of the compiled lists in force.",
            lambda: lists.table.octets if lists.table is not None else 0,
        )
