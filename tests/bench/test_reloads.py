"""What `bench.reloads` counts, and that its changes are what they say."""

from __future__ import annotations

import math

import pytest

from bench.reloads.__main__ import Reloads
from bench.reloads.changes import CHANGES, configuration
from bench.reloads.load import Heard
from resolver.config import load
from resolver.config.changes import changes


def test_latencies_losses_and_failures_are_read_from_dnsperf() -> None:
    lines = [
        "DNS Performance Testing Tool\n", "> NOERROR n1.example.com A 0.000250\n",
        "> T n2.example.com A\n", "> SERVFAIL n3.example.com A 0.002000\n",
        "> NOERROR n4.example.com A 0.001000\n",
    ]  # fmt: skip
    heard = Heard.of(lines)
    assert heard.latencies_ms == [0.25, 1.0, 2.0]
    assert (heard.lost, dict(heard.wrong)) == (1, {"SERVFAIL": 1})
    assert heard.quantile_ms(0.5) == 1.0
    assert heard.quantile_ms(0.99) == math.inf  # what never came took longest


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.kind)
def test_each_change_is_one_that_a_daemon_takes_live(change: object) -> None:
    before = load.loads(configuration((), {}))
    after = load.loads(configuration((change,), {}))  # type: ignore[arg-type]
    found = changes(before, after)
    assert bool(found) == (getattr(change, "kind") != "nothing")  # noqa: B009
    assert all(each.effect in ("live", "reopen") for each in found)


def test_memory_that_grows_shows() -> None:
    flat = Reloads(rss_mb=[40.0, 50.0, 50.0, 50.0, 50.5, 50.0, 50.0, 50.2])
    grows = Reloads(rss_mb=[50.0 + at for at in range(40)])
    assert flat.growth < 1.01
    assert grows.growth > 1.05
