"""The running resolver: how it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import trio

from resolver.app import Daemon
from resolver.limits import DRAIN_SECONDS
from resolver.listen.admission import Admission
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.assembly import Parts


@pytest.mark.reaches("DRAIN_SECONDS")
@trio_test
async def test_queries_in_flight_are_waited_for_but_not_for_long() -> None:
    """A restart must not be felt, and must not hang."""
    for answered_after, waited in ((0.3, 0.3), (60.0, float(DRAIN_SECONDS))):
        admission = Admission()
        admission.enter(b"client")

        async def answer(after: float = answered_after, admission: Admission = admission) -> None:
            await trio.sleep(after)
            admission.leave(b"client")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            began = trio.current_time()
            await Daemon(cast("Parts", SimpleNamespace()), admission, []).drain()
            assert trio.current_time() - began == pytest.approx(waited, abs=0.05)
            nursery.cancel_scope.cancel()
