"""Whole random Internets: the answer is the world's truth; and planted bugs do not get through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.properties.planted import BUGS
from tests.simulation.worlds import try_worlds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.heavy

WORLDS = 2000
PARTS = 8
# Of those: in every run of the tests. All of them are long.
ALWAYS = 2
# Enough worlds for each bug to show; most show in the first ten.
WORLDS_PER_BUG = 150


@pytest.mark.rfc("RFC 1034 §5.3.3 bounds")
@pytest.mark.rfc("RFC 1034 §5.3.3")
@pytest.mark.parametrize(
    "part",
    [pytest.param(part, marks=[pytest.mark.long] * (part >= ALWAYS)) for part in range(PARTS)],
)
def test_the_answer_is_the_worlds_truth(
    part: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SERVFAIL is right only where the oracle finds no sure way; every fault is common enough."""
    size = WORLDS // PARTS
    seeds = range(part * size, (part + 1) * size)
    report = try_worlds(seeds, directory=str(tmp_path))
    with capsys.disabled():
        lines = "\n".join(report.lines())
        print(f"\nseeds {seeds.start} to {seeds.stop - 1}: {lines}")  # noqa: T201  (seeds and rates are the result)
    assert report.faults == []
    assert report.rarest() >= 0.05


@pytest.mark.interpreted
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught(
    bug: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    for first in range(0, WORLDS_PER_BUG, 10):
        if try_worlds(range(first, first + 10), directory=str(tmp_path)).faults:
            return
    pytest.fail(f"{WORLDS_PER_BUG} worlds, and {bug.__name__} went unnoticed")
