"""A zone's servers are not asked more often than a rate allows; some questions pass still."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

import pytest

from resolver.delegation import Delegation
from resolver.errors import Withheld
from resolver.iterate import zone_rate
from resolver.iterate.zone_rate import ZoneRate
from resolver.limits import (
    RATE_BURST_SECONDS,
    RATE_MISS,
    ZONE_RATE,
    ZONE_RATE_CLIENTS,
    ZONE_RATE_LET,
)
from resolver.listen.rate_limit import RATE_PREFIXES
from resolver.model import Question
from resolver.protocol import names
from resolver.upstream.request import Request
from tests.support import set_limit, trio_test

if TYPE_CHECKING:
    from resolver.upstream.request import Ask, Reply


def request(zone: str, *, way: bytes | None = None) -> Request:
    name = names.from_text(zone)
    delegation = Delegation(name, (), way=way)
    nothing = cast("Any", None)
    return Request(Question(name, 1), delegation, nothing, nothing, nothing)


async def ask(request: Request) -> Reply:
    return cast("Reply", request)


async def asked(limited: Ask, zone: str, times: int) -> int:
    """How many of so many questions were asked."""
    went = 0
    for _ in range(times):
        with contextlib.suppress(Withheld):
            await limited(request(zone))
            went += 1
    return went


@pytest.mark.reaches("ZONE_RATE", "ZONE_RATE_LET")
@trio_test
async def test_over_the_rate_one_in_ten_is_asked() -> None:
    now = [0.0]
    rate = ZoneRate(lambda: now[0])
    rate.go_by(10)
    limited = rate.asking(ask)
    saved = int(RATE_BURST_SECONDS * ZONE_RATE)
    assert await asked(limited, "victim.example.", saved) == pytest.approx(saved, abs=1)
    with pytest.raises(Withheld, match="are asked too often"):
        await limited(request("victim.example."))
    more = await asked(limited, "victim.example.", 100 * ZONE_RATE_LET)
    assert more == pytest.approx(100, abs=1)
    assert await asked(limited, "other.example.", 1) == 1
    now[0] = 1.0
    more = await asked(limited, "victim.example.", 2 * ZONE_RATE)
    assert more == pytest.approx(ZONE_RATE + ZONE_RATE / ZONE_RATE_LET, abs=2)
    now[0] = 10.0
    assert await asked(limited, "victim.example.", saved) == pytest.approx(saved, abs=1)


@trio_test
async def test_what_is_asked_for_all_below_it_and_what_is_configured_is_not_counted() -> None:
    rate = ZoneRate(lambda: 0.0)
    rate.go_by(10)
    limited = rate.asking(ask)
    for _ in range(ZONE_RATE * 2):
        await limited(request("."))
        await limited(request("com."))
        await limited(request("corp.example.", way=names.from_text("corp.example.")))
    assert rate.limited == 0


@trio_test
async def test_it_is_off_where_rates_are() -> None:
    rate = ZoneRate(lambda: 0.0)
    limited = rate.asking(ask)
    for _ in range(ZONE_RATE * 2):
        await limited(request("victim.example."))
    assert (rate.limited, rate._worked_off) == (0, {})


@pytest.mark.reaches("ZONE_RATE_ZONES")
def test_random_zones_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    set_limit(monkeypatch, zone_rate, "ZONE_RATE_ZONES", 5)
    rate = ZoneRate(lambda: 0.0)
    rate.go_by(10)
    for at in range(50):
        assert rate.admits(request(f"z{at}.example."))
    assert len(rate._worked_off) == 5


def test_zones_that_are_left_in_peace_are_forgotten() -> None:
    now = [0.0]
    rate = ZoneRate(lambda: now[0])
    rate.go_by(10)
    for at in range(50):
        assert rate.admits(request(f"z{at}.example."))
    now[0] = RATE_BURST_SECONDS
    assert rate.admits(request("z.example."))
    assert len(rate._worked_off) == 1


@pytest.mark.reaches("ZONE_RATE_CLIENTS")
@trio_test
async def test_what_one_network_may_ask_leaves_others_some() -> None:
    """Where clients may ask much, a zone's servers may be asked more."""
    rate = ZoneRate(lambda: 0.0)
    rate.go_by(1000)
    assert max(RATE_PREFIXES[4][24], RATE_PREFIXES[16][64]) < ZONE_RATE_CLIENTS * RATE_MISS
    limited = rate.asking(ask)
    most = int(RATE_BURST_SECONDS * ZONE_RATE_CLIENTS * 1000)
    assert await asked(limited, "victim.example.", most) == pytest.approx(most, abs=1)
    with pytest.raises(Withheld):
        await limited(request("victim.example."))


@trio_test
async def test_a_network_that_saved_up_its_tokens_leaves_others_some_too() -> None:
    """A /24's first second: all that it saved up, and what the second brings."""
    now = [0.0]
    rate = ZoneRate(lambda: now[0])
    rate.go_by(1000)
    limited = rate.asking(ask)
    tokens = RATE_PREFIXES[4][24] * 1000 * RATE_BURST_SECONDS
    for tenth in range(10):
        now[0] = tenth / 10
        for _ in range(int(tokens / RATE_MISS)):
            await limited(request("victim.example."))
        await limited(request("victim.example."))
        tokens = RATE_PREFIXES[4][24] * 1000 / 10
