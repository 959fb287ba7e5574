"""Speculation is a share of real work, and what is saved up is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resolver import limits
from tests.support import trio_test
from tests.upstream.virtual_servers import World

if TYPE_CHECKING:
    from resolver.upstream.bucket import Bucket


def spend(bucket: Bucket) -> int:
    """How many tokens there are."""
    count = 0
    while bucket.take():
        count += 1
    return count


@pytest.mark.reaches("HEDGE_SHARE", "HEDGE_BURST", "PROBE_SHARE", "PROBE_BURST")
@trio_test
async def test_hedges_and_probes_are_a_share_of_first_packets() -> None:
    shared = World().dispatcher.shared
    for bucket, burst, share in (
        (shared.hedges, limits.HEDGE_BURST, limits.HEDGE_SHARE),
        (shared.probes, limits.PROBE_BURST, limits.PROBE_SHARE),
    ):
        for _ in range(1000):
            shared.note_first_send()
        assert spend(bucket) == int(burst)
        half = burst // 2
        for _ in range(round(half / share)):
            shared.note_first_send()
        assert spend(bucket) == pytest.approx(half, abs=1)
