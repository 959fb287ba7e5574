"""What the collector would find: nothing. It runs seldom, and caches are kept out of its sight."""

from __future__ import annotations

import pytest

from resolver.errors import ResolutionFailed
from resolver.lab.faults import Path
from tests.making import question
from tests.recurse.household import house, village
from tests.support import only_collected, trio_test


@trio_test
async def test_failed_queries_leave_no_cycles() -> None:
    """An exception that is kept holds frames, and frames hold it: none is kept with a traceback."""
    world = village()
    for host in ("192.0.2.20", "192.0.2.21"):
        world.faults.set(host, Path(dead=True))
    async with house(world) as home:
        with pytest.raises(ResolutionFailed):
            await home.ask(question("www.example.net. A"))
        with only_collected() as found:
            for at in range(5):
                with pytest.raises(ResolutionFailed):
                    await home.ask(question(f"n{at}.example.net. A"))
        assert [type(thing) for thing in found] == []
