"""A resolver in a small Internet, in virtual time, and verbs done to it as the door does them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from resolver.daemon.operated import Operated
from resolver.lab.faults import Path
from tests.recurse.household import house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from resolver.config.schema import Config
    from resolver.lab.world import World
    from resolver.operate.verb import Reply, Verb
    from tests.recurse.household import House


class Desk:
    """*home* and what an operator may do to it."""

    def __init__(self, home: House) -> None:
        self.home = home
        self.running = Operated(home.daemon)

    async def do(self, verb: Verb, **given: Any) -> Reply:
        reply: Reply = await verb.run(self.running, verb.arguments(**given))  # type: ignore[misc]
        return reply

    async def items(self, verb: Verb, **given: Any) -> list[Reply]:
        run: Any = verb.run(self.running, verb.arguments(**given))
        return [item async for item in run]


def distant(world: World, delay_s: float = 0.002) -> World:
    """*world*, all of its servers that have no way of their own so far away: what takes no time at
    all counts as not measured."""
    world.faults.default = Path(delay_s=delay_s)
    return world


@asynccontextmanager
async def desk(world: World, config: Config | None = None) -> AsyncIterator[Desk]:
    """For verbs that need no socket."""
    async with house(world, config) as home:
        yield Desk(home)
