"""Tokens that several workers keep together."""

from __future__ import annotations

import mmap

import pytest

from resolver.limits import RATE_BURST_SECONDS, RATE_LEASE_PART
from resolver.listen import token_levels
from resolver.listen.admission import raw_address
from resolver.listen.rate_limit import Ledger
from resolver.listen.token_levels import COMMON_OCTETS, CommonLevels, CommonTokens, TokenLevels
from tests.listen.test_rate_limit import MINE, NEIGHBOUR, OTHER, allowed
from tests.support import set_limit

RATE = 100


def _common(workers: int = 2) -> CommonTokens:
    return CommonTokens(mmap.mmap(-1, COMMON_OCTETS), 0, 0xFEED, workers)


def test_who_asks_now_one_worker_now_another_has_as_much_as_who_asks_one() -> None:
    """To the token; whoever asked one worker alone has no more of another."""
    now, common = [0.0], _common()
    one, other = (Ledger(RATE, lambda: now[0], common) for _ in range(2))
    burst = int(RATE * RATE_BURST_SECONDS)
    got = 0
    while not (one.is_over(MINE) and other.is_over(MINE)):
        for ledger in (one, other):
            if not ledger.is_over(MINE):
                ledger.charge(MINE)
                got += 1
    assert got == burst
    assert allowed(one, OTHER) == burst
    assert allowed(other, OTHER) == 0
    now[0] = 1.0
    assert allowed(other, MINE) == RATE
    now[0] = 1.01
    assert allowed(one, MINE) == pytest.approx(1, abs=1)


def test_of_many_workers_each_leases_little_so_that_the_others_are_left_some() -> None:
    """What one has leased and does not use, nobody else can."""
    ledgers = [Ledger(RATE, lambda: 0.0, common) for common in [_common(64)] for _ in range(64)]
    for ledger in ledgers[1:]:
        ledger.charge(MINE)
    lease = max(1.0, RATE * RATE_BURST_SECONDS * RATE_LEASE_PART / 64)
    assert allowed(ledgers[0], MINE) == RATE * RATE_BURST_SECONDS - 63 * (1 + lease)


@pytest.mark.parametrize("network", ["192.0.2.0", "2001:db8::"])
def test_common_levels_are_what_ones_own_are(network: str) -> None:
    address = int.from_bytes(raw_address(network), "big")
    own = TokenLevels(8, 50.0, 3)
    common = CommonLevels(8, 50.0, 3, kind=1, common=_common())
    steps = [(0.0, 10.0), (0.1, 30.0), (0.2, 30.0), (1.0, 1.0), (100.0, 60.0), (100.5, 0.0)]
    for now, tokens in steps:
        for host in (1, 2):
            told = [one.take(address + host, tokens, now, least=-1.0) for one in (own, common)]
            assert told[0] == told[1]


def test_a_clock_that_another_worker_read_a_moment_later_gives_no_tokens_back() -> None:
    common = _common()
    one, other = (CommonLevels(0, 10.0, 4, kind=1, common=common) for _ in range(2))
    assert one.take(7, 10.0, 5.0, least=0.0) == 0.0
    assert other.take(7, 0.0, 4.99, least=0.0) == 0.0


@pytest.mark.reaches("RATE_COMMON_PLACES")
def test_a_full_table_forgets_whom_it_met_longest_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forged sources fill no memory, and merge nobody's tokens with another's."""
    set_limit(monkeypatch, token_levels, "RATE_COMMON_PLACES", 4)
    levels = CommonLevels(0, 10.0, 4, kind=1, common=_common())
    for number in range(1000):
        assert levels.take(number, 1.0, float(number), least=0.0) == 9.0
    assert levels.take(999, 1.0, 999.0, least=0.0) == 8.0


def test_kinds_of_networks_are_apart() -> None:
    common = _common()
    ledger = Ledger(RATE, lambda: 0.0, common)
    assert allowed(ledger, MINE) == RATE * RATE_BURST_SECONDS
    assert allowed(ledger, NEIGHBOUR) == RATE * RATE_BURST_SECONDS
