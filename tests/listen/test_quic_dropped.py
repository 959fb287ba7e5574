"""Ten thousand QUIC connections, dropped at every stage: what they held is given back."""

from __future__ import annotations

import gc
import re
from pathlib import Path
from typing import Final

import pytest

from tests.listen.quic_client import listening
from tests.listen.test_quic_strangers import all_stages
from tests.support import trio_test

ROUNDS: Final = 1_112  # of nine connections each
GROWTH_KB: Final = 4096  # a connection that stays has 90


def _rss_kb() -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rounds", [ROUNDS])
@trio_test
async def test_memory_is_back_at_the_start_without_a_collector(rounds: int) -> None:
    async with listening() as it:
        for _ in range(rounds // 10):  # what is made once is made
            await all_stages(it)
        gc.collect()
        gc.disable()
        try:
            before = _rss_kb()
            for _ in range(rounds):
                await all_stages(it)
            grown = _rss_kb() - before
        finally:
            gc.enable()
        assert it.is_empty()
        assert grown < GROWTH_KB
