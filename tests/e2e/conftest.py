"""One small world and one daemon for every end-to-end test that asks questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import daemon, debian
from tests.e2e.odd_octets import Stub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Debian package of this tree."""
    folder = tmp_path_factory.mktemp("packages")
    debian.built(folder, "0.9.9")
    return folder


@pytest.fixture(params=["udp", "tcp"])
def stub(request: pytest.FixtureRequest, small_world: RealWorld, resolver: Program) -> Stub:
    assert resolver.alive
    return Stub(small_world, request.param)


@pytest.fixture
def upstream(stub: Stub) -> Callable[[], int]:
    """How many datagrams have gone upstream since the test began.

    Packets on the link would not do: a TCP connection that is done with closes when it likes.
    """
    before = stub.it.client.datagrams_sent()
    return lambda: stub.it.client.datagrams_sent() - before - stub.datagrams
