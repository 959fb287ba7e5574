"""Priming: who is asked for the root, and how soon again when nobody answers (RFC 9609)."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import trio

from resolver.cache.delegation import DelegationCache
from resolver.errors import ResolutionFailed
from resolver.iterate.priming import keep_primed
from resolver.lab.virtual_time import VirtualClock
from resolver.limits import PRIMING_REFRESH_SHARE, PRIMING_RETRY_SECONDS
from resolver.model import Delegation, Name, Question, Referral, Server
from resolver.protocol.codes import RRType
from resolver.protocol.names import ROOT, from_text
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.upstream.request import Reply, Request

HOST = from_text("a.root-servers.net.")


@pytest.mark.rfc("RFC 9609 §3.3")
@pytest.mark.reaches("PRIMING_RETRY_SECONDS")
@trio_test
async def test_a_priming_that_failed_is_tried_again_later() -> None:
    asked = []

    async def ask(request: Request) -> Reply:  # noqa: ARG001  # called by any name
        asked.append(trio.current_time())
        raise ResolutionFailed("nobody answers")

    kept = DelegationCache()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_primed, ask, kept, Delegation(ROOT, (), {}), VirtualClock())
        await trio.sleep(2.5 * PRIMING_RETRY_SECONDS)
        nursery.cancel_scope.cancel()
    gaps = [later - sooner for sooner, later in pairwise(asked)]
    assert gaps == pytest.approx([PRIMING_RETRY_SECONDS] * 2)
    assert len(kept) == 0


@pytest.mark.rfc("RFC 9609 §3")
@pytest.mark.reaches("PRIMING_REFRESH_SHARE")
@trio_test
async def test_what_the_root_says_replaces_the_hints_and_is_renewed_before_it_expires() -> None:
    asked = []
    glue: dict[Name, tuple[Server, ...]] = {HOST: (Server("192.0.2.1", 53, HOST),)}
    told = Referral(ROOT, (HOST,), 1000, glue, ())

    async def ask(request: Request) -> Reply:
        asked.append((trio.current_time(), request.question))
        return cast("Reply", SimpleNamespace(classified=SimpleNamespace(referral=told)))

    kept, clock = DelegationCache(), VirtualClock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_primed, ask, kept, Delegation(ROOT, (), {}), clock)
        await trio.sleep(990)
        nursery.cancel_scope.cancel()
    assert [question for _, question in asked] == [Question(ROOT, RRType.NS)] * 2
    assert asked[1][0] - asked[0][0] == pytest.approx(1000 * PRIMING_REFRESH_SHARE)
    root = kept.get(ROOT, clock.now())
    assert root is not None
    assert root.nameservers == (HOST,)
