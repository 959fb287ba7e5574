"""No story leaves a cycle that holds an exception or a frame of ours.

An exception that is kept holds the frames it came through; one of those that holds it, however
indirectly, is a cycle of some ten kilobytes for each query, until a collector comes by.
"""

from __future__ import annotations

import types
from pathlib import Path

import pytest

import resolver
from resolver.errors import ResolverError
from tests.scenarios.test_own_scenarios import FILES
from tests.simulation.scenario_parse import parse
from tests.simulation.scenario_run import play, variants
from tests.support import only_collected

pytestmark = pytest.mark.no_cover  # hundreds of stories; what they show is shown by others
OURS = Path(resolver.__file__).parent


def _is_ours(frame: types.FrameType) -> bool:
    path = Path(frame.f_code.co_filename)
    return path.is_relative_to(OURS) and not path.is_relative_to(OURS / "lab")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_story_leaves_a_cycle(path: Path) -> None:
    scenario = parse(path)
    with only_collected() as found:
        for variant in variants(scenario):
            play(scenario, variant)
    kept = [repr(thing) for thing in found if isinstance(thing, ResolverError)]
    held = [
        f"{thing.f_code.co_qualname}:{thing.f_lineno}"
        for thing in found
        if isinstance(thing, types.FrameType) and _is_ours(thing)
    ]
    assert (kept, held) == ([], [])
