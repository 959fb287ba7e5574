"""Priming: who is asked for the root, and how soon again when nobody answers (RFC 9609)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import trio

from resolver.cache.delegation import DelegationCache
from resolver.errors import ResolutionFailed
from resolver.iterate.priming import keep_primed
from resolver.lab.virtual_time import VirtualClock
from resolver.limits import PRIMING_RETRY_SECONDS
from resolver.model import Delegation
from resolver.protocol.names import ROOT
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.upstream.inquiry import Inquiry, Reply


@pytest.mark.rfc("RFC 9609 §3.3")
@pytest.mark.reaches("PRIMING_RETRY_SECONDS")
@trio_test
async def test_a_priming_that_failed_is_tried_again_later() -> None:
    asked = []

    async def ask(_: Inquiry) -> Reply:
        asked.append(trio.current_time())
        raise ResolutionFailed("nobody answers")

    kept = DelegationCache()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_primed, ask, kept, Delegation(ROOT, (), {}), VirtualClock())
        await trio.sleep(2.5 * float(PRIMING_RETRY_SECONDS))
        nursery.cancel_scope.cancel()
    gaps = [later - sooner for sooner, later in pairwise(asked)]
    assert gaps == pytest.approx([float(PRIMING_RETRY_SECONDS)] * 2)
    assert len(kept) == 0
