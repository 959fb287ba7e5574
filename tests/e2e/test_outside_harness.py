"""Scenarios from both sides: the daemon on real sockets agrees with the pipeline in virtual time.

A seeded sample of thirty files (`RESOLVER_SEED` draws another), half of them signed, those that
let time pass well represented.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests import real_data
from tests.e2e import daemon, outside
from tests.scenarios.test_shared_scenarios import EXCEPTIONS, FOLDERS
from tests.simulation import scenario_parse, scenario_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulation.scenario_model import Scenario

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]
SEED = int(os.environ.get("RESOLVER_SEED", "1"))
SAMPLE = 30
WITH_TIME = 6


def _sample() -> list[Path]:
    """Thirty files by the seed: half with a trust anchor, some of each half letting time pass."""
    files = _files()
    rng = random.Random(SEED)
    chosen: list[Path] = []
    for is_signed in (True, False):
        kind = [path for path in files if ("trust-anchor:" in _head(path)) == is_signed]
        timed = [path for path in kind if "TIME_PASSES" in path.read_text(errors="replace")]
        few = rng.sample(timed, min(WITH_TIME // 2, len(timed)))
        rest = [path for path in kind if path not in few]
        chosen += few + rng.sample(rest, min(SAMPLE // 2 - len(few), len(rest)))
    return chosen


def _files() -> list[Path]:
    """What differs from the files by design differs from outside too, and is told of elsewhere.

    Zones that a file has held whole are judged, not served (`scenario_copy`): no daemon plays them.
    """
    scenarios = real_data.FOLDER.parent / "scenarios"
    paths = sorted(path for folder in FOLDERS for path in (scenarios / folder).glob("*.rpl"))
    return [
        path
        for path in paths
        if path.relative_to(scenarios).as_posix() not in EXCEPTIONS
        and "auth-zone:" not in _head(path)
    ]


def _head(path: Path) -> str:
    lines = path.read_text(errors="replace").partition("CONFIG_END")[0].splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(";"))


def _variant(scenario: Scenario) -> scenario_run.Variant:
    return random.Random(f"{SEED} {scenario.path.name}").choice(scenario_run.variants(scenario))


@pytest.mark.parametrize("path", _sample(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_both_roads_agree(path: Path, tmp_path: Path) -> None:
    """The daemon passes the file from outside, as the pipeline does from inside."""
    daemon.require("faketime")
    scenario = scenario_parse.parse(path)
    _compare(path, tmp_path, _variant(scenario))


@pytest.mark.long
@pytest.mark.parametrize("path", _files(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_both_roads_agree_on_every_file(path: Path, tmp_path: Path) -> None:
    """All files in all variants: some three minutes."""
    daemon.require("faketime")
    for number, variant in enumerate(scenario_run.variants(scenario_parse.parse(path))):
        directory = tmp_path / str(number)
        directory.mkdir()
        _compare(path, directory, variant)


def _compare(path: Path, directory: Path, variant: scenario_run.Variant) -> None:
    inside = scenario_run.play(scenario_parse.parse(path), variant)
    result = outside.play(
        scenario_parse.parse(path), directory, minimise=variant.minimise, fill=variant.fill
    )
    report = f"seed {SEED}, {variant}: {result.failure} {result.unscripted}\n{result.log}"
    assert result.passed == inside.passed, f"{report}\ninside: {inside}"
    assert result.passed, report


def test_the_sample_is_what_it_says() -> None:
    daemon.require_data("..", "scenarios")
    sample = _sample()
    assert len(set(sample)) == SAMPLE
    assert sum("trust-anchor:" in _head(path) for path in sample) == SAMPLE // 2
