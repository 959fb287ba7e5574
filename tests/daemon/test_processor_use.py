"""How much of a processor was taken."""

from __future__ import annotations

import pytest

from resolver.daemon.processor_use import ProcessorUse
from resolver.limits import TICK_SECONDS


def test_the_last_minute_and_the_busiest() -> None:
    used, now = [5.0], 1000.0
    use = ProcessorUse(lambda: used[0])
    use.look(now)
    assert (use.last, use.busiest) == (0.0, 0.0)
    for part in (0.8, 0.2):
        used[0] += part * TICK_SECONDS
        now += TICK_SECONDS
        use.look(now)
        assert use.last == pytest.approx(part)
    assert use.busiest == pytest.approx(0.8)
    use.look(now)
    assert use.last == pytest.approx(0.2)
