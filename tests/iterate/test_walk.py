"""The way from cut to cut: how long each delegation holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from resolver.model import Delegation, Server
from resolver.protocol.codes import Flag
from tests.iterate.making import Land, referral
from tests.making import name, reply
from tests.support import trio_test

if TYPE_CHECKING:
    from resolver.protocol.message import Message

DAY = 86_400
DENIED = reply("www.low.mid.alder. A", rcode=3, flags=Flag.AA)


def ladder(*, mid: int = 60, low: int = DAY) -> dict[str, Message]:
    """alder., mid.alder. for *mid* seconds, low.mid.alder. for *low*."""
    return {
        ". *": referral("alder.", DAY),
        "alder. *": referral("mid.alder.", mid),
        "mid.alder. *": referral("low.mid.alder.", low),
        "low.mid.alder. *": DENIED,
    }


@pytest.mark.rfc("CVE-2022-30698")
@trio_test
async def test_a_delegation_ends_with_the_one_above_it() -> None:
    land = Land(ladder())
    await land.walk("www.low.mid.alder. A")
    assert land.left_s("mid.alder.") == 60
    assert land.left_s("low.mid.alder.") == 60
    await trio.sleep(61)
    land.asked.clear()
    land.script["alder. *"] = DENIED
    await land.walk("two.low.mid.alder. A")
    assert land.asked == ["alder. two.low.mid.alder. 1"]


@pytest.mark.rfc("CVE-2022-30698")
@trio_test
async def test_a_delegation_learnt_late_lasts_no_longer_than_what_vouches_for_it() -> None:
    """Each rung a little before the one above ends (Phoenix domains): all end together."""
    land = Land(ladder(low=60))
    land.script["mid.alder. first.mid.alder. 1"] = DENIED
    await land.walk("first.mid.alder. A")
    await trio.sleep(40)
    await land.walk("www.low.mid.alder. A")
    assert land.left_s("low.mid.alder.") == 20
    land.script["low.mid.alder. *"] = referral("b.low.mid.alder.", 60)
    land.script["b.low.mid.alder. *"] = DENIED
    await trio.sleep(15)
    await land.walk("www.b.low.mid.alder. A")
    assert land.left_s("b.low.mid.alder.") == 5


@pytest.mark.rfc("CVE-2022-30698")
@trio_test
async def test_a_raised_ttl_does_not_outlive_what_vouches_for_it() -> None:
    """`cache.min_ttl` prolongs what a parent said, for its children as for itself."""
    land = Land(ladder(mid=60, low=10), min_ttl=300)
    land.script["mid.alder. first.mid.alder. 1"] = DENIED
    await land.walk("first.mid.alder. A")
    await trio.sleep(200)
    await land.walk("www.low.mid.alder. A")
    assert land.left_s("low.mid.alder.") == 100


@trio_test
async def test_a_walk_ends_below_a_delegation_that_ran_out_on_the_way() -> None:
    """TTL 0 is for the walk in progress (RFC 1035 §3.2.1), and so is all that it leads to."""
    land = Land(ladder(mid=0))
    await land.walk("www.low.mid.alder. A")
    assert land.asked[-1] == "low.mid.alder. www.low.mid.alder. 1"
    assert land.left_s("mid.alder.") is None
    assert land.left_s("low.mid.alder.") is None


@trio_test
async def test_below_the_root_and_below_a_stub_a_delegation_has_its_own_time() -> None:
    """The root is primed anew when its set runs out, and a stub zone is the operator's word."""
    land = Land(ladder())
    root = Delegation(
        b"\0",
        land.hints.nameservers,
        land.hints.glue,
        expires_at=land.clock.now() + 10,
    )
    land.delegations.put(root)
    await land.walk("www.low.mid.alder. A")
    assert land.left_s("alder.") == DAY
    placeholder = name("configured.mid.alder.")
    servers = {placeholder: (Server("192.0.2.9", 53, placeholder),)}
    land.fixed[name("mid.alder.")] = Delegation(
        name("mid.alder."), (placeholder,), servers, expires_at=float("inf")
    )
    land.delegations.clear()
    await land.walk("www.low.mid.alder. A")
    assert land.left_s("low.mid.alder.") == DAY
