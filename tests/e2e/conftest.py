"""One small world and one daemon for every end-to-end test that asks questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.realworld.root_world import RealWorld
    from tests.simulation.netns import Program


@pytest.fixture(scope="session")
def small_world() -> Iterator[RealWorld]:
    """Fifty popular names below the real root, on real servers."""
    with daemon.real_world(50) as it:
        yield it


@pytest.fixture(scope="session")
def resolver(small_world: RealWorld) -> Program:
    """The daemon in the small world; its namespace ends it."""
    return daemon.start(small_world)
